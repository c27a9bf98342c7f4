"""The page of ``hrm serve`` in a browser, as a person uses it: by pointer, by keys alone, on a phone, in the dark."""

import re
import time
from urllib.parse import parse_qs, urlsplit

import pytest

from .conftest import board, grave, link, ready, require_readable, watched

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SUDOKU, ANSWER = "..1.4.....2.3...", "2314413214233241"
INKALA = "8..........36......7..9.2...5...7.......457.....1...3...1....68..85...1..9....4.."
SOLVED = "812753649943682175675491283154237896369845721287169534521974368438526917796318452"
MAZE = "S#   ####  # #   ## #    #    ## #### #  #    # ## # ## # #    # # ## ##   #    # #### ####     #  G"


@pytest.mark.parametrize("model, puzzle", [("sudoku-9x9", INKALA), ("maze-10x10", MAZE)])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_everybody_can_read_it(opened, model, puzzle, scheme, width):
    page = opened(link(model, puzzle), width, scheme)
    ready(page)
    page.click("#as-text" if page.is_visible("#as-text") else "#text")
    require_readable(page, width)
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", paper)[:3])) < 3 * 64) == (scheme == "dark")


def test_a_sudoku_by_keys_alone(opened):
    page = opened("#model=sudoku-4x4")
    ready(page)

    def tab_to(selector):
        for _ in range(40):
            page.keyboard.press("Tab")
            if page.evaluate("s => document.activeElement.matches(s)", selector):
                return
        raise AssertionError(f"no key leads to {selector}")

    tab_to("#clear")
    page.keyboard.press("Enter")
    page.focus("#model")
    tab_to("#board .cell")
    # type a puzzle: each symbol, then one cell on
    for row in re.findall("....", SUDOKU):
        for symbol in row:
            page.keyboard.press(symbol)
            page.keyboard.press("ArrowRight")
        page.keyboard.press("Home")
        page.keyboard.press("ArrowDown")
    assert page.locator("#board .cell").nth(2).get_attribute("aria-label") == "row 1, column 3: 1"
    assert parse_qs(urlsplit(page.url).fragment)["puzzle"] == [SUDOKU]
    # a clash is marked at once, and taken back
    page.keyboard.press("4")
    assert "clashes" in page.locator("#board .cell").nth(12).get_attribute("aria-label")
    page.keyboard.press("3")
    tab_to("#solve")
    page.keyboard.press("Enter")
    assert watched(page) == "Checked against the rules"
    assert page.evaluate("document.activeElement.id") == "slider" and board(page) == ANSWER
    last = page.input_value("#slider")
    page.keyboard.press("Home")
    assert page.get_attribute("#slider", "aria-valuetext").startswith("The puzzle, 4 cells given")
    assert board(page) == SUDOKU.replace(".", "")
    page.keyboard.press("ArrowRight")
    says = page.get_attribute("#slider", "aria-valuetext")
    assert re.match(rf"Segment 1 of {last}, \d+ cells? changed, .*sure \d+", says)
    page.keyboard.press("End")
    tab_to("#back")
    page.keyboard.press("Enter")
    assert page.is_visible("#solve") and board(page) == SUDOKU.replace(".", "")


def test_a_hard_one_is_watched_segment_by_segment(opened, address):
    page = opened(link("sudoku-9x9", INKALA))
    ready(page)
    page.click("#solve")
    assert watched(page) == "Checked against the rules" and board(page) == SOLVED
    last = int(page.get_attribute("#slider", "max"))
    assert last > 5 and f"Solved: {last} segments" in page.inner_text("#story")
    # segment 1: changed, unsure and clashing cells are marked by more than a color
    page.focus("#slider")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    labels = [cell.get_attribute("aria-label") for cell in page.locator("#board .cell").all()]
    assert sum("changed" in label for label in labels) == 81 - 21 and any("clashes" in label for label in labels)
    assert re.search(r": \d, \d+ % sure, changed", " ".join(labels))
    clash = page.locator("#board .cell.clash").first
    assert clash.evaluate("e => getComputedStyle(e, '::after').borderTopStyle") == "solid"
    changed = page.locator("#board .cell.changed").first
    assert changed.evaluate("e => getComputedStyle(e, '::before').borderTopStyle") == "solid"
    fog = page.locator("#board .own").evaluate_all("all => all.map(e => Number(e.style.getPropertyValue('--fog')))")
    assert max(fog) - min(fog) > 0.3
    assert page.locator("#curve .dot").count() == min(last, 40) or last > 40
    # givens are never marked
    for place, symbol in enumerate(INKALA):
        if symbol != ".":
            assert "changed" not in labels[place]


def test_it_plays_and_pauses(opened):
    page = opened(link("sudoku-9x9", INKALA), motion="no-preference")
    ready(page)
    page.click("#solve")
    watched(page)
    assert page.get_attribute("#play", "aria-label") == "Pause"
    page.keyboard.press(" ")  # the slider has the focus
    assert page.get_attribute("#play", "aria-label") == "Play"
    at = page.input_value("#slider")
    page.wait_for_timeout(700)
    assert page.input_value("#slider") == at
    page.click("#play")
    page.locator("#play[aria-label=Play]").wait_for()
    assert page.input_value("#slider") == page.get_attribute("#slider", "max") and board(page) == SOLVED


def test_a_maze_is_drawn_with_a_pointer(opened):
    page = opened("#model=maze-10x10")
    ready(page)
    page.click("#clear")
    cells = page.locator("#board .cell")
    page.click("#symbols >> text=wall")
    # a wall from cell to cell in one stroke, one of them taken away again
    first, last = cells.nth(40).bounding_box(), cells.nth(48).bounding_box()
    page.mouse.move(first["x"] + 9, first["y"] + 9)
    page.mouse.down()
    page.mouse.move(last["x"] + 9, last["y"] + 9, steps=30)
    page.mouse.up()
    cells.nth(44).click()
    for name, places in (("start", (3, 0)), ("goal", (90,))):
        page.click(f"#symbols >> text={name}")
        for place in places:
            cells.nth(place).click()
    puzzle = parse_qs(urlsplit(page.url).fragment, strict_parsing=True)["puzzle"][0]
    rows = [puzzle[at : at + 10] for at in range(0, 100, 10)]
    assert rows[0] == "S         " and rows[4] == "#### #### " and rows[9] == "G         "
    page.click("#solve")
    watched(page)
    assert page.locator("#board [aria-label*='path']").count() >= 9


def test_a_link_brings_the_puzzle_and_the_model_back(opened, address):
    page = opened(link("maze-10x10", MAZE), permissions=["clipboard-read", "clipboard-write"])
    ready(page)
    page.click("#share")
    page.locator("#shared", has_text="Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(f"{address}#model=maze-10x10&puzzle=S%23")
    other = opened(copied.removeprefix(address), 390)
    ready(other)
    assert other.input_value("#model") == "maze-10x10" and other.input_value("#text") == MAZE
    # another link in the same tab
    other.evaluate("address => { location.hash = address }", link("sudoku-4x4", SUDOKU))
    other.locator("#board[aria-label*='4 rows'] .given").first.wait_for()
    assert board(other) == SUDOKU.replace(".", "")


def test_a_link_that_cannot_be_read_keeps_its_text(opened):
    page = opened(link("sudoku-4x4", "11.............."), may_log=("status of 422",))
    page.locator("#problem:not([hidden])").wait_for()
    assert page.input_value("#text") == "11.............." and page.is_visible("#read")
    page.fill("#text", SUDOKU)
    page.click("#read")
    page.locator("#board .given").first.wait_for()
    assert board(page) == SUDOKU.replace(".", "") and not page.is_visible("#problem")


def test_text_in_any_notation_is_read(opened):
    page = opened(link("sudoku-4x4", SUDOKU), may_log=("status of 422",))
    ready(page)
    page.click("#as-text")
    page.fill("#text", "3 . 4 .\n. . . .\n3 . . 1\n. . 4 .")
    page.click("#read")
    page.locator("#problem:not([hidden])").wait_for()  # column 1 has two 3
    assert "contradict" in page.inner_text("#problem")
    page.fill("#text", "3 . 4 .\n. . . .\n. 3 . .\n1 . . 4")
    page.click("#read")
    page.locator("#problem").wait_for(state="hidden")
    assert board(page) == "34314"
    # pasted onto the grid
    page.locator("#board .cell").first.focus()
    page.evaluate("""text => {
        const data = new DataTransfer();
        data.setData("text/plain", text);
        document.activeElement.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true }));
    }""", SUDOKU)  # fmt: skip
    page.locator("#board .cell >> nth=2 >> text=1").wait_for()
    assert board(page) == SUDOKU.replace(".", "")


@pytest.mark.parametrize("status, says", [
    (413, "too much text"), (422, "<img src=x onerror=alert(1)>"), (429, "Wait a few seconds"),
    (503, "Try again in a minute"), (504, "less effort"), (0, "Is the server still running?"),
])  # fmt: skip
def test_a_refusal_is_said_in_plain_words_and_as_text(opened, status, says):
    page = opened(link("sudoku-4x4", SUDOKU), may_log=("Failed to load resource",))
    ready(page)
    reason = '{"status": 0, "reason": "<img src=x onerror=alert(1)> is no cell"}'

    def refuse(route):
        if status:
            route.fulfill(status=status, content_type="application/json", body=reason)
        else:
            route.abort()

    page.route("**/v1/solve", refuse)
    page.click("#solve")
    page.locator("#problem:not([hidden])").wait_for()
    assert says in page.inner_text("#problem") and page.locator("img").count() == 0
    # the next try works
    page.unroute("**/v1/solve")
    page.click("#solve")
    assert watched(page) == "Checked against the rules" and not page.is_visible("#problem")


def test_what_has_no_answer_is_not_called_right(opened):
    no_solution = "123....4........"  # nothing fits row 1, column 4
    page = opened(link("sudoku-4x4", no_solution))
    ready(page)
    page.click("#solve")
    assert watched(page) == "Not verified" and "breaks a rule" in page.inner_text("#story")
    assert page.locator("#board .clash").count() > 0
    assert page.is_visible("#harder")


def test_a_maze_without_a_way_is_not_called_solved(opened):
    page = opened(link("maze-10x10", "S#".ljust(10) + "##".ljust(10) + "G".rjust(80)))
    ready(page)
    page.click("#solve")
    assert watched(page) == "Not verified"
    clashing = page.locator("#board .clash").count()
    assert ("though no single cell clashes" in page.inner_text("#story")) == (clashing == 0)


def test_a_greater_effort_says_what_it_assumed(opened):
    puzzle = "..53.....8......2..7..1.5..4....53...1..7...6..32...8..6.5....9..4....3......97.."
    page = opened(link("sudoku-9x9", puzzle))
    ready(page)
    page.click("#solve")
    assert watched(page) == "Not verified" and "The answer breaks a rule: 64 segments" in page.inner_text("#story")
    page.click("#harder")
    page.locator("#badge", has_text="Checked").wait_for()
    assert re.match(r"Solved: \d+ segments in \d+ runs, .* took 1 open cell as given", page.inner_text("#story"))
    assumed = page.locator("#board .pinned")
    assert assumed.count() == 1 and assumed.get_attribute("aria-label").endswith("assumed")
    assert not page.is_visible("#harder") and grave(page) == []


def test_thinking_can_be_stopped(opened):
    page = opened(link("sudoku-4x4", SUDOKU))
    ready(page)
    page.route("**/v1/solve", lambda route: time.sleep(0.1))  # never answered
    page.click("#solve")
    page.locator("#solve", has_text="Stop").click()
    page.locator("#solve", has_text="Solve").wait_for()
    assert page.is_visible("#edit") and not page.is_visible("#problem")


def test_a_link_to_a_model_that_is_not_here_says_so(opened):
    page = opened(link("<b>gone</b>", SUDOKU))
    page.locator("#problem:not([hidden])").wait_for()
    assert "the model <b>gone</b>, which is not here" in page.inner_text("#problem")
    assert page.locator("#board .cell").count() == 16
