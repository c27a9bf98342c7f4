"""``hrm demo``."""

from pathlib import Path
from typing import Annotated

from hrm.cli.console import print_json, stderr, stdout
from hrm.cli.options import Json, output, seed_of


def demo(
    *,
    out: Annotated[Path, output("Folder for the run, the curves and the GIF.")] = Path("runs/demo"),
    seed: Annotated[int, seed_of("the puzzles, the initial weights and the replayed puzzle")] = 0,
    json: Json = False,
) -> None:
    """Train an HRM from scratch on 4×4 Sudoku in three to four minutes, then watch it solve a held-out puzzle.

    Example: `hrm demo`.
    """
    from hrm import recipes
    from hrm.train.setup import print_header, set_up

    config = recipes.get("sudoku-4x4", {"data.seed": seed, "train.seed": seed})
    setup = set_up(config, out / f"run-{config.digest()}")
    print_header(setup, stderr())  # before torch is loaded
    from hrm.cli.evaluate import segment_table
    from hrm.inference.answer import counted
    from hrm.workflows.demo import run_demo

    result = run_demo(setup, out, seed, stderr())
    if json:
        print_json(result.as_json())
        return
    from hrm.viz.puzzle.terminal import replay

    console = stdout()
    console.print(segment_table(result.evaluation))
    low, high = result.evaluation["exact_ci95"]
    console.print(
        f"{result.evaluation['exact']:.1%} of {result.evaluation['examples']} unseen puzzles solved exactly "
        f"(95 % interval {low:.1%} – {high:.1%})"
    )
    console.print(f"\nOne unseen puzzle, number {result.row} of the test split, drawn by seed {seed}:\n")
    replay(result.puzzle, result.answer, console)
    solved = "solved" if result.answer.verified else "NOT solved: its answer breaks a rule"
    console.print(f"\nThis puzzle was {solved}, in {counted(result.answer.segments, 'segment')}.")
    console.print(f"written: {', '.join(str(path) for path in result.files)}\n")
    console.print("Try next:")
    for command in result.next_commands:
        console.print(f"  {command}", soft_wrap=True)
