"""The application ``hrm``, before it has commands: its help page and how options are shown."""

from importlib.metadata import version

from cyclopts import App, Parameter

ENVIRONMENT = """\
`hrm COMMAND --help` explains a command. Start with `hrm demo`, or `hrm solve sudoku-4x4 ..1.4.....2.3...`.

Environment: HRM_CACHE (cache folder), OMP_NUM_THREADS (CPU threads), HF_ENDPOINT (host of downloads),
HF_HOME (cache of models from the hub), HF_HUB_OFFLINE (use only that cache), HF_TOKEN (login of the hub),
NO_COLOR (plain output), CUDA_VISIBLE_DEVICES (which GPU).

Documentation: the folder docs of the source, README.md first; every command: docs/cli.md.
"""


def _shown(value: object) -> str | None:
    """Return how a default is shown: not at all where it is nothing, as the help then says what happens."""
    return None if value is None or value is False or value in ("", (), []) else str(value)


PARAMETER = Parameter(show_default=_shown)
"""How `hrm` and `hrm data` show options."""
app = App(
    name="hrm",
    help="Train, evaluate and inspect the Hierarchical Reasoning Model, and solve puzzles with it.",
    version=lambda: version("hierarchical-reasoning"),
    result_action="return_value",
    suppress_keyboard_interrupt=False,
    version_flags=["--version", "-V"],
    help_epilogue=ENVIRONMENT,
    default_parameter=PARAMETER,
)
