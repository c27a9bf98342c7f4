"""The command ``hrm``."""

import os
import signal
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from types import FrameType

from cyclopts import CycloptsError, Group, MissingArgumentError, UnknownCommandError

from hrm.cli import (
    adapt,
    analyze,
    bench,
    compare,
    data,
    demo,
    doctor,
    evaluate,
    export,
    import_,
    inspect,
    push,
    report,
    scale,
    serve,
    shell,
    solve,
    train,
)
from hrm.cli.app import app
from hrm.errors import HrmError, UsageError, did_you_mean, one_line
from hrm.runtime.environment import end, rank, require_whole_job
from hrm.runtime.machine import is_out_of_memory

SHARED = {"train", "eval", "compare", "solve"}
"""Commands that several processes carry out together."""
MODEL = "MODEL is a run folder, a checkpoint folder, a shipped model (`hrm models`) or hf:ORG/NAME@REVISION on the hub."
MEMORY = (
    "not enough memory: to train with the same result in less of it, give --train.micro-batch auto; else lower "
    "--train.batch-size, --eval.batch-size or --batch-size. Nothing that was saved is lost"
)
USE, TRAIN, UNDERSTAND, DATA, SETUP = (
    Group.create_ordered(name) for name in ("Use", "Train", "Understand", "Data", "Set up")
)


def _register() -> None:
    """Add the commands, in the order in which the groups show them."""
    # Commands that take a MODEL get a note on it.
    with_model = {
        (USE, "solve"): solve.solve,
        (USE, "show"): solve.show,
        (USE, "eval"): evaluate.evaluate,
        (USE, "adapt"): adapt.adapt,
        (USE, "serve"): serve.serve,
        (USE, "mcp"): serve.mcp,
        (USE, "export"): export.export,
        (USE, "push"): push.push,
        (UNDERSTAND, "scale"): scale.scale,
        (UNDERSTAND, "analyze"): analyze.analyze,
        (UNDERSTAND, "report"): report.report,
        (UNDERSTAND, "params"): inspect.params,
    }
    without = {
        (USE, "models"): inspect.models,
        (USE, "import"): import_.import_,
        (TRAIN, "demo"): demo.demo,
        (TRAIN, "train"): train.train,
        (TRAIN, "recipes"): inspect.recipes,
        (TRAIN, "config"): inspect.config,
        (TRAIN, "compare"): compare.compare,
        (SETUP, "doctor"): doctor.doctor,
        (SETUP, "bench"): bench.bench,
        (SETUP, "completion"): shell.completion,
        (SETUP, "help"): shell.help_,
    }
    for epilogue, commands in ((MODEL, with_model), ("", without)):
        for place, ((group, name), function) in enumerate(commands.items()):
            app.command(function, name=name, group=group, help_epilogue=epilogue, sort_key=place)
    # `hrm data` is an application of its own.
    data.app.group, data.app.help_epilogue = DATA, ""
    app.command(data.app)
    for flag in ("--help", "--version"):
        app[flag].group = SETUP
    app.register_install_completion_command(
        group=SETUP, help="Install shell completion for bash, zsh, fish or PowerShell.", help_epilogue=""
    )


_register()


class _Terminated(KeyboardInterrupt):
    """SIGTERM came, to which a command without an answer of its own reacts as to Ctrl-C."""


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; a user's mistake is one line on stderr."""
    try:
        require_whole_job()
        if rank() is not None and not SHARED & set(arguments[:1]):
            raise UsageError(f"torchrun is for: {', '.join(sorted(SHARED))}; start other commands without it")
        app(list(arguments), exit_on_error=False, print_error=False)
        sys.stdout.flush()
    except UnknownCommandError as error:
        given, known = (error.unused_tokens or [""])[0], [name for name in error.app or app if name[0] != "-"]
        return _complain(f"unknown command {given!r}.{did_you_mean(given, known)} Commands: {', '.join(known)}", 2)
    except MissingArgumentError as error:
        return _complain(_missing(error), 2)
    except CycloptsError as error:
        return _complain(" ".join(str(error).split()), 2)
    except HrmError as error:
        return _complain(str(error), error.exit_code)
    except KeyboardInterrupt as error:
        return _stopped(error)
    except OSError as error:  # a full disk, a reader of our output that has gone, a folder without rights …
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1 if isinstance(error, BrokenPipeError) else _complain(f"cannot read or write: {error}", 1)
    except Exception as error:
        # a signal in the middle of a library's work, which made an error of its own of it
        if (interrupt := _interrupt_behind(error)) is not None:
            return _stopped(interrupt)
        if is_out_of_memory(error):
            return _complain(MEMORY, 1)
        raise
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
    signal.signal(signal.SIGTERM, _terminate)
    code = main(sys.argv[1:])
    for number in (signal.SIGINT, signal.SIGTERM):  # all is done: a signal from here on ends the process at once
        signal.signal(number, signal.SIG_DFL)
    if rank() is not None:
        end(code)
    sys.exit(code)


def _terminate(number: int, frame: FrameType | None) -> None:
    raise _Terminated


def _interrupt_behind(error: BaseException | None) -> KeyboardInterrupt | None:
    """Return what a signal raised, where an error was raised from it or while it was handled."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error


def _stopped(interrupt: KeyboardInterrupt) -> int:
    return _complain("terminated", 143) if isinstance(interrupt, _Terminated) else _complain("interrupted", 130)


def _missing(error: MissingArgumentError) -> str:
    """Say what a command still needs, and what that is."""
    command, argument = " ".join(error.command_chain or ()), error.argument
    if argument is None or "Did you mean" in str(error):
        return " ".join(str(error).split())
    choices = argument.get_choices()
    meaning = f"one of {', '.join(choices)}" if choices else (argument.parameter.help or "").partition(". ")[0]
    what = f"a value for {error.keyword}" if error.keyword else argument.name
    return f"{command} needs {what}: {meaning.rstrip('.')}; `hrm {command} --help` says more"


def _complain(message: str, code: int) -> int:
    name = "hrm" if rank() is None else f"hrm (process {rank()})"
    print(f"{name}: {one_line(message)}", file=sys.stderr)
    return code
