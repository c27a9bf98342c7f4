"""Every kind of family can be written and watched on the page, one of a user's own among them."""

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from hrm import puzzles
from hrm.inference.solver import Solver
from hrm.model.network import Embedded, Latents, Network, Segment
from hrm.nn.layers import NO_CONTEXT
from hrm.puzzles.table import Declaration, Table

from .conftest import grave, link, listening, ready, watched

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


class Drafts(Network):
    """Fills in a random part of the answer, more of it with every segment."""

    def __init__(self, family):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.family = family

    def embed(self, inputs, puzzle_ids=None, mask=None, relations=None):
        return Embedded(inputs.float().unsqueeze(-1), NO_CONTEXT)

    def initial(self, x, generator=None):
        return Latents(torch.zeros_like(x.x), torch.zeros_like(x.x))

    def segment(self, latents, x, cycles=None):
        number = int(latents.z_H[0, 0, 0]) + 1
        rng, spec = np.random.default_rng(number), self.family.spec
        answers = np.stack([self._answer(row) for row in x.x[..., 0].numpy().astype(np.uint8)])
        drafts = rng.choice(np.flatnonzero(spec.answerable), answers.shape)
        drafts = np.where(rng.random(answers.shape) < number / 3, answers, drafts)
        logits = 5.0 * torch.nn.functional.one_hot(torch.from_numpy(drafts), spec.vocab_size).float()
        return Segment(Latents(latents.z_H + 1, latents.z_L), logits, torch.full((len(answers),), number - 2.5), None)

    def _answer(self, row):
        found = self.family.solutions(row, 1) if self.family.spec.has_rules else []
        return (found[0] if len(found) else np.where(row == self.family.spec.blank, 2, row)).astype(np.int64)

    def hidden_matrices(self):
        return []


@pytest.fixture(scope="module")
def others():
    """A page of families of every kind, one of a user's own among them."""
    path = Path(__file__).parents[1] / "contracts" / "mirrored_rows.py"
    spec = importlib.util.spec_from_file_location("mirrored_rows_of_the_page", path)
    own = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(own)
    families = [puzzles.get(name) for name in ("killer-4x4", "coloring-8x3", "samurai-4x4")]
    families += [Table(Declaration((3, 4), ("left", "right", "10"), "?")), own.Mirror()]
    with listening({each.spec.name: Solver(Drafts(each), each, 4) for each in families}) as url:
        yield url, {each.spec.name: each for each in families}


@pytest.mark.parametrize("name", ["killer-4x4", "coloring-8x3", "samurai-4x4", "table", "mirror"])
@pytest.mark.parametrize("width, scheme", [(390, "dark"), (1280, "light")])
def test_every_family_can_be_written_and_watched(opened, others, name, width, scheme):
    url, family = others[0], others[1][name]
    text = '[["left", "?", "10"], ["?", "right", "?"]]' if name == "table" else family.text(family.generate(5, 1)[0])
    page = opened(link(name, text), width, scheme, url=url)
    ready(page)
    if page.is_visible("#symbols"):  # a cell is emptied and written again
        page.locator("#board .cell.given").first.focus()
        label = page.evaluate("document.activeElement.getAttribute('aria-label')")
        page.click("#symbols >> text=erase")
        page.click(f"#symbols button >> text=/^{re.escape(label.rpartition(': ')[2])}$/")
    assert family.parse(page.input_value("#text")).tolist() == family.parse(text).tolist()
    assert page.evaluate("document.documentElement.scrollWidth") <= width and grave(page) == []
    page.click("#solve")
    assert watched(page) == ("Not verified" if name == "table" else "Checked against the rules")
    page.focus("#slider")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(400)
    assert grave(page) == []
    page.click("#back")
    page.click("#random")
    page.locator("#source", has_text="type or paste one").wait_for()
