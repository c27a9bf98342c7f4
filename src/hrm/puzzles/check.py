"""Examine whether a family of puzzles keeps the promises that the rest of the project is built on.

A family of your own is ready when ``check(family)`` returns an empty list.
"""

import ast
import inspect
import sys
from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import UInt8

from hrm.puzzles.base import PAD, Puzzle, Symmetries
from hrm.puzzles.randomness import Stream, uniforms


def check(puzzle: Puzzle, examples: int = 20, seed: int = 0) -> list[str]:
    """Return the promises that a family breaks, each as a sentence that starts with the method at fault.

    Args:
        puzzle: the family.
        examples: number of puzzles to generate and examine; at least 2.
        seed: names the puzzles and the random changes made to them.
    """
    broken = list(_guarded("spec", lambda: _spec(puzzle)))
    broken += _guarded("imports", lambda: _imports(puzzle))
    if broken:
        return broken  # nothing else can be judged without a sound declaration
    try:
        pairs = [puzzle.generate(seed, index) for index in range(max(examples, 2))]
    except Exception as error:
        return [f"generate: raised {type(error).__name__}: {error}"]
    broken += _guarded("generate", lambda: _generate(puzzle, pairs, seed))
    if broken:
        return broken
    inputs, answers = (np.stack(grids) for grids in zip(*pairs, strict=True))
    rng = np.random.default_rng(seed)
    draws = uniforms(seed, Stream.SYMMETRY, np.arange(len(inputs)), puzzle.spec.symmetry_draws)
    broken += _guarded("parse", lambda: _parse(puzzle, inputs, answers))
    broken += _guarded("solutions", lambda: _solutions(puzzle, inputs, answers))
    broken += _guarded("verify", lambda: _verify(puzzle, inputs, answers, rng))
    broken += _guarded("relations", lambda: _relations(puzzle))
    if broken:
        return broken
    broken += _guarded(
        "symmetries", lambda: _symmetries(puzzle, puzzle.symmetries(draws), inputs, answers, rng)
    )
    return broken


def _guarded(name: str, rule: Callable[[], Iterator[str]]) -> list[str]:
    """Run a rule; what it raises is a broken promise, too, and what many examples break is told once."""
    broken: list[str] = []
    try:
        for sentence in rule():
            broken.append(f"{name}: {sentence}")
    except Exception as error:
        broken.append(f"{name}: raised {type(error).__name__}: {error}")
    return list(dict.fromkeys(broken))


def _spec(puzzle: Puzzle) -> Iterator[str]:
    spec = puzzle.spec
    if spec != puzzle.spec:
        yield "differs from call to call"
    if not spec.name or set(spec.name) - set("abcdefghijklmnopqrstuvwxyz0123456789-"):
        yield f"the name {spec.name!r} is not made of lower-case letters, digits and dashes"
    if min(spec.shape) < 1:
        yield f"the shape {spec.shape} has no cells"
    if not 3 <= spec.vocab_size <= 256:
        yield f"{spec.vocab_size} tokens; there must be padding, a blank and a symbol, and at most 256"
    if any(len(token) != 1 for token in spec.tokens):
        yield "a token is not one character"
    if len(set(spec.tokens)) != spec.vocab_size:
        yield "two tokens share a character"
    if not PAD < spec.blank < spec.vocab_size:
        yield f"the blank {spec.blank} is not a token id of 1 to {spec.vocab_size - 1}"
    if len(set(spec.relations)) != len(spec.relations):
        yield "two relations share a name"
    if spec.symmetry_draws < 0:
        yield f"symmetry_draws is {spec.symmetry_draws}"
    if spec.box != (0, 0) and (
        min(spec.box) < 1 or any(s % b for s, b in zip(spec.shape, spec.box, strict=True))
    ):
        yield f"boxes of {spec.box} do not tile the shape {spec.shape}"


def _imports(puzzle: Puzzle) -> Iterator[str]:
    module = sys.modules.get(type(puzzle).__module__)
    try:
        source = inspect.getsource(module) if module else ""
    except (OSError, TypeError):
        return  # typed in by hand: there is no file to read
    for node in ast.walk(ast.parse(source)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        if any(name.split(".")[0] == "torch" for name in names):
            yield "torch is imported; a family must be usable without it"


def _generate(
    puzzle: Puzzle, pairs: list[tuple[UInt8[np.ndarray, " C"], UInt8[np.ndarray, " C"]]], seed: int
) -> Iterator[str]:
    spec = puzzle.spec
    for index, (given, answer) in enumerate(pairs):
        for grid in (given, answer):
            if grid.shape != (spec.cells,) or grid.dtype != np.uint8:
                yield f"a grid is {grid.dtype} {grid.shape} instead of uint8 ({spec.cells},)"
                return
        again = puzzle.generate(seed, index)
        if not all(np.array_equal(old, new) for old, new in zip((given, answer), again, strict=True)):
            yield "the same seed and index give another puzzle at another call"
        if max(given.max(), answer.max()) >= spec.vocab_size:
            yield "a grid holds a token that the spec does not have"
        if not (given == spec.blank).any():
            yield "a puzzle has no blank"
        if (answer == spec.blank).any() and not np.array_equal(given, answer):
            yield "an answer has a blank"
        if ((given == PAD) != (answer == PAD)).any():
            yield "padding differs between a puzzle and its answer"
    if len({given.tobytes() for given, _ in pairs}) == 1:
        yield "every index gives the same puzzle"


def _parse(
    puzzle: Puzzle, inputs: UInt8[np.ndarray, "n C"], answers: UInt8[np.ndarray, "n C"]
) -> Iterator[str]:
    for grid in np.concatenate([inputs, answers]):
        text = puzzle.text(grid)
        if "\n" in text:
            yield "text has more than one line"
        read = puzzle.parse(text)
        if read.dtype != np.uint8 or not np.array_equal(read, grid):
            yield "does not read back what text wrote"


def _solutions(
    puzzle: Puzzle, inputs: UInt8[np.ndarray, "n C"], answers: UInt8[np.ndarray, "n C"]
) -> Iterator[str]:
    for given, answer in zip(inputs, answers, strict=True):
        found = puzzle.solutions(given)
        if found.dtype != np.uint8 or found.shape[1:] != given.shape:
            yield f"{found.dtype} {found.shape} instead of uint8 (k, {puzzle.spec.cells})"
        elif len(found) != 1:
            yield f"{min(len(found), 2)} found for a generated puzzle, whose answer should be the only one"
        elif not np.array_equal(found[0], answer):
            yield "another answer than that of generate"
        if len(puzzle.solutions(given, limit=1)) > 1:
            yield "more than the limit"


def _verify(
    puzzle: Puzzle,
    inputs: UInt8[np.ndarray, "n C"],
    answers: UInt8[np.ndarray, "n C"],
    rng: np.random.Generator,
) -> Iterator[str]:
    verdicts = puzzle.verify(inputs, answers)
    if verdicts.dtype != np.bool_ or verdicts.shape != (len(inputs),):
        yield f"{verdicts.dtype} {verdicts.shape} instead of bool ({len(inputs)},)"
        return
    if not verdicts.all():
        yield "refuses an answer of generate"
    wrong = _altered(puzzle, answers, inputs == puzzle.spec.blank, rng)
    if puzzle.verify(inputs, wrong).any():
        yield "accepts an answer with one changed cell"
    wrong = _altered(puzzle, answers, inputs != puzzle.spec.blank, rng)
    if puzzle.verify(inputs, wrong).any():
        yield "accepts an answer that changes a given"
    altered = _altered(puzzle, inputs, inputs != puzzle.spec.blank, rng)
    if puzzle.verify(altered, answers).any():
        yield "accepts an answer to other givens"
    both, mixed = np.concatenate([inputs, inputs]), np.concatenate([answers, wrong])
    alone = [bool(puzzle.verify(both[i : i + 1], mixed[i : i + 1])[0]) for i in range(len(both))]
    if alone != puzzle.verify(both, mixed).tolist():
        yield "judges a puzzle differently beside others"


def _altered(
    puzzle: Puzzle,
    grids: UInt8[np.ndarray, "n C"],
    where: np.ndarray,
    rng: np.random.Generator,
) -> UInt8[np.ndarray, "n C"]:
    """Return the grids with one cell each, of those marked in ``where``, turned into another symbol.

    A row without a marked cell, padding aside, has any of its cells changed.
    """
    altered = grids.copy()
    for grid, marked in zip(altered, where & (grids != PAD), strict=True):
        cell = rng.choice(np.flatnonzero(marked if marked.any() else grid != PAD))
        others = set(range(1, puzzle.spec.vocab_size)) - {puzzle.spec.blank, int(grid[cell])}
        grid[cell] = rng.choice(sorted(others))
    return altered


def _relations(puzzle: Puzzle) -> Iterator[str]:
    spec, matrices = puzzle.spec, puzzle.relations()
    if matrices.shape != (len(spec.relations), spec.cells, spec.cells):
        yield f"shape {matrices.shape} instead of {(len(spec.relations), spec.cells, spec.cells)}"
        return
    if not np.issubdtype(matrices.dtype, np.signedinteger):
        yield f"{matrices.dtype} instead of a signed integer"
    if (matrices < 0).any():
        yield "a kind is negative; 0 is unrelated, and kinds count from 1"
    for name, matrix in zip(spec.relations, matrices, strict=True):
        if not matrix.any():
            yield f"{name!r} relates no cells"
    if not np.array_equal(matrices, puzzle.relation_matrices):
        yield "differs from call to call"


def _symmetries(
    puzzle: Puzzle,
    symmetries: Symmetries,
    inputs: UInt8[np.ndarray, "n C"],
    answers: UInt8[np.ndarray, "n C"],
    rng: np.random.Generator,
) -> Iterator[str]:
    spec, n = puzzle.spec, len(inputs)
    if symmetries.cells.shape != (n, spec.cells) or symmetries.tokens.shape != (n, spec.vocab_size):
        yield "cells and tokens are not one row for each row of draws"
        return
    if (np.sort(symmetries.cells, axis=1) != np.arange(spec.cells)).any():
        yield "the cells of one are no permutation"
        return
    if (np.sort(symmetries.tokens, axis=1) != np.arange(spec.vocab_size)).any():
        yield "the tokens of one are no permutation"
        return
    if (symmetries.tokens[:, PAD] != PAD).any():
        yield "padding is renamed"
    if (symmetries.tokens[:, spec.blank] != spec.blank).any():
        yield "the blank is renamed"
    moved, moved_answers = symmetries.apply(inputs), symmetries.apply(answers)
    if not np.array_equal(symmetries.inverse().apply(moved), inputs):
        yield "the inverse does not undo one"
    if not puzzle.verify(moved, moved_answers).all():
        yield "verify refuses a correct answer after one"
    wrong = _altered(puzzle, answers, inputs == spec.blank, rng)
    if puzzle.verify(moved, symmetries.apply(wrong)).any():
        yield "verify accepts a wrong answer after one"
    yield from _same_relations(puzzle, symmetries)
    if not np.array_equal(
        puzzle.twin_invariants(inputs, answers), puzzle.twin_invariants(moved, moved_answers)
    ):
        yield "twin_invariants change after one"
    keys = [puzzle.twin_key(*pair) for pair in zip(inputs, answers, strict=True)]
    if keys != [puzzle.twin_key(*pair) for pair in zip(moved, moved_answers, strict=True)]:
        yield "twin_key changes after one"
    numbers = dict(zip(keys, puzzle.twin_invariants(inputs, answers).tolist(), strict=True))
    if [numbers[key] for key in keys] != puzzle.twin_invariants(inputs, answers).tolist():
        yield "two puzzles share a twin_key but not their twin_invariants"


def _same_relations(puzzle: Puzzle, symmetries: Symmetries) -> Iterator[str]:
    """Compare the relations as a set: rows may become columns, but related pairs stay related."""
    before = sorted(matrix.tobytes() for matrix in puzzle.relation_matrices)
    for cells in symmetries.cells:
        after = sorted(matrix[np.ix_(cells, cells)].tobytes() for matrix in puzzle.relation_matrices)
        if after != before:
            yield "the relations are others after one"
            return
