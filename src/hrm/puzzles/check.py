"""Examine whether a family of puzzles keeps the promises that the rest of the project is built on.

A family of your own is ready when ``check(family)`` returns an empty list.
"""

import ast
import inspect
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int, UInt8

from hrm.puzzles.base import PAD, Puzzle, Symmetries
from hrm.randomness import Stream, uniforms

_COLOR = re.compile("#[0-9a-f]{6}")
_Findings = Iterator[tuple[bool, str]]
"""Whether a promise is kept, and the sentence that says how it is broken."""


def check(puzzle: Puzzle, examples: int = 20, seed: int = 0) -> list[str]:
    """Return the promises that a family breaks, each as a sentence that begins with what is at fault.

    Rules are examined one after the other; after the first that is broken the later ones, which build on it,
    are left out.

    Args:
        puzzle: the family.
        examples: number of puzzles to generate and examine, at least 2.
        seed: names these puzzles and the random changes made to them.
    """
    case = _Case(puzzle, max(examples, 2), seed)
    rules = {
        "spec": _spec,
        "imports": _imports,
        "generate": _generate,
        "parse": _parse,
        "solutions": _solutions,
        "verify": _verify,
        "relations": _relations,
        "symmetries": _symmetries,
        "twins": _twins,
    }
    for name, rule in rules.items():
        broken: list[str] = []
        try:
            for kept, sentence in rule(case):
                if not kept:
                    broken.append(f"{name}: {sentence}")
        except Exception as error:  # whatever a family raises, the report must name it
            broken.append(f"{name}: raised {type(error).__name__}: {error}")
        if broken:
            return list(dict.fromkeys(broken))
    return []


@dataclass
class _Case:
    puzzle: Puzzle
    examples: int
    seed: int

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        self.inputs = self.answers = np.zeros((0, 0), np.uint8)  # filled by _generate

    def symmetries(self) -> Symmetries:
        count = self.puzzle.spec.symmetry_draws
        return self.puzzle.symmetries(uniforms(self.seed, Stream.SYMMETRY, np.arange(self.examples), count))

    def altered(self, grids: UInt8[np.ndarray, "n C"], where: Bool[np.ndarray, "n C"]) -> UInt8[np.ndarray, "n C"]:
        """Turn one cell of each grid, among those of ``where`` if there are any, into another symbol."""
        spec, altered = self.puzzle.spec, grids.copy()
        for grid, marked in zip(altered, where & (grids != PAD), strict=True):
            cell = self.rng.choice(np.flatnonzero(marked if marked.any() else grid != PAD))
            others = set(range(1, spec.vocab_size)) - {spec.blank, int(grid[cell])}
            grid[cell] = self.rng.choice(sorted(others))
        return altered


def _spec(case: _Case) -> _Findings:
    spec = case.puzzle.spec
    letters = set("abcdefghijklmnopqrstuvwxyz0123456789-")
    yield spec == case.puzzle.spec, "differs from call to call"
    yield (
        "" < spec.name and set(spec.name) <= letters,
        f"the name {spec.name!r} is not of a-z, 0-9 and dashes",
    )
    # shape and tokens
    yield min(spec.shape) > 0, f"the shape {spec.shape} has no cells"
    yield 4 <= spec.vocab_size <= 256, f"{spec.vocab_size} tokens; padding, a blank, two symbols; 256 at most"
    yield all(len(token) == 1 for token in spec.tokens), "a token is not one character"
    yield all(token.isprintable() for token in spec.tokens), "a token cannot be printed"
    yield set(spec.solid) <= set(range(spec.vocab_size)), f"the solid cells {spec.solid} are not all token ids"
    yield len(set(spec.tokens)) == spec.vocab_size, "two tokens share a character"
    yield (
        PAD < spec.blank < spec.vocab_size,
        f"the blank {spec.blank} is not a token id above that of padding",
    )
    # clues, answers and relations
    clues = set(spec.clues)
    yield (
        len(clues) == len(spec.clues) and clues <= set(range(1, spec.vocab_size)) - {spec.blank},
        f"the clues {spec.clues} are not token ids, each named once, beside those of padding and the blank",
    )
    yield set(spec.answers) <= set(range(spec.vocab_size)), f"the answers {spec.answers} are not all token ids"
    yield len(set(spec.relations)) == len(spec.relations), "two relations share a name"
    yield set(spec.differ) <= set(spec.relations), f"differ names {spec.differ}, which are not all relations"
    # what pictures show
    drawn = {*dict(spec.fills), *spec.solid}
    yield drawn <= set(range(1, spec.vocab_size)), f"fills and solid name {sorted(drawn)}, which are not all token ids"
    colors = [ink for _, ink in spec.fills if not _COLOR.fullmatch(ink)]
    yield not colors, f"the colors {colors} are not written #rrggbb"
    yield spec.symmetry_draws >= 0, f"symmetry_draws is {spec.symmetry_draws}"
    tiles = min(spec.box) > 0 and not any(s % b for s, b in zip(spec.shape, spec.box, strict=True))
    yield tiles or spec.box == (0, 0), f"boxes of {spec.box} do not tile the shape {spec.shape}"


def _imports(case: _Case) -> _Findings:
    try:
        tree = ast.parse(inspect.getsource(sys.modules[type(case.puzzle).__module__]))
    except (OSError, TypeError, KeyError):
        return  # typed in by hand: there is no file to read
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        yield "torch" not in {name.split(".")[0] for name in names}, "torch, without which a family must work"


def _generate(case: _Case) -> _Findings:
    puzzle, spec = case.puzzle, case.puzzle.spec
    pairs = [puzzle.generate(case.seed, index) for index in range(case.examples)]
    for grid in (grid for pair in pairs for grid in pair):
        sound = grid.shape == (spec.cells,) and grid.dtype == np.uint8
        yield sound, f"a grid is {grid.dtype} {grid.shape} instead of uint8 ({spec.cells},)"
        if not sound:
            return
    # the same numbers give the same puzzles, others give others
    case.inputs, case.answers = (np.stack(grids) for grids in zip(*pairs, strict=True))
    for grids in (case.inputs, case.answers):
        grids.flags.writeable = False  # a family that changes what it is given raises, and is named
    again = [puzzle.generate(case.seed, index) for index in reversed(range(case.examples))][::-1]
    inputs, answers = zip(*again, strict=True)
    yield np.array_equal(case.inputs, inputs), "the same seed and index give another puzzle at another call"
    yield np.array_equal(case.answers, answers), "the same seed and index give another answer at another call"
    other = [puzzle.generate(case.seed + 1, index)[0] for index in range(2)]
    yield not np.array_equal(case.inputs[:2], other), "another seed gives the same puzzles"
    yield len(np.unique(case.inputs, axis=0)) > 1, "every index gives the same puzzle"
    # puzzles ask for something, and answers hold only what may stand in one
    yield max(case.inputs.max(), case.answers.max()) < spec.vocab_size, "a token is not in the spec"
    asked = ~spec.given(case.inputs) & (case.inputs != PAD)
    yield bool(asked.any(axis=1).all()), f"a puzzle has no blank{' and no clue' if spec.clues else ''}"
    yield not np.isin(case.answers, spec.clues).any(), "an answer holds a clue"
    never = np.flatnonzero(~spec.answerable)
    never = never[never != PAD]
    yield (
        not np.isin(case.answers, never).any(),
        "an answer holds the blank: name in PuzzleSpec.answers every token id that an answer may hold",
    )
    yield np.array_equal(case.inputs == PAD, case.answers == PAD), "padding differs between puzzle and answer"
    yield not np.isin(case.inputs, spec.marks).any(), "a puzzle holds one of PuzzleSpec.marks, which only answers hold"
    for token in spec.once:
        yield (
            bool(((case.inputs == token).sum(axis=1) == 1).all()),
            f"token {token} of PuzzleSpec.once is not there once",
        )


def _parse(case: _Case) -> _Findings:
    for grid in np.concatenate([case.inputs, case.answers]):
        text = case.puzzle.text(grid)
        yield "\n" not in text, "text has more than one line"
        read = case.puzzle.parse(text)
        yield read.dtype == np.uint8 and np.array_equal(read, grid), "does not read back what text wrote"


def _solutions(case: _Case) -> _Findings:
    for given, answer in zip(case.inputs, case.answers, strict=True):
        answers = case.puzzle.solutions(given)
        yield answers.dtype == np.uint8, f"{answers.dtype} instead of uint8"
        if case.puzzle.spec.unique:
            yield len(answers) == 1, f"{len(answers)} for a generated puzzle, whose answer should be the only one"
            yield bool((answers == answer).all()), "another answer than that of generate"
        else:
            yield (
                bool(case.puzzle.verify(given[None].repeat(len(answers), 0), answers).all()),
                "one that verify refuses",
            )
        yield len(answers) > 0, "none for a generated puzzle"
        yield len(case.puzzle.solutions(given, limit=1)) <= 1, "more than the limit"


def _verify(case: _Case) -> _Findings:
    verify, inputs, answers = case.puzzle.verify, case.inputs, case.answers
    given = case.puzzle.spec.given(inputs)
    blanks = ~given & (inputs != PAD)
    verdicts = verify(inputs, answers)
    yield verdicts.dtype == np.bool_ and verdicts.shape == (len(inputs),), "not one bool for each puzzle"
    yield bool(verdicts.all()), "refuses an answer of generate"
    yield not verify(inputs, case.altered(answers, blanks)).any(), "accepts an answer with one changed cell"
    wrong = case.altered(answers, given)
    keeps = given.any(axis=1) | (not case.puzzle.spec.clues)  # a puzzle may consist of clues, and have no givens
    yield not verify(inputs, wrong)[keeps].any(), "accepts an answer that changes a given"
    yield not verify(case.altered(inputs, given), answers)[keeps].any(), "accepts an answer to other givens"
    both, mixed = np.concatenate([inputs, inputs]), np.concatenate([wrong, answers])
    alone = [bool(verify(both[i : i + 1], mixed[i : i + 1])[0]) for i in range(len(both))]
    yield alone == verify(both, mixed).tolist(), "judges a puzzle differently beside others"


def _relations(case: _Case) -> _Findings:
    spec, matrices = case.puzzle.spec, case.puzzle.relations()
    expected = (len(spec.relations), spec.cells, spec.cells)
    yield matrices.shape == expected, f"the shape is {matrices.shape} instead of {expected}"
    yield np.issubdtype(matrices.dtype, np.signedinteger), f"{matrices.dtype} instead of a signed integer"
    yield bool((matrices >= 0).all()), "a kind is negative; 0 is unrelated, and kinds count from 1"
    yield bool(matrices.any(axis=(1, 2)).all()), "one of them relates no cells"
    yield np.array_equal(matrices, case.puzzle.relation_matrices), "differ from call to call"
    own = case.puzzle.relations_of(case.inputs)
    none = case.puzzle.relations_of(case.inputs[:0])
    yield (own is None) == (none is None), "relations_of answers for some grids and returns None for others"
    if own is None or none is None:
        return
    sound = own.shape == (len(case.inputs), *expected) and own.dtype == np.int8
    yield sound, f"relations_of returns {own.dtype} {own.shape} instead of int8 {(len(case.inputs), *expected)}"
    yield none.shape == (0, *expected), f"relations_of returns {none.shape} for no grids instead of {(0, *expected)}"
    if not sound:
        return
    yield bool((own >= 0).all()), "relations_of has a negative kind; 0 is unrelated, and kinds count from 1"
    yield bool((own <= matrices).all()), "relations_of relates cells, or has kinds, that relations rules out"
    outside = case.inputs == PAD
    hidden = outside[:, None, :, None] | outside[:, None, None, :]
    yield not (own.astype(bool) & hidden).any(), "relations_of relates padding"
    alone = [case.puzzle.relations_of(grid[None]) for grid in case.inputs]
    same = all(one is not None and np.array_equal(one[0], row) for one, row in zip(alone, own, strict=True))
    yield same, "relations_of differs beside other puzzles"


def _symmetries(case: _Case) -> _Findings:
    puzzle, spec, inputs, answers = case.puzzle, case.puzzle.spec, case.inputs, case.answers
    symmetries = case.symmetries()
    for what, rows, count in (
        ("cells", symmetries.cells, spec.cells),
        ("tokens", symmetries.tokens, spec.vocab_size),
    ):
        sound = rows.shape == (len(inputs), count) and bool((np.sort(rows, axis=1) == np.arange(count)).all())
        yield sound, f"the {what} are not one permutation of {count} for each row of draws"
        if not sound:
            return
    yield bool((symmetries.tokens[:, PAD] == PAD).all()), "padding is renamed"
    yield bool((symmetries.tokens[:, spec.blank] == spec.blank).all()), "the blank is renamed"
    clues = np.array(spec.clues, np.int64)
    yield bool(np.isin(symmetries.tokens[:, clues], clues).all()), "a clue is renamed into what is none"
    # puzzles and answers keep their rules
    moved = symmetries.apply(inputs)
    yield np.array_equal(symmetries.inverse().apply(moved), inputs), "the inverse does not undo one"
    kept = bool(puzzle.verify(moved, symmetries.apply(answers)).all())
    yield kept, "one makes a right answer wrong"
    wrong = symmetries.apply(case.altered(answers, ~spec.given(inputs)))
    yield not puzzle.verify(moved, wrong).any(), "one makes a wrong answer right"
    if kept:
        read = [puzzle.parse(puzzle.text(grid)) for grid in moved]
        yield np.array_equal(read, moved), "one makes of a puzzle what parse does not read back"
    # so do the relations between cells
    matrices = puzzle.relation_matrices[[name not in spec.oriented for name in spec.relations]]
    relations = sorted(matrix.tobytes() for matrix in matrices)
    for cells in symmetries.cells:  # rows may become columns: the relations are compared as a set
        yield _moved(matrices, cells) == relations, "one changes the relations between cells"
    before, after = puzzle.relations_of(inputs), puzzle.relations_of(moved)
    if before is None or after is None:
        return
    for old, new, cells in zip(before, after, symmetries.cells, strict=True):
        relations = sorted(matrix.tobytes() for matrix in new)
        yield _moved(old, cells) == relations, "one moves a puzzle, and its relations_of in another way"


def _moved(matrices: Int[np.ndarray, "R C C"], cells: Int[np.ndarray, " C"]) -> list[bytes]:
    """Return the relations between moved cells, as a set."""
    return sorted(matrix[np.ix_(cells, cells)].tobytes() for matrix in matrices)


def _twins(case: _Case) -> _Findings:
    symmetries, keys, invariants = case.symmetries(), [], []
    twins = symmetries.apply(case.inputs), symmetries.apply(case.answers)
    for inputs, answers in ((case.inputs, case.answers), twins):
        invariants += case.puzzle.twin_invariants(inputs, answers).tolist()
        keys += [case.puzzle.twin_key(*pair) for pair in zip(inputs, answers, strict=True)]
    half = len(keys) // 2
    yield invariants[:half] == invariants[half:], "a symmetry changes twin_invariants"
    yield keys[:half] == keys[half:], "a symmetry changes twin_key"
    yield len(set(keys)) > 1, "twin_key is the same for every puzzle"
    joined = len(set(zip(keys, invariants, strict=True)))
    yield joined == len(set(keys)), "twin_invariants differ where twin_key does not"
