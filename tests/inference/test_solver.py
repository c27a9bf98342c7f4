"""The solver: exits, budgets, traces, and answers that do not depend on their neighbors."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from hrm import puzzles
from hrm.errors import DataError, UsageError
from hrm.inference.load import load
from hrm.inference.solver import Solver
from hrm.model.config import small
from hrm.model.hrm import HRM
from hrm.model.network import Embedded, Latents, Network, Segment
from hrm.nn.layers import NO_CONTEXT
from hrm.puzzles.sudoku.classic import Sudoku
from hrm.puzzles.table import Declaration, Table

FAMILY = puzzles.get("sudoku-4x4")
PUZZLE, ANSWER = "..1.4.....2.3...", "2314413214233241"


class Oracle(Network):
    """Fills in the answer from segment ``right_at`` on, and wants to halt from ``halts_at`` on."""

    def __init__(self, right_at: int, halts_at: int, sure_at: int = 1):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.right_at, self.halts_at, self.sure_at, self.calls = right_at, halts_at, sure_at, 0

    def embed(self, inputs, puzzle_ids=None, mask=None, relations=None):
        return Embedded(inputs.float().unsqueeze(-1), NO_CONTEXT)

    def initial(self, x, generator=None):
        return Latents(torch.zeros_like(x.x), torch.zeros_like(x.x))

    def segment(self, latents, x, cycles=None):
        number = int(latents.z_H[0, 0, 0]) + 1
        self.calls += 1
        answer = torch.from_numpy(FAMILY.parse(ANSWER).astype(np.int64))
        tokens = answer if number >= self.right_at else torch.full((16,), 2)
        scale = 9.0 if number >= self.sure_at else 1.0
        logits = scale * torch.nn.functional.one_hot(tokens, 6).float().expand(len(x), 16, 6)
        wish = torch.full((len(x),), 1.0 if number >= self.halts_at else -1.0)
        return Segment(Latents(latents.z_H + 1, latents.z_L), logits, wish, None)

    def hidden_matrices(self):
        return []


@pytest.mark.parametrize("halts_at", [1, 3, 9])
def test_with_rules_it_goes_on_until_they_hold(halts_at):
    """Neither a Q-head that is content too early nor one that is never content decides."""
    model = Oracle(right_at=3, halts_at=halts_at)
    answer = Solver(model, FAMILY, max_segments=8).solve(PUZZLE)
    assert (answer.answer, answer.verified, answer.segments) == (ANSWER, True, 3)
    assert answer.halted_by_choice is (halts_at <= 3)
    assert model.calls == answer.settled == 3


class Ruleless(Sudoku):
    @property
    def spec(self):
        return replace(super().spec, has_rules=False)


def test_without_rules_the_network_decides():
    model = Oracle(right_at=2, halts_at=3)
    answer = Solver(model, Ruleless(4), max_segments=8).solve(PUZZLE)
    assert (answer.answer, answer.verified, answer.segments, answer.halted_by_choice) == (ANSWER, None, 3, True)
    assert model.calls == 3 and answer.settled == 2
    # a Q-head that would stop is not enough
    answer = Solver(Oracle(right_at=2, halts_at=3, sure_at=5), Ruleless(4), max_segments=8).solve(PUZZLE)
    assert (answer.segments, answer.halted_by_choice) == (5, True)
    answer = Solver(Oracle(right_at=2, halts_at=3, sure_at=9), Ruleless(4), max_segments=8).solve(PUZZLE)
    assert (answer.segments, answer.halted_by_choice) == (8, False)
    assert answer.puzzle == PUZZLE and answer.q_halt == pytest.approx(1 / (1 + np.exp(-1)))


FAMILIES = [
    *(puzzles.get(name) for name in ("sudoku-4x4", "maze-4x5", "killer-4x4", "samurai-4x4", "samurai", "coloring-8x3")),
    Table(Declaration((3, 4), ("a", "b", "c"), ".")),
    Table(Declaration((1, 6), ("left", "right", "10"))),
]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: f"{family.spec.name}-{family.spec.shape}")
def test_padding_blanks_and_clues_are_never_answers(family):
    spec, rng = family.spec, np.random.default_rng(0)
    inputs = rng.integers(0 if spec.padded else 1, spec.vocab_size, (40, spec.cells)).astype(np.uint8)
    logits = torch.from_numpy(rng.normal(0, 3, (40, spec.cells, spec.vocab_size)))
    logits[:20, :, [0, spec.blank]] += 200.0  # the network is as sure of them as can be
    tokens, confidence = Solver(Oracle(1, 1), family, 1).decide(logits, inputs)
    exists = inputs != 0
    never = {0, spec.blank, *spec.clues} if not spec.answers else {0}
    assert not np.isin(tokens[exists], list(never)).any() and (confidence >= 0).all()
    assert (tokens[~exists] == 0).all()
    if isinstance(family, Table):
        for row, answer in zip(inputs, tokens, strict=True):
            assert np.array_equal(answer == 0, row == 0)
            family.text(row), family.text(answer)


def test_arc_may_answer_padding_for_its_answers_have_sizes_of_their_own():
    assert puzzles.get("arc").spec.answerable.all()


def test_the_budget_ends_it():
    answer = Solver(Oracle(right_at=99, halts_at=99), FAMILY, max_segments=4).solve(PUZZLE)
    assert (answer.verified, answer.segments, answer.halted_by_choice) == (False, 4, False)


def test_max_segments_is_the_most():
    solver = Solver(Oracle(right_at=6, halts_at=1), FAMILY, max_segments=4)
    assert [solver.solve(PUZZLE, max_segments=most).segments for most in (2, 6, 64)] == [2, 6, 6]
    assert solver.solve(PUZZLE, effort="quick").segments == solver.solve(PUZZLE, attempts=1).segments == 4
    with pytest.raises(UsageError, match="not both"):
        solver.solve(PUZZLE, segments=2, max_segments=2)


def test_a_loaded_model_gives_up_after_64_segments():
    assert load("sudoku-4x4").max_segments == 64


@pytest.mark.parametrize("segments", [1, 2, 5])
def test_a_fixed_number_is_run_in_full(segments):
    model = Oracle(right_at=2, halts_at=1)
    answer = Solver(model, FAMILY, max_segments=4).solve(PUZZLE, segments=segments, trace=True)
    assert model.calls == answer.segments == len(answer.trace) == segments
    assert answer.verified is (segments >= 2)


def test_the_trace_says_what_changed_and_ends_in_the_answer():
    answer = Solver(Oracle(right_at=2, halts_at=9), FAMILY, max_segments=4).solve(PUZZLE, segments=3, trace=True)
    first, second, third = answer.trace
    start = FAMILY.parse(PUZZLE)
    assert (first.changed == (first.tokens != start)).all()
    assert (second.changed == (second.tokens != first.tokens)).all() and second.changed.any()
    assert not third.changed.any()
    assert third.answer == answer.answer and (third.tokens == answer.tokens).all()
    assert answer.trace[2].confidence.min() > 0.99


@pytest.mark.parametrize("segments", [0, -1, 10**6])
def test_impossible_numbers_of_segments(segments):
    with pytest.raises(UsageError, match="segments must be 1 to"):
        Solver(Oracle(1, 1), FAMILY, max_segments=4).solve(PUZZLE, segments=segments)


def test_bad_puzzles_are_refused_before_any_work():
    model = Oracle(1, 1)
    solver = Solver(model, FAMILY, max_segments=4)
    for bad in ("123", "z" * 16, "11" + "." * 14):
        with pytest.raises(DataError):
            solver.solve(bad)
    assert model.calls == 0


@pytest.fixture(scope="module")
def untrained():
    return Solver(HRM(small(6, 16, width=32, heads=2, puzzle_width=32)), FAMILY, max_segments=3, batch_size=4)


def test_many_equal_each_other_whatever_came_with_them(untrained):
    given = [FAMILY.text(FAMILY.generate(0, i)[0]) for i in range(7)]
    together = list(untrained.solve_many(given, segments=2))
    assert [a.puzzle for a in together] == given
    alone = [next(untrained.solve_many([puzzle], segments=2)) for puzzle in given]
    for a, b in zip(together, alone, strict=True):
        assert a.answer == b.answer and a.q_halt == b.q_halt


class Countdown(Oracle):
    """Solves a puzzle after as many segments as it has blanks in its first row, and counts rows and segments."""

    def __init__(self):
        super().__init__(1, 99)
        self.rows = []

    def segment(self, latents, x, cycles=None):
        self.rows.append(len(x))
        blanks = (x.x[:, :4, 0] == 1).sum(1)
        solved = latents.z_H[:, 0, 0] + 1 >= blanks
        tokens = torch.where(solved[:, None], torch.from_numpy(FAMILY.parse(ANSWER).astype(np.int64)), 2)
        logits = 9.0 * torch.nn.functional.one_hot(tokens, 6).float()
        return Segment(Latents(latents.z_H + 1, latents.z_L), logits, torch.full((len(x),), -1.0), None)


def with_blanks(number):
    return "." * number + ANSWER[number:]


def test_the_solved_leave_and_others_take_their_place():
    model = Countdown()
    blanks = [4, 1, 1, 2, 1, 3]
    answers = list(Solver(model, FAMILY, max_segments=8, batch_size=2).solve_many(map(with_blanks, blanks)))
    assert [answer.puzzle for answer in answers] == [with_blanks(number) for number in blanks]
    assert [answer.segments for answer in answers] == blanks and all(answer.verified for answer in answers)
    assert model.rows == [2] * 7  # as 4, and 1 + 1 + 2; then 1, and 3


def test_answers_come_as_soon_as_they_are_known():
    model = Countdown()
    stream = Solver(model, FAMILY, max_segments=8, batch_size=4).solve_many(map(with_blanks, [1, 4, 4]))
    assert next(stream).segments == 1 and len(model.rows) == 1


def test_a_bad_puzzle_does_not_lose_those_before_it():
    stream = Solver(Countdown(), FAMILY, max_segments=8, batch_size=4).solve_many([with_blanks(3), "?", PUZZLE])
    assert next(stream).segments == 3
    with pytest.raises(DataError):
        next(stream)


@pytest.mark.parametrize("name", ["sudoku-4x4", "sudoku-9x9", "maze-10x10"])
def test_answers_do_not_depend_on_how_many_came_along(name):
    solver = load(name)
    given = [solver.puzzle.text(solver.puzzle.generate(3, index)[0]) for index in range(19)]
    together = list(solver.solve_many(given))
    for puzzle, answer in zip(given[::6], together[::6], strict=True):
        alone = solver.solve(puzzle)
        assert (alone.answer, alone.verified, alone.segments) == (answer.answer, answer.verified, answer.segments)
        assert alone.q_halt == pytest.approx(answer.q_halt, abs=1e-4)


def test_grids_and_text_are_the_same_puzzle(untrained):
    grid = [[0, 0, 1, 0], [4, 0, 0, 0], [0, 0, 2, 0], [3, 0, 0, 0]]
    answers = [untrained.solve(given, segments=2).answer for given in (grid, PUZZLE, np.array(grid))]
    assert answers == answers[:1] * 3


@pytest.mark.parametrize("name", ["killer-4x4", "coloring-8x3"])
def test_relations_of_the_puzzle_reach_the_network(name):
    family = puzzles.get(name)
    spec = family.spec
    kinds = (1,) * len(spec.relations)
    config = small(
        spec.vocab_size, spec.cells, width=16, heads=2, puzzle_width=0, mixer="messages", relation_kinds=kinds
    )
    model = HRM(config)
    given = np.stack([family.generate(0, index)[0] for index in range(3)])
    [thought] = Solver(model, family, 4, batch_size=3).run(given, 1)
    for row in range(3):
        inputs = torch.from_numpy(given[row : row + 1].astype(np.int64))
        x = model.embed(inputs, relations=torch.from_numpy(family.relations_of(given[row : row + 1])[0]))
        with torch.no_grad():
            logits = model.segment(model.initial(x), x).logits[0]
        logits[:, torch.from_numpy(~spec.answerable)] = -torch.inf
        tokens = logits.argmax(-1).numpy()
        assert np.array_equal(tokens, thought.tokens[row])
    answer = Solver(model, family, 4, batch_size=3).solve(family.text(given[0]), trace=True, effort="quick")
    assert answer.puzzle == family.text(given[0]) and answer.verified is False


class Mirrored(Oracle):
    """Solves whatever puzzle it sees at the third attempt, by the exact search, and gets no other right."""

    def __init__(self):
        super().__init__(99, 99)
        self.seen = []

    def segment(self, latents, x, cycles=None):
        self.calls += 1
        rows = x.x[:, :, 0].numpy().astype(np.uint8)
        if not any(np.array_equal(rows[0], grid) for grid in self.seen):
            self.seen.append(rows[0])
        answer = torch.from_numpy(FAMILY.solutions(rows[0], 1)[0].astype(np.int64))
        tokens = answer if len(self.seen) >= 3 else torch.full((16,), 2)
        logits = 9.0 * torch.nn.functional.one_hot(tokens, 6).float().expand(len(x), 16, 6)
        return Segment(Latents(latents.z_H + 1, latents.z_L), logits, torch.full((len(x),), -1.0), None)


def test_it_tries_again_with_symmetric_images():
    model = Mirrored()
    answer = Solver(model, FAMILY, max_segments=3).solve(PUZZLE, trace=True, attempts=8)
    assert (answer.answer, answer.verified, answer.attempts, answer.segments) == (ANSWER, True, 3, 1)
    assert answer.total_segments == 7 and answer.pinned == ()
    assert answer.puzzle == PUZZLE and len(answer.trace) == 1 and model.calls == 7
    assert answer.trace[0].answer == ANSWER


def test_a_puzzle_that_no_attempt_solves_gets_the_first_answer():
    model = Mirrored()
    answer = Solver(model, FAMILY, max_segments=3).solve(PUZZLE, attempts=2)
    assert (answer.answer, answer.verified, answer.attempts, answer.segments) == ("1" * 16, False, 2, 3)
    assert model.calls == 6
    with pytest.raises(UsageError, match="attempts must be"):
        Solver(model, FAMILY, max_segments=3).solve(PUZZLE, attempts=0)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_famous_hardest_are_solved():
    """Names and puzzles are public; every one has exactly one solution, found by the exact search."""
    with open(Path(__file__).parents[2] / "examples" / "hardest.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    solver = load("sudoku-9x9")
    for row in rows:
        [only] = solver.puzzle.solutions(solver.puzzle.parse(row["question"]))
        assert solver.puzzle.text(only) == row["answer"]
    answers = list(solver.solve_many(row["question"] for row in rows))
    assert len(rows) >= 10 and [answer.answer for answer in answers] == [row["answer"] for row in rows]
    assert all(answer.verified and answer.total_segments <= 2048 for answer in answers)
    assert any(answer.pinned for answer in answers)


def test_the_old_name_of_run_still_works_and_says_so(untrained):
    inputs = FAMILY.parse(PUZZLE)[None].repeat(4, 0)
    with pytest.warns(DeprecationWarning, match=r"Solver\.run"):
        [old] = untrained.think(inputs, 1)
    [new] = untrained.run(inputs, 1)
    assert np.array_equal(old.tokens, new.tokens) and np.array_equal(old.q_halt, new.q_halt)


def test_parsed_puzzles_get_the_same_answers(untrained):
    given = [FAMILY.generate(0, index)[0] for index in range(5)]
    answers = untrained.solve_many(given, segments=2, parsed=True)
    assert list(answers) == list(untrained.solve_many(map(FAMILY.text, given), segments=2))
