"""Which puzzles a report shows, and a picture of each after every segment."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from hrm.data.store import Split
from hrm.evaluation.metrics import Scores
from hrm.evaluation.rollout import Step, outputs_of
from hrm.inference.answer import answer_of
from hrm.puzzles.base import PAD, Puzzle, PuzzleSpec
from hrm.viz.puzzle.canvas2d import to_svg
from hrm.viz.puzzle.frame import View
from hrm.viz.puzzle.layout import cell_width, draw_step, spots

OF_EACH = 6
"""Solved puzzles, and failed ones, that are shown at the most."""
MOST_CHARACTERS = 1_600_000
"""Of all pictures together; puzzles that do not fit any more are left out."""


def gallery(puzzle: Puzzle, rows: Split, steps: Sequence[Step], scores: Scores) -> dict[str, Any]:
    """Return the chosen puzzles with the number of their picture after every segment, and the pictures.

    Of the solved ones those are chosen that lie evenly between the one that is right soonest and the one that is right
    last; of the failed ones the first. Equal pictures are kept once.

    Solved is what keeps the rules after the last segment; where the family knows none, what equals the stored answer.
    """
    solved = scores.by_rules.get("valid", scores.exact)
    right = solved[-1]
    steady = np.where(solved[::-1].all(0), 0, len(solved) - np.argmin(solved[::-1], axis=0))  # wrong last at this one
    in_order = np.flatnonzero(right)[np.argsort(steady[right], kind="stable")]
    spread = in_order[np.linspace(0, len(in_order) - 1, min(OF_EACH, len(in_order))).round().astype(int)]
    chosen = {"solved": spread.tolist(), "failed": np.flatnonzero(~right)[:OF_EACH].tolist()}
    pictures: dict[str, int] = {}
    entries: dict[str, list[dict[str, Any]]] = {"solved": [], "failed": []}
    for turn in range(OF_EACH):
        for kind, numbers in chosen.items():
            if turn < len(numbers) and sum(map(len, pictures)) < MOST_CHARACTERS:
                entry = _entry(puzzle, rows, steps, scores, numbers[turn], pictures)
                entries[kind].append(
                    entry | {"right_from": int(steady[numbers[turn]]) + 1 if right[numbers[turn]] else None}
                )
    spec = puzzle.spec
    return {
        "solved_in_all": int(right.sum()),
        "failed_in_all": int((~right).sum()),
        "by": "keeps every rule" if spec.has_rules else "equals the stored answer",
        **entries,
        "pictures": list(pictures),
        "symbols": [_spoken(token, spec) for token in range(spec.vocab_size)],
        "columns": 0 if puzzle.sketch(np.asarray(rows.inputs[0])).nodes else spec.shape[1],
        "unique": spec.unique,
        "has_colors": bool(spec.fills),
    }


def _spoken(token: int, spec: PuzzleSpec) -> str:
    """Return what a token is called in words."""
    if token in (PAD, spec.blank):
        return "empty"
    return dict(spec.words).get(token) or spec.tokens[token].strip() or "free"


def _entry(
    puzzle: Puzzle, rows: Split, steps: Sequence[Step], scores: Scores, row: int, pictures: dict[str, int]
) -> dict[str, Any]:
    """Return one puzzle, after putting its pictures among the others."""
    outputs = outputs_of(steps, row)
    answer = answer_of(puzzle, np.asarray(rows.inputs[row]), outputs, len(outputs), trace=True)
    view = View(puzzle, answer)
    size = cell_width(view, 36, 360)
    moments = []
    for moment in view.steps():
        words = ", ".join(view.caption(moment))
        drawn = to_svg(draw_step(view, moment, size), f"{puzzle.spec.name}, {words}")
        first, count = view.caption(moment)
        moments.append({
            "picture": pictures.setdefault(drawn, len(pictures)),
            "q_halt": None if moment.segment == 0 else round(moment.q_halt, 4),
            "name": first,
            "count": count,
            "wrong": sum(cell.clashes for cell in view.cells(moment)),
            "tokens": moment.tokens.tolist(),
            "sure": np.rint(100 * moment.confidence).astype(int).tolist(),
        })  # fmt: skip
    return {
        "row": row,
        "puzzle": answer.puzzle,
        "answer": answer.answer,
        "halts_at": int(scores.segments_used(len(outputs))[row]),
        "by_choice": bool(scores.prefers_halt[:, row].any()),
        "moments": moments,
        "stored": np.asarray(rows.labels[row]).tolist(),
        "spots": [(place, round(x, 1), round(y, 1), half) for place, x, y, half in spots(view, size)],
    }
