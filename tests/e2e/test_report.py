"""``hrm report``: the command, and its page in a browser."""

import re
import resource
import time
from pathlib import Path

import pytest


def test_a_page_its_numbers_and_a_line(hrm, workplace, csv_4x4):
    result = hrm(
        "report", "sudoku-4x4", "--out", "r.html", "--data", csv_4x4, "--segments", 2, "--analyses", "none", "--json"
    )
    assert result.code == 0, result.err
    text = (workplace / "r.html").read_text(encoding="utf-8")
    assert result.json["bytes"] == (workplace / "r.html").stat().st_size
    last = result.json["results"]["per_segment"][-1]
    assert f"{100 * last['exact']:.1f}\u202f%" in text and "hrm report sudoku-4x4 --out r.html" in text
    assert result.json["protocol"]["weights_sha256"] in text and result.json["protocol"]["rows_sha256"] in text


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--out", "r.pdf"), "must end in .html"),
        (("--analyses", "depth,residual"), "Did you mean 'residuals'"),
        (("--data", "gone.csv"), "there is no file or store gone.csv"),
    ],
)
def test_mistakes_are_one_line(hrm, arguments, says):
    result = hrm("report", "sudoku-4x4", *arguments)
    assert result.code == 2 and says in result.err and "Traceback" not in result.err


@pytest.fixture(scope="module")
def browser(browser):
    """Return headless Chromium; tests skip where what looks for barriers is absent."""
    pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")
    return browser


@pytest.fixture(scope="module")
def pages(hrm, workplace, csv_4x4) -> dict[str, Path]:
    """Return a page with solved and failed puzzles and figures, one of mazes, and one with training curves."""
    hrm("train", "smoke", "--out", "report run", timeout=500)
    commands = {
        "sudoku": ("sudoku-4x4", "--data", csv_4x4, "--segments", 2, "--analyses", "residuals,intermediate"),
        "maze": ("maze-10x10", "--puzzles", 8, "--analyses", "calibration"),
        "trained": ("report run", "--data", csv_4x4, "--analyses", "none"),
    }
    found = {}
    for name, command in commands.items():
        result = hrm("report", *command, "--out", f"{name}.html", timeout=500)
        assert result.code == 0, result.err
        found[name] = workplace / f"{name}.html"
    return found


def opened(browser, file: Path, width: int, scheme: str):
    """Return a page in a window of this width, and the list in which its errors are collected."""
    page = browser.new_page(viewport={"width": width, "height": 844}, color_scheme=scheme)
    page.set_default_timeout(60_000)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if message.type in ("error", "warning") else None)
    page.on("request", lambda request: None if request.url.startswith("file:") else wrong.append(request.url))
    page.goto(file.as_uri())
    return page, wrong


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", ["sudoku", "maze", "trained"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_goes_wrong_and_everybody_can_read_it(browser, pages, name, scheme, width):
    from axe_playwright_python.sync_playwright import Axe

    page, wrong = opened(browser, pages[name], width, scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    grave = [
        (violation["id"], [node["html"][:200] for node in violation["nodes"][:3]])
        for violation in Axe().run(page).response["violations"]
        if violation["impact"] in ("serious", "critical")
    ]
    assert grave == []
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", paper)[:3])) < 3 * 64) == (scheme == "dark")
    assert wrong == []
    page.close()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_arrow_keys_move_through_the_segments(browser, pages):
    page, wrong = opened(browser, pages["sudoku"], 1280, "light")
    card = page.locator("[data-puzzle]").first
    slider, picture, says = card.locator("input"), card.locator(".picture"), card.locator(".says")
    last = picture.inner_html()
    assert slider.input_value() == "2" and says.inner_text().startswith("segment 2 of 2")
    slider.focus()
    page.keyboard.press("ArrowLeft")
    assert slider.input_value() == "1" and says.inner_text().startswith("segment 1 of 2")
    assert picture.inner_html() != last
    page.keyboard.press("Home")
    assert slider.input_value() == "0" and says.inner_text().startswith("puzzle")
    assert slider.get_attribute("aria-valuetext").startswith("puzzle, ")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert slider.input_value() == "2" and picture.inner_html() == last
    assert wrong == []
    page.close()


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", ["sudoku", "maze"])
def test_a_cell_says_what_is_in_it_and_narrow_windows_say_that_figures_scroll(browser, pages, name):
    page, wrong = opened(browser, pages[name], 390, "light")
    card = page.locator("[data-puzzle]").first
    picture, cell = card.locator(".picture"), card.locator(".cell")
    assert not cell.is_visible()
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    page.mouse.move(box["x"] + 0.1 * box["width"], box["y"] + 0.1 * box["height"])
    assert re.match(r"row [12], column [12]: \w+", cell.inner_text())
    assert page.locator(".figure").first.evaluate("e => e.scrollWidth > e.clientWidth")
    assert page.locator(".question .hint").first.is_visible()
    assert wrong == []
    page.set_viewport_size({"width": 1280, "height": 844})
    assert not page.locator(".question .hint").first.is_visible()
    page.close()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_button_plays_to_the_end_and_focus_is_seen(browser, pages):
    page, wrong = opened(browser, pages["sudoku"], 1280, "light")
    card = page.locator("[data-puzzle]").first
    button, slider = card.locator("button"), card.locator("input")
    button.focus()
    page.keyboard.press("Enter")
    assert slider.input_value() == "0" and button.get_attribute("aria-label").startswith("Pause")
    began = time.monotonic()
    while slider.input_value() != "2" and time.monotonic() - began < 60:
        page.wait_for_timeout(100)
    assert slider.input_value() == "2" and button.get_attribute("aria-label").startswith("Play")
    for element in (slider, button, page.locator("nav a").first):
        element.focus()
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Tab")
        assert element.evaluate("e => e === document.activeElement && getComputedStyle(e).outlineStyle") == "solid"
    assert wrong == []
    page.close()


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("model", ["sudoku-4x4", "maze-10x10", "sudoku-9x9"])
def test_a_report_on_a_shipped_model_takes_less_than_three_minutes(installed, workplace, model):
    def spent_s():  # by the processor, which a busy machine does not change
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    began = spent_s()
    result = installed("report", model, "--out", f"{model}.html", timeout=1800)
    assert result.code == 0, result.err
    assert (workplace / f"{model}.html").stat().st_size < 3 * 2**20
    assert spent_s() - began < 180
