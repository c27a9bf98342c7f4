"""``check`` names the rule that a family breaks: each family here breaks one."""

import dataclasses
import importlib
import sys

import numpy as np
import pytest

from hrm.puzzles.base import Symmetries
from hrm.puzzles.check import check
from hrm.puzzles.sudoku.classic import Sudoku
from hrm.puzzles.sudoku.killer import Killer

SOUND = Sudoku(4)


def broken(**members: object) -> Sudoku:
    """Build a 4x4 Sudoku of which these members are replaced, and no other is led astray by them."""
    sound = {
        "generate": lambda self, seed, index: SOUND.generate(seed, index),
        "parse": lambda self, given: SOUND.parse(given),
    }
    return type("Broken", (Sudoku,), {**sound, **members, "__module__": __name__})(4)


def with_spec(**changes: object) -> Sudoku:
    return broken(spec=property(lambda self: dataclasses.replace(SOUND.spec, **changes)))


def changed_symmetries(change):
    def symmetries(self, draws):
        found = SOUND.symmetries(draws)
        cells, tokens = found.cells.copy(), found.tokens.copy()
        change(cells, tokens)
        return Symmetries(cells, tokens)

    return broken(symmetries=symmetries)


def swap(rows: np.ndarray, a: int, b: int) -> None:
    rows[:, [a, b]] = rows[:, [b, a]]


class OneWay(Symmetries):
    def inverse(self):
        return self


def less_unique(self, seed, index):
    puzzle, answer = SOUND.generate(seed, index)
    puzzle[np.flatnonzero(puzzle != 1)[:3]] = 1
    return puzzle, answer


def blind_to_other_givens(self, inputs, answers):
    return SOUND.verify(np.ones_like(inputs), answers)


def company_counts(self, inputs, answers):
    return SOUND.verify(inputs, answers) & (len(inputs) != 12)


def padded(self, seed, index):
    puzzle, answer = SOUND.generate(seed, index)
    puzzle[0] = 0
    return puzzle, answer


KNOWN = {grid.tobytes() for index in range(20) for grid in SOUND.generate(0, index)}


def trusting_what_is_new(self, inputs, answers):
    new = [all(grid.tobytes() not in KNOWN for grid in pair) for pair in zip(inputs, answers, strict=True)]
    return SOUND.verify(inputs, answers) | np.array(new)


def knowing_only_its_own(self, given):
    grid = SOUND.parse(given)
    return grid if grid.tobytes() in KNOWN else grid[::-1]


CAGED = Killer(4)


def caged(**members: object) -> Killer:
    """Build a 4x4 Killer Sudoku, whose relations depend on the puzzle, and of which these members are replaced."""
    sound = {
        "generate": lambda self, seed, index: CAGED.generate(seed, index),
        "parse": lambda self, given: CAGED.parse(given),
    }
    return type("Broken", (Killer,), {**sound, **members, "__module__": __name__})(4)


def with_clues(*clues: int) -> Killer:
    return caged(spec=property(lambda self: dataclasses.replace(CAGED.spec, clues=clues)))


def related(change):
    """Build a family whose relations_of are these of the sound one."""
    return caged(relations_of=lambda self, inputs: change(CAGED.relations_of(inputs), inputs))


def clue_for_digit(self, draws):
    found = CAGED.symmetries(draws)
    tokens = found.tokens.copy()
    swap(tokens, 2, 9)
    return Symmetries(found.cells, tokens)


RNG = np.random.default_rng(0)

FAMILIES = {
    "spec: two tokens share": with_spec(tokens=("_", ".", "1", "1", "3", "4")),
    "spec: a token is not one character": with_spec(tokens=("_", ".", "10", "1", "3", "4")),
    "spec: 3 tokens": with_spec(tokens=("_", ".", "1")),
    "spec: the blank 0": with_spec(blank=0),
    "spec: the blank 6": with_spec(blank=6),
    "spec: the shape (0, 16)": with_spec(shape=(0, 16)),
    "spec: the name 'Sudoku 4'": with_spec(name="Sudoku 4"),
    "spec: two relations share": with_spec(relations=("same row", "same row", "same box")),
    "spec: differ names ('same diagonal',)": with_spec(differ=("same diagonal",)),
    "spec: fills and solid name [99]": with_spec(solid=(99,)),
    "spec: the colors ['red']": with_spec(fills=((1, "red"),)),
    "spec: symmetry_draws is -1": with_spec(symmetry_draws=-1),
    "spec: boxes of (3, 2)": with_spec(box=(3, 2)),
    "spec: differs": broken(spec=property(lambda self: dataclasses.replace(SOUND.spec, name=f"a{RNG.integers(9**9)}"))),
    "spec: raised KeyError": broken(spec=property(lambda self: {}["spec"])),
    "generate: a grid is int64": broken(
        generate=lambda self, s, i: tuple(grid.astype(int) for grid in SOUND.generate(s, i))
    ),
    "generate: a grid is uint8 (15,)": broken(
        generate=lambda self, s, i: tuple(grid[1:] for grid in SOUND.generate(s, i))
    ),
    "generate: the same seed": broken(generate=lambda self, s, i: SOUND.generate(s, int(RNG.integers(10**6)))),
    "generate: the same seed and index give another answer": broken(
        generate=lambda self, s, i: (SOUND.generate(s, i)[0], np.roll(SOUND.generate(s, i)[1], int(RNG.integers(16))))
    ),
    "generate: another seed": broken(generate=lambda self, s, i: SOUND.generate(0, i)),
    "spec: a token cannot be printed": with_spec(tokens=("_", ".", "1", "\n", "3", "4")),
    "spec: the solid cells (9,)": with_spec(solid=(9,)),
    "verify: raised ValueError": broken(verify=lambda self, i, a: SOUND.verify(i, np.maximum(a, 1, out=a))),
    "symmetries: one makes of a puzzle what parse": broken(parse=knowing_only_its_own),
    "twins: twin_key is the same": broken(
        twin_key=lambda self, puzzle, answer: b"", twin_invariants=lambda self, i, a: np.zeros(len(i), np.uint64)
    ),
    "generate: every index": broken(generate=lambda self, s, i: SOUND.generate(s, 0)),
    "generate: a token is not": broken(
        generate=lambda self, s, i: (SOUND.generate(s, i)[0], SOUND.generate(s, i)[1] + np.uint8(3))
    ),
    "generate: a puzzle has no blank": broken(generate=lambda self, s, i: (SOUND.generate(s, i)[1],) * 2),
    "generate: padding differs": broken(generate=padded),
    "parse: does not read back": broken(parse=lambda self, given: SOUND.parse(given)[::-1]),
    "parse: text has more": broken(text=lambda self, grid: SOUND.text(grid) + "\n"),
    "parse: raised DataError": broken(text=lambda self, grid: SOUND.text(grid)[1:]),
    "solutions: 2 for a generated": broken(generate=less_unique),
    "solutions: 0 for a generated": broken(solutions=lambda self, puzzle, limit=2: np.zeros((0, 16), np.uint8)),
    "solutions: another answer": broken(solutions=lambda self, puzzle, limit=2: SOUND.solutions(puzzle)[:, ::-1]),
    "solutions: int64": broken(solutions=lambda self, puzzle, limit=2: SOUND.solutions(puzzle).astype(int)),
    "solutions: more than the limit": broken(
        solutions=lambda self, puzzle, limit=2: np.repeat(SOUND.solutions(puzzle), 1 + (limit == 1), axis=0)
    ),
    "verify: not one bool": broken(verify=lambda self, i, a: SOUND.verify(i, a).astype(int)),
    "verify: refuses": broken(verify=lambda self, i, a: np.zeros(len(i), bool)),
    "verify: accepts an answer with one": broken(verify=lambda self, i, a: ((i == 1) | (i == a)).all(axis=1)),
    "verify: accepts an answer that changes": broken(verify=lambda self, i, a: SOUND.verify(i, np.where(i == 1, a, i))),
    "verify: accepts an answer to other givens": broken(verify=blind_to_other_givens),
    "verify: judges": broken(verify=company_counts),
    "relations: the shape": broken(relations=lambda self: SOUND.relations()[:2]),
    "relations: bool": broken(relations=lambda self: SOUND.relations().astype(bool)),
    "relations: a kind is negative": broken(relations=lambda self: -SOUND.relations()),
    "relations: one of them": broken(relations=lambda self: SOUND.relations() * np.array([1, 1, 0])[:, None, None]),
    "relations: differ": broken(
        relations=lambda self: SOUND.relations() * np.int64(RNG.integers(1, 10**9)),
    ),
    "spec: the clues (1,)": with_clues(1),
    "spec: the clues (7, 7)": with_clues(7, 7),
    "spec: the clues (56,)": with_clues(56),
    "generate: an answer holds a clue": caged(generate=lambda self, s, i: (CAGED.generate(s, i)[0],) * 2),
    "relations: relations_of returns int64": related(lambda found, inputs: found.astype(int)),
    "relations: relations_of returns int8 (6, 3": related(lambda found, inputs: found[:, :3]),
    "relations: relations_of answers for some": related(lambda found, inputs: found if len(inputs) else None),
    "relations: relations_of has a negative": related(lambda found, inputs: -found),
    "relations: relations_of relates cells, or": related(lambda found, inputs: 2 * found),
    "relations: relations_of differs beside": related(lambda found, inputs: found * np.int8(len(inputs) == 1)),
    "symmetries: a clue is renamed": caged(symmetries=clue_for_digit),
    "symmetries: one moves a puzzle, and its": related(
        lambda found, inputs: found * (np.arange(16) < 8).astype(np.int8)[:, None]
    ),
    "symmetries: the cells": changed_symmetries(lambda cells, tokens: cells.__setitem__((0, 0), cells[0, 1])),
    "symmetries: the tokens": changed_symmetries(lambda cells, tokens: tokens.__setitem__((0, 0), 3)),
    "symmetries: padding": changed_symmetries(lambda cells, tokens: swap(tokens, 0, 2)),
    "symmetries: the blank": changed_symmetries(lambda cells, tokens: swap(tokens, 1, 2)),
    "symmetries: one makes a right answer wrong": changed_symmetries(lambda cells, tokens: swap(cells, 0, 5)),
    "symmetries: one makes a wrong answer right": broken(verify=trusting_what_is_new),
    "symmetries: the inverse": broken(
        symmetries=lambda self, draws: OneWay(SOUND.symmetries(draws).cells, SOUND.symmetries(draws).tokens)
    ),
    "symmetries: one changes the relations": broken(
        relations=lambda self: SOUND.relations() * np.arange(1, 17)[:, None]
    ),
    "twins: a symmetry changes twin_key": broken(twin_key=lambda self, puzzle, answer: puzzle.tobytes()),
    "twins: a symmetry changes twin_invariants": broken(
        twin_invariants=lambda self, i, a: i.astype(np.uint64) @ np.arange(16, dtype=np.uint64)
    ),
    "twins: twin_invariants differ": broken(twin_key=lambda self, puzzle, answer: b"one for all"),
}


@pytest.mark.parametrize("sentence", FAMILIES)
def test_a_broken_promise_is_named(sentence):
    report = check(FAMILIES[sentence], examples=6)
    assert any(line.startswith(sentence) for line in report), report


def test_a_sound_family_has_no_broken_promise():
    assert check(SOUND) == []
    assert check(broken()) == []
    assert check(caged()) == []


def test_a_family_that_imports_torch_is_named(tmp_path, monkeypatch):
    (tmp_path / "leaning.py").write_text(
        "from hrm.puzzles.sudoku.classic import Sudoku\n\n\nclass Leaning(Sudoku):\n"
        "    def text(self, grid):\n        from torch.nn import Linear\n\n"
        "        return super().text(grid)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "leaning", raising=False)
    assert check(importlib.import_module("leaning").Leaning(4)) == ["imports: torch, without which a family must work"]
