"""``hrm doctor``."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.table import Table

from hrm.cli.console import print_json, stdout
from hrm.cli.options import Cache, Json
from hrm.errors import HrmError
from hrm.runtime.environment import cache_folder

MARKS = {"ok": "[green]ok[/]", "note": "[yellow]note[/]", "broken": "[bold red]broken[/]"}


def doctor(
    *,
    out: Annotated[Path, Parameter(name=["--out", "-o"], help="Folder in which runs will be written.")] = Path("."),
    cache: Cache = None,
    json: Json = False,
) -> None:
    """Check this machine and this installation, and say what to do about what is missing.

    `note`: works, but something could be better. Exit code 1 where something that is needed is broken.

    Example: `hrm doctor`.
    """
    from hrm.workflows.doctor import examine

    found = examine(lambda: cache_folder(cache), out)
    if json:
        print_json({"ok": all(check.state != "broken" for check in found), "checks": [vars(check) for check in found]})
    else:
        table = Table(box=None, show_header=False, pad_edge=False)
        for check in found:
            hint = f"\n[dim]→ {check.hint}[/]" if check.hint else ""
            table.add_row(MARKS[check.state], check.name, check.detail + hint)
        stdout().print(table)
    if broken := [check.name for check in found if check.state == "broken"]:
        raise HrmError(f"needed and broken: {', '.join(broken)}")
