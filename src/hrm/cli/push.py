"""``hrm push``."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from hrm.cli.console import print_json, print_line, tell_weights
from hrm.cli.options import Json, Model, output


def push(
    model: Model,
    repo: Annotated[
        str, Parameter(help="Name on the hub: ORG/NAME, or NAME for your own account. Created if missing.")
    ],
    /,
    *,
    record: Annotated[
        list[Path] | None,
        Parameter(negative="", help="File of `hrm eval --record`: a result for the card. Can be repeated."),
    ] = None,
    license: Annotated[
        str, Parameter(help="License of the weights, as the hub names it. Default: what the model's card says.")
    ] = "",
    branch: Annotated[str, Parameter(help="Branch to write to. Default: main.")] = "",
    message: Annotated[str, Parameter(help="Message of the commit.")] = "Push a model of hierarchical-reasoning",
    private: Annotated[bool, Parameter(negative="", help="Make the repository private.")] = False,
    out: Annotated[Path | None, output("Write the files to this folder, to look at them, and send nothing.")] = None,
    json: Json = False,
) -> None:
    """Send a model to the Hugging Face Hub, with a card that states its results.

    Needs the extra hub, and a login: `hf auth login`, or HF_TOKEN.

    Example: `hrm push runs/mine me/sudoku-4x4 --record results.json`.
    """
    from hrm.inference.origin import locate

    located = locate(model)
    from hrm.inference.load import load

    solver = load(model, "cpu", "fp32")
    card = {"license": license or None, "records": record or []}
    if out is not None:
        solver.save_pretrained(out, repo_id=repo, model_card_kwargs=card)
    url = None
    if out is None:
        url = solver.push_to_hub(
            repo, commit_message=message, private=private or None, branch=branch or None, model_card_kwargs=card
        )
    tell_weights(located)
    if json:
        print_json({"model": model, "repo": repo, "folder": None if out is None else str(out), "commit": url})
    else:
        print_line(url or f"{out}: what `hrm push {model} {repo}` sends")
