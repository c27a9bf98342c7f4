"""``hrm help`` and ``hrm completion``."""

import sys
from typing import Annotated, Literal

from cyclopts import Parameter

from hrm.cli.app import app

Shell = Literal["bash", "zsh", "fish", "powershell"]


def help_(
    *command: Annotated[str, Parameter(allow_leading_hyphen=True, help="Command to explain. Default: all of them.")],
) -> None:
    """Explain a command, as `hrm COMMAND --help` does.

    Example: `hrm help data build`.
    """
    app([*command, "--help"], exit_on_error=False, print_error=False)


def completion(shell: Annotated[Shell, Parameter(help="Shell to write it for.")], /) -> None:
    """Print the script that lets a shell complete hrm's commands, options and names.

    `hrm --install-completion` installs it for the shell in use.

    Example: `hrm completion bash`.
    """
    sys.stdout.write(app.generate_completion(shell=shell))
