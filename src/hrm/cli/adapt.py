"""``hrm adapt``."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from hrm.cli.console import print_json, progress_line, stderr, stdout, tell_weights
from hrm.cli.options import Device, Json, Model, output
from hrm.runtime.environment import present


def adapt(
    model: Model,
    tasks: Annotated[list[Path], Parameter(negative="", help="Folders or files of ARC tasks.")],
    /,
    *,
    out: Annotated[Path, output("Folder for the run and submission.json.")],
    updates: Annotated[int, Parameter(help="Training updates on the demonstrations.")] = 200,
    variants: Annotated[int, Parameter(help="Largest number of variants of a task, besides the task itself.")] = 100,
    all_weights: Annotated[
        bool, Parameter(negative="", help="Train the whole network, not only the puzzle embedding.")
    ] = False,
    puzzle_lr: Annotated[
        float | None, Parameter(help="Learning rate of the puzzle embedding. Default: as in training.")
    ] = None,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Fine-tune an ARC model on the demonstrations of new tasks, and answer their tests.

    Example: `hrm adapt runs/arc1 task.json --out adapted`.
    """
    from hrm.inference.origin import locate

    located = locate(model)
    from hrm.workflows import adapt as workflow

    result = workflow.adapt(
        model, tasks, out, now=present(), updates=updates, variants=variants, all_weights=all_weights,
        puzzle_lr=puzzle_lr, device=device, console=stderr(), progress=progress_line(stderr(), "answered"),
    )  # fmt: skip
    tell_weights(located)
    if json:
        print_json(result)
        return
    stdout().print(f"{result['submission']}: the two best answers to {result['tests']} tests", soft_wrap=True)
    if "pass_at" in result:
        shares = ", ".join(f"{share:.1%} within {k}" for k, share in result["pass_at"].items())
        stdout().print(f"the outputs are known: {shares}", soft_wrap=True)
