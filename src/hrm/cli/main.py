"""The command ``hrm``."""

import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from io import TextIOWrapper

from cyclopts import App, CycloptsError

from hrm.cli import adapt, analyze, bench, compare, data, demo, evaluate, inspect, report, solve, train
from hrm.errors import HrmError

app = App(
    name="hrm",
    help="Train, evaluate, solve with and look into the Hierarchical Reasoning Model.",
    help_epilogue="MODEL: a run folder, a checkpoint folder or a shipped model (`hrm models`). Start with `hrm demo`.",
    version=lambda: version("hierarchical-reasoning"),
    result_action="return_value",
    suppress_keyboard_interrupt=False,
    version_flags=["--version"],
)
app.command(demo.demo)
app.command(train.train)
app.command(evaluate.evaluate, name="eval")
app.command(solve.solve)
app.command(solve.show)
app.command(analyze.analyze)
app.command(report.report)
app.command(adapt.adapt)
app.command(compare.compare)
app.command(data.app)
app.command(bench.bench)
app.command(inspect.config)
app.command(inspect.params)
app.command(inspect.recipes)
app.command(inspect.models)


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; a user's mistake is one line on stderr."""
    try:
        app(list(arguments), exit_on_error=False, print_error=False)
        sys.stdout.flush()
    except CycloptsError as error:
        return _complain(" ".join(str(error).split()), 2)
    except HrmError as error:
        return _complain(str(error), error.exit_code)
    except KeyboardInterrupt:
        return _complain("interrupted", 130)
    except OSError as error:  # a full disk, a reader of our output that has gone, a folder without rights …
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1 if isinstance(error, BrokenPipeError) else _complain(f"cannot read or write: {error}", 1)
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and "memory" not in str(error):
            raise
        return _complain("not enough memory: lower --train.batch_size, or --batch-size", 1)
    return 0


def run() -> None:
    """Entry point of the installed command.

    Threads of torch wait for one another by spinning. Where another program wants the same cores, that costs a
    factor of ten and more, so they go to sleep early, unless the user has chosen otherwise (docs/lab-book.md).
    """
    os.environ.setdefault("GOMP_SPINCOUNT", "2000")
    sys.stdin, sys.stdout, sys.stderr = (
        stream or open(os.devnull, mode)  # noqa: SIM115  closed by the caller of the command
        for stream, mode in ((sys.stdin, "r"), (sys.stdout, "w"), (sys.stderr, "w"))
    )
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without Unicode gets question marks, not a traceback
    sys.exit(main(sys.argv[1:]))


def _complain(message: str, code: int) -> int:
    print(f"hrm: {message}", file=sys.stderr)
    return code
