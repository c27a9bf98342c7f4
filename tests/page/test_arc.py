"""The page with a model of ARC: a task with its demonstrations, a grid of any size, and answers of other sizes."""

import json
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import torch

from hrm.inference.load import load
from hrm.puzzles.arc.canvas import decode, encode

from .conftest import listening, require_readable, watched

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def served(arc_run):
    """A page with a tiny model that stands in for a trained one: after two drafts it answers the mirrored input."""
    solver = load(arc_run / "arc-run", "cpu", "fp32")
    segment, embed = solver.model.segment, solver.embed

    def seen(inputs, puzzle_ids=None):
        mirrored = encode([grid[:, ::-1] for grid in decode(inputs)])
        solver.seen = [torch.from_numpy(grids.astype("int64")) for grids in (inputs, mirrored)]
        return embed(inputs, puzzle_ids)

    def drafts(latents, x, cycles=None):
        made, number = segment(latents, x, cycles), round(float(latents.z_H[0, 0, 0]) / 1000) + 1
        made.latents.z_H[:, 0, 0] = 1000.0 * number
        logits = 4.0 * torch.nn.functional.one_hot(solver.seen[number == 3], 12)
        if number < 3:  # two cells are another color, of which it is not sure
            logits[:, 30 * (2 - number) :][:, :2] = torch.nn.functional.one_hot(torch.tensor(5), 12).float()
        return type(made)(made.latents, logits, torch.full((len(logits),), number - 1.5), None)

    solver.model.segment, solver.embed = drafts, seen
    with listening({"arc": solver}) as url:
        yield url


def task_of(arc_run, name):
    return json.loads(next((arc_run / "tasks").rglob(f"{name}.json")).read_text())


def fragment(page):
    return {key: value[0] for key, value in parse_qs(urlsplit(page.url).fragment).items()}


def linked(task, grid):
    return "#" + urlencode({"model": "arc", "task": task, "puzzle": json.dumps(grid, separators=(",", ":"))})


def shown(page):
    """Return the colors of the board, row by row; cells outside are left out."""
    rows = page.locator("#board [role=row]").evaluate_all(
        "rows => rows.map(row => [...row.children].map(cell => cell.getAttribute('aria-label')))"
    )
    names = ["black", "blue", "red", "green", "yellow", "gray", "pink", "orange", "light blue", "dark red"]
    told = [[label.partition(": ")[2].partition(",")[0] for label in row] for row in rows]
    return [[names.index(each) for each in row if each != "outside"] for row in told]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_everybody_can_use_it(opened, served, arc_run, width, scheme):
    page = opened(linked("grow", task_of(arc_run, "grow")["test"][0]["input"]), width, scheme, url=served)
    page.locator("#source", has_text="link").wait_for()
    assert page.locator("#pairs svg").count() == 6 and page.is_visible("#size")
    require_readable(page, width)


def test_a_task_is_chosen_and_its_test_is_watched(opened, served, arc_run):
    page, task = opened(url=served), task_of(arc_run, "flip")
    page.locator("#source", has_text="Held-out puzzle").wait_for()
    assert page.locator("#task option").all_text_contents() == ["flip", "grow", "paint"]
    page.select_option("#task", "flip")
    page.locator("#source", has_text="Held-out test 1 of flip").wait_for()
    assert fragment(page)["task"] == "flip" and shown(page) == task["test"][0]["input"]
    # each demonstration is read out
    said = page.locator("#pairs svg").evaluate_all("all => all.map(e => e.getAttribute('aria-label'))")
    for number, pair in enumerate(task["train"]):
        for place, part in enumerate(("input", "output")):
            rows, grid = said[2 * number + place], pair[part]
            assert rows == f"{part.title()} {number + 1}, {len(grid)} by {len(grid[0])}: " + "; ".join(
                " ".join(map(str, row)) for row in grid
            )
    # segment by segment: what the network answers, held to the known answer
    page.click("#solve")
    assert watched(page) == "Equals the known answer" and page.locator("#known svg").count() == 1
    last = int(page.get_attribute("#slider", "max"))
    assert last == 3 and shown(page) == task["test"][0]["output"]
    page.focus("#slider")
    page.keyboard.press("Home")
    size = f"{len(task['test'][0]['input'])}×{len(task['test'][0]['input'][0])}"
    assert page.get_attribute("#slider", "aria-valuetext") == f"The test, {size}"
    page.keyboard.press("ArrowRight")
    assert page.get_attribute("#slider", "aria-valuetext").startswith(f"Segment 1 of {last}, ")
    assert page.locator("#board .changed").count() > 0
    # another one is not right
    page.click("#back")
    page.select_option("#task", "grow")
    page.locator("#source", has_text="Held-out test 1 of grow").wait_for()
    page.click("#solve")
    assert watched(page) == "Not the known answer" and shown(page) != task_of(arc_run, "grow")["test"][0]["output"]
    # a task of the training has no held-out test
    page.click("#back")
    page.select_option("#task", "paint")
    page.locator("#source", has_text="no held-out test").wait_for()
    assert shown(page) == [[0] * 3] * 3 and page.locator("#pairs svg").count() == 8
    page.click("#random")
    page.locator("#source", has_text="Held-out puzzle").wait_for()
    assert fragment(page)["task"] in ("flip", "grow")


def test_a_grid_is_written_by_keys_and_drawn(opened, served):
    page = opened("#model=arc&task=paint&puzzle=[[0]]", url=served)
    page.locator("#source", has_text="link").wait_for()
    page.fill("#columns", "4")
    page.press("#columns", "Enter")
    page.fill("#rows", "2")
    page.press("#rows", "Tab")
    assert shown(page) == [[0] * 4] * 2
    page.locator("#board .cell").first.focus()
    for key in ("3", "ArrowRight", "1", "ArrowDown", "9", "End", "7", "Home", "5", "Delete", "6"):
        page.keyboard.press(key)
    assert shown(page) == [[3, 1, 0, 0], [6, 9, 0, 7]]
    page.click("#symbols [aria-label='8: light blue']")
    cells = page.locator("#board .cell")
    first, last = cells.nth(1).bounding_box(), cells.nth(3).bounding_box()
    page.mouse.move(first["x"] + 20, first["y"] + 20)
    page.mouse.down()
    page.mouse.move(last["x"] + 20, last["y"] + 20, steps=12)
    page.mouse.up()
    cells.nth(3).click()  # a second click changes nothing
    assert shown(page) == [[3, 8, 8, 8], [6, 9, 0, 7]]
    assert fragment(page) == {"model": "arc", "task": "paint", "puzzle": "[[3,8,8,8],[6,9,0,7]]"}
    # what is left over of a smaller grid stays, and text of any form is read
    page.fill("#columns", "2")
    page.press("#columns", "Enter")
    assert shown(page) == [[3, 8], [6, 9]]
    page.fill("#rows", "99")
    page.press("#rows", "Enter")
    assert len(shown(page)) == 30 and page.input_value("#rows") == "30"
    page.click("#as-text")
    page.fill("#text", "012\n345")
    page.click("#read")
    page.locator("#board[aria-label*='2 rows and 3 columns']").wait_for()
    assert shown(page) == [[0, 1, 2], [3, 4, 5]]
    page.click("#solve")
    assert watched(page) == "Not verified" and page.locator("#known").is_hidden()


def test_a_link_brings_task_and_grid_back_and_an_unknown_task_is_said(opened, served):
    page = opened(linked("flip", [[1, 2], [3, 4]]), permissions=["clipboard-read", "clipboard-write"], url=served)
    page.locator("#source", has_text="link").wait_for()
    page.click("#share")
    page.locator("#shared", has_text="Copied").wait_for()
    other = opened(page.evaluate("navigator.clipboard.readText()").removeprefix(served), 390, url=served)
    other.locator("#source", has_text="link").wait_for()
    assert other.input_value("#task") == "flip" and shown(other) == [[1, 2], [3, 4]]
    gone = opened(linked("gone", [[1]]), url=served)
    gone.locator("#problem:not([hidden])").wait_for()
    assert "the task gone, which arc does not know" in gone.inner_text("#problem")
