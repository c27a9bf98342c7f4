"""``hrm doctor``."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.table import Table
from rich.text import Text

from hrm.cli.console import print_json, print_line, stdout
from hrm.cli.options import Cache, Json
from hrm.errors import HrmError
from hrm.runtime.environment import cache_folder

STYLES = {"ok": "green", "note": "yellow", "broken": "bold red"}


def doctor(
    *,
    out: Annotated[Path, Parameter(name=["--out", "-o"], help="Folder in which runs will be written.")] = Path("."),
    cache: Cache = None,
    markdown: Annotated[bool, Parameter(negative="", help="Print a Markdown table, for a bug report.")] = False,
    json: Json = False,
) -> None:
    """Check this machine and this installation, and say what to do about what is missing.

    `note`: works, but something could be better. Exit code 1 where something that is needed is broken.

    Example: `hrm doctor`.
    """
    from hrm.workflows.doctor import as_markdown, examine

    found = examine(lambda: cache_folder(cache), out)
    if json:
        print_json({"ok": all(check.state != "broken" for check in found), "checks": [vars(check) for check in found]})
    elif markdown:
        print_line(as_markdown(found))
    else:
        table = Table(box=None, show_header=False, pad_edge=False)
        for check in found:
            hint = "\n→ " + check.hint.replace("\n", "\n  ") if check.hint else ""
            table.add_row(
                Text(check.state, STYLES[check.state]), check.name, Text.assemble(check.detail, (hint, "dim"))
            )
        stdout().print(table)
    if broken := [check.name for check in found if check.state == "broken"]:
        raise HrmError(f"needed and broken: {', '.join(broken)}")
