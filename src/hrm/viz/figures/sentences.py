"""The answer of each analysis in one sentence, and what its numbers mean: from the plain numbers of the JSON file."""

import re
from collections.abc import Callable
from math import isfinite
from typing import Any

FEW = 20
"""Fewer puzzles than this, and a sentence says so."""
Numbers = dict[str, Any]


def percent(share: float) -> str:
    """Return a share in percent, with as many digits as it takes to be told from 0 and 100."""
    value = 100 * share
    if 99.95 <= value < 100:
        return ">99.9 %"
    return f"{value:.2g} %" if value < 1 or value == round(value) < 100 else f"{value:.1f} %".replace(".0 %", " %")


def answer(what: str, numbers: Numbers, puzzles: int) -> str:
    """Return the sentence that answers the question of an analysis.

    Args:
        what: name of the analysis.
        numbers: what it gave, as the JSON file has it.
        puzzles: how many it was asked of.
    """
    said = _ANSWERS[what](numbers)
    if puzzles < FEW and what != "memory":
        said += f" (Only {puzzles} puzzle{'s' * (puzzles != 1)}: read this as a hint, not as a measurement.)"
    return said


def _residuals(numbers: Numbers) -> str:
    settles, jumps = numbers["falls_within_cycle"], numbers["jumps_after_H"]
    if settles is None or jumps is None:
        moved = numbers["z_H"]["relative"]
        more = f", the last one by {percent(moved[-1])}" if len(moved) > 1 else ""
        return f"The first {numbers['unit']} moves the state by {percent(moved[0])} of its length{more}."
    told = f"z_L's steps shrink {settles:.1f}-fold within a cycle and jump {jumps:.1f}-fold after each update of z_H"
    if settles > 1.25 and jumps > 1.25:
        return f"{told}: yes, the sawtooth of the paper's figure 3."
    return f"{told}: no, not the sawtooth of the paper's figure 3."


def _trajectories(numbers: Numbers) -> str:
    levels = [level for level in ("z_H", "z_L") if numbers["puzzles"][0][level] is not None]
    shares = {}
    for level in levels:
        paths = [puzzle[level] for puzzle in numbers["puzzles"]]
        shares[level] = sum(sum(path["explained"][:2]) for path in paths) / len(paths)
    told = " and ".join(f"{percent(share)} of {level}'s" for level, share in shares.items())
    flat = "nearly flat" if min(shares.values()) >= 0.8 else "not flat"
    return f"The paths are {flat}: two components hold {told} variance."


def _dimensionality(numbers: Numbers) -> str:
    high, low, ratio = numbers["z_H"], numbers["z_L"], numbers["ratio"]
    fresh = [run["z_H"] for run in numbers["untrained"]]
    beside = f"{sum(fresh) / len(fresh):.1f} before training"
    if low is None or ratio is None:
        return f"The state fills {high:.1f} of {numbers['width']} dimensions, against {beside}."
    told = f"z_H fills {high:.1f} dimensions and z_L {low:.1f}, a ratio of {ratio:.2f}"
    bounds = numbers["ratio_ci95"]
    told += f" (95 %: {bounds[0]:.2f} to {bounds[1]:.2f}; z_H had {beside})"
    if bounds[0] > 1 and numbers["p_value"] < 0.05:
        return f"{told}: yes, z_H fills more, as in the paper's figure 8."
    if bounds[1] < 1:
        return f"{told}: no, z_H fills fewer, against the paper's figure 8."
    return f"{told}: no clear difference."


def _intermediate(numbers: Numbers) -> str:
    exact, per_segment = numbers["exact"], numbers["cycles"] * numbers["timesteps"]
    parts = [f"{percent(exact[0])} of the answers are right at the first {numbers['unit']}"]
    if per_segment < len(exact):
        parts.append(f"{percent(exact[per_segment - 1])} after the first segment")
    parts.append(f"{percent(exact[-1])} at the end")
    grows = "The answer is improved step by step" if exact[-1] > exact[0] else "The answer does not improve"
    return f"{grows}: {', '.join(parts)}."


def _halting(numbers: Numbers) -> str:
    line = next(entry for entry in numbers["correlations"] if entry["measure"] == numbers["measure"])
    rho, bounds = line["spearman"], line["ci95"]
    used = f"{numbers['segments_mean']:.1f} of {numbers['budget']} segments are used on average"
    if rho is None or bounds is None:
        return f"Cannot be told: all puzzles are equally hard, or use equally many segments; {used}."
    told = f"Spearman's ρ = {rho:.2f}, 95 %: {bounds[0]:.2f} to {bounds[1]:.2f}"
    if bounds[0] > 0:
        return f"Yes, harder puzzles get more segments ({told}); {used}."
    if bounds[1] < 0:
        return f"No, harder puzzles get fewer segments ({told}); {used}."
    return f"No relation was found between difficulty and segments ({told}); {used}."


def _depth(numbers: Numbers) -> str:
    exact, last, trained = numbers["exact"], numbers["segments"][-1], numbers["trained_budget"]
    steps = sorted({1, min(trained, last), last})
    told = ", ".join(f"{percent(exact[n - 1])} with {n}" for n in steps)
    early = f"with early exit {percent(numbers['early_exact'][-1])} in {numbers['early_segments_mean'][-1]:.1f}"
    if last <= trained:
        return f"Right answers by number of segments: {told}; {early} on average."
    gain = exact[-1] - exact[trained - 1]
    more = "help" if gain > 0 else "change nothing" if gain == 0 else "harm"
    return f"Segments beyond the {trained} of the training {more}: {told} are right; {early} on average."


def _calibration(numbers: Numbers) -> str:
    part = numbers["all_segments"]
    auroc, ece = part["auroc"]["value"], part["ece"]["value"]
    off = f"q_halt is off by {100 * ece:.1f} percentage points on average"
    if auroc is None:
        every = "right" if part["base_rate"] == 1 else "wrong"
        return f"Cannot be told, because every answer is {every}; {off}."
    verdict = "Yes" if auroc >= 0.9 else "Partly" if auroc >= 0.7 else "Hardly"
    return f"{verdict}: a right answer has a higher q_halt than a wrong one in {percent(auroc)} of pairs, and {off}."


def _fixed_points(numbers: Numbers) -> str:
    share, (low, high) = numbers["false_fixed_points"], numbers["false_fixed_points_ci95"]
    told = f"{percent(share)} of the puzzles come to rest on a wrong answer (95 %: {percent(low)} to {percent(high)})"
    wrong = 1 - sum(numbers["right"]) / len(numbers["right"])
    return f"{'Yes' if share else 'No'}: {told}; {percent(wrong)} are wrong in the end."


def _code_length(numbers: Numbers) -> str:
    bits = f"{numbers['bits_per_cell'][-1]:.2g} bits a cell instead of {numbers['plain_bits_per_cell']:.2f}"
    even, trained = numbers["puzzles_to_break_even"], numbers["training_puzzles"]
    if even is None:
        return f"No: {bits}, so the parameters are never paid for."
    told = f"{bits}; with its parameters counted, it pays from {even:,.0f} puzzles on"
    if trained is None:
        return f"Yes: {told}."
    return f"{'Yes' if trained >= even else 'Not on its training set'}: {told}, and it was trained on {trained:,}."


def _memory(numbers: Numbers) -> str:
    one, every, steps = numbers["one_step_bytes"], numbers["full_bytes"], numbers["NT"]
    growth, full = one[-1] / one[0], every[-1] / every[0]
    verdict = "yes, it is constant, as the paper says" if growth < 1.05 else "no, it is not constant"
    return (
        f"From {steps[0]} to {steps[-1]} timesteps the one-step gradient holds {growth:.2f} times as much and "
        f"backpropagation through all calls {full:.1f} times: {verdict}."
    )


_ANSWERS: dict[str, Callable[[Numbers], str]] = {
    "residuals": _residuals,
    "trajectories": _trajectories,
    "dimensionality": _dimensionality,
    "intermediate": _intermediate,
    "halting": _halting,
    "depth": _depth,
    "calibration": _calibration,
    "fixed-points": _fixed_points,
    "code-length": _code_length,
    "memory": _memory,
}

_RATE = re.compile(
    r"relative movement|variance along|exact|share right|right |false fixed|answer at rest|state moving|one blank|"
    r"q_halt ≥"
)
_MEANINGS = (
    (r"relative movement", "How far one call moves the state, as a share of the state's length."),
    (r"z_L falls within", "How many times smaller z_L's last step of a cycle is than its first."),
    (r"z_L jumps after", "How many times larger z_L's step is right after z_H was updated."),
    (r"^state$", "What counts as one state: all its numbers, or their mean over the cells."),
    (r"variance along", "How much of the path lies in a plane: 100 % would be a flat drawing."),
    (r"components for 90", "Directions that it takes to hold nine tenths of the path."),
    (r"^(untrained )?PR\(", "Participation ratio: in about how many directions the states spread evenly."),
    (r"^ratio", "How many times more dimensions z_H fills than z_L."),
    (r"^p of PR", "How often chance alone gives as large a difference; below 0.05 it is unlikely."),
    (r"^of dimensions", "Numbers in one state: the most that a participation ratio could be."),
    (r"^pooling", "What counts as one state: every cell, or the mean over cells."),
    (r"^exact", "Share of puzzles whose whole answer is right."),
    (r"^cells that break", "Cells that clash by a rule, on average a puzzle."),
    (r"^cells changed", "Cells that change from step to step, summed over all steps, on average a puzzle."),
    (r"^segments", "Rounds of computation that are used before stopping, on average."),
    (r"budget$|^most segments", "The most rounds that were allowed."),
    (r"^difficulty", "What difficulty is measured by."),
    (r"ρ", "Rank correlation of difficulty and segments: 1 harder is always longer, 0 no relation."),
    (r"^share right", "Share of answers that are right, whatever q_halt says."),
    (r"^ECE", "Average gap between q_halt and the share that is right; 0 is perfect."),
    (r"^Brier", "Mean squared error of q_halt as a probability; 0 is perfect, 0.25 is a coin."),
    (r"^q_halt ≥", "How often q_halt above one half goes with a right answer, and below with a wrong one."),
    (r"^AUROC", "How often a right answer has a higher q_halt than a wrong one; 0.5 is chance."),
    (r"^right after the last", "Share of puzzles that are right in the end."),
    (r"^false fixed", "Share of puzzles whose state stops moving on a wrong answer."),
    (r"^answer at rest", "Share of puzzles whose answer stops changing and is wrong."),
    (r"^state moving", "Share of puzzles that are wrong while the state still moves."),
    (r"^right once", "Share of puzzles that were right once and did not stay so."),
    (r"^one blank", "Solved puzzles with a single cell left empty: the easiest puzzles there are."),
    (r"^bits a cell of a plain", "What a cell costs if nothing is known but the number of symbols."),
    (r"^bits a cell|^of puzzles", "What a cell of the solution costs, given the model."),
    (r"^bits a puzzle", "What the solution costs for one who knows the rules and may search."),
    (r"^bits of the parameters", "What the model itself costs."),
    (r"^puzzles to break", "Puzzles from which model and solutions together cost less than the plain code."),
    (r"^puzzles of the", "Puzzles that it was trained on, symmetries not counted."),
    (r"^MiB", "Memory that training keeps for the gradient of one segment."),
    (r"^one-step gradient", "How much that memory grows from the shortest recursion to the longest."),
)


def meaning(name: str) -> str:
    """Return what a headline number says, in a sentence; empty where it is not known."""
    return next((said for pattern, said in _MEANINGS if re.search(pattern, name)), "")


def is_rate(name: str) -> bool:
    """Say whether a headline number is a share, which readers see in percent."""
    return bool(_RATE.match(name))


def shown(name: str, value: float | str | None) -> str:
    """Return a headline number as readers see it."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    if not isfinite(value):
        return "undefined"
    if is_rate(name):
        return percent(value)
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
