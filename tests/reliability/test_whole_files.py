"""A file that we write is whole or absent; an older one of its name stays until the new one is on the disk."""

import ast
import contextlib
import os
import resource
import stat
import threading
from pathlib import Path

import pytest

import hrm
from hrm.cli.main import main
from hrm.errors import HrmError
from hrm.files import append_line, replace_file, require_writable_file

SOURCE = Path(hrm.__file__).parent
QUESTION = "..1.4.....2.3..."
WHOLE = ("replacing", "TemporaryDirectory")
"""Blocks that give a folder which gets its name once it is full, or never."""
WRITERS = {"write_text", "write_bytes", "savefig", "save", "savez", "save_file", "tofile", "copyfile", "copy", "rename",
           "copytree", "copy2", "move", "dump", "imsave", "to_csv", "writestr"}  # fmt: skip
ALLOWED = {
    "checkpoint.py": {"checkpoint.rename": "into what is deleted", "safetensors.torch.save": "returns bytes"},
    "cli/main.py": {"open": "/dev/null"},
    "data/sources/download.py": {"open": "a .part, which a later call goes on with"},
    "data/sources/hub.py": {"shutil.copyfile": "a .part, which is checked and then moved into place"},
    "export/folder.py": {"torch.export.save": "into memory"},
    "inference/answer.py": {"pictures.painter().save": "our own"},
    "interop/unpickling.py": {"safetensors.torch.save_file": "into the temporary folder of who calls it"},
    "train/lock.py": {"(folder / LOCK).write_text": "who holds the lock, which is on this very file"},
    "train/trainer.py": {"self.save": "our own"},
    "viz/figures/style.py": {"figure.savefig": "into memory"},
    "viz/puzzle/answers.py": {"files.save": "our own"},
    "viz/puzzle/encode.py": {"image.save": "into memory", "images[0].save": "into memory"},
    "workflows/compare.py": {"trainer.save": "our own"},
}  # fmt: skip
"""Calls that look like writing and leave no part of a file under its final name, by file, with the reason."""


def is_array_copy(call):
    """Whether this is ``x.copy()`` of an array or record, which takes no path."""
    return call.func.attr == "copy" and not call.args


def opens_to_write(call):
    """Whether this is an ``open`` with a mode that writes."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    modes = [arg.value for arg in [*call.args, *(k.value for k in call.keywords)] if isinstance(arg, ast.Constant)]
    shown = ast.unparse(call)
    plain = name in ("open", "fdopen") and not shown.startswith("os.open(")
    computed = plain and any(isinstance(arg, ast.IfExp | ast.Name) for arg in call.args[1:2])
    return plain and (computed or any(isinstance(m, str) and set(m) & set("wax+") and len(m) < 4 for m in modes))


def writes(tree):
    """Yield the calls of a module that may write a file, outside blocks that make a folder whole."""

    def visit(node, whole):
        if isinstance(node, ast.With):
            names = {ast.unparse(item.context_expr).split("(")[0].split(".")[-1] for item in node.items}
            whole = whole or bool(names & set(WHOLE))
        if isinstance(node, ast.Call) and not whole:
            method = isinstance(node.func, ast.Attribute) and node.func.attr in WRITERS and not is_array_copy(node)
            if opens_to_write(node) or method:
                yield ast.unparse(node.func)
        for child in ast.iter_child_nodes(node):
            yield from visit(child, whole)

    yield from visit(tree, False)


def found():
    modules = {str(path.relative_to(SOURCE)): path for path in SOURCE.rglob("*.py") if path != SOURCE / "files.py"}
    calls = {name: set(writes(ast.parse(path.read_text(encoding="utf-8")))) for name, path in modules.items()}
    return {name: names for name, names in calls.items() if names}


def test_only_one_module_writes_files_under_their_names():
    assert found() == {name: set(reasons) for name, reasons in ALLOWED.items()}, (
        "write a file with hrm.files.replace_file, append_line or, in a folder, replacing"
    )


@pytest.mark.parametrize("line", [
    "path.write_bytes(b'')", "(a / b).write_text('')", "open(path, 'w')", "open(path, mode='ab')", "path.open('x')",
    "figure.savefig(path)", "image.save(path)", "np.savez(path, a)", "array.tofile(f)", "shutil.copy(a, b)",
    "work.rename(path)", "open(path, mode)", "json.dump(value, f)",
])  # fmt: skip
def test_a_writer_is_noticed(line):
    assert list(writes(ast.parse(line)))
    assert not list(writes(ast.parse(f"with replacing(path, 1, KIND) as work:\n    {line}")))


def test_a_reader_is_none():
    assert not list(writes(ast.parse("open(path)\nopen(path, 'rb')\narray.copy()\npath.open('rb')")))


@contextlib.contextmanager
def files_of_at_most(size):
    """Let no file of this process grow beyond so many bytes, as on a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


COMMANDS = {
    "solve.png": f"show sudoku-4x4 {QUESTION} --out FILE",
    "solve.gif": f"show sudoku-4x4 {QUESTION} --out FILE",
    "solve.svg": f"show sudoku-4x4 {QUESTION} --out FILE",
    "record.json": "eval sudoku-4x4 --data kept --segments 2 --record FILE",
    "sample.csv": "data sample --out FILE --from four.csv:2",
    "report.html": "report sudoku-4x4 --data kept --segments 2 --analyses none --out FILE",
    "out/residuals-sudoku-4x4.json": "analyze sudoku-4x4 --what residuals --data kept --segments 2 --out out",
    "out/residuals-sudoku-4x4.png": "analyze sudoku-4x4 --what residuals --data kept --segments 2 --out out",
    "out/scale-sudoku-4x4.json": "scale sudoku-4x4 --data kept --puzzles 2 --segments 2 --copies 2 --budget 8 "
    "--no-figure --out out",
}  # fmt: skip
"""Commands by the file that they write."""


@pytest.fixture
def four(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [(QUESTION, "2314413214233241"), (".1.....3...4.4..", "3142421313242431"),
            ("2....3....4..4.1", "2134431212433421"), ("2......2...43...", "2143431212343421")]  # fmt: skip
    (tmp_path / "four.csv").write_text("question,answer\n" + "".join(f"{q},{a}\n" for q, a in rows))
    (tmp_path / "out").mkdir()
    monkeypatch.setenv("HRM_CACHE", str(tmp_path / "cache"))
    assert main("data build four.csv --out kept --train 4".split()) == 0
    return tmp_path


@pytest.mark.parametrize("name", COMMANDS)
def test_a_full_disk_leaves_the_older_file(four, capsys, name):
    file, command = four / name, COMMANDS[name].replace("FILE", name).split()
    older = None if name == "sample.csv" else b"older"  # which is never replaced
    if older:
        file.write_bytes(older)
    size = 9000 if name.endswith("residuals-sudoku-4x4.png") else 50  # its numbers fit, the figure does not
    with files_of_at_most(size):
        code = main(command)
    err = capsys.readouterr().err.splitlines()
    assert code == 1 and err[-1].startswith(f"hrm: cannot write {file}: File too large (needed "), err
    assert (file.read_bytes() if file.exists() else None) == older
    assert not list(four.rglob("*.tmp-*")), "something half written was left"


def test_a_full_disk_while_a_run_writes_its_log(tmp_path):
    file = tmp_path / "metrics.jsonl"
    append_line(file, "a" * 40)
    with files_of_at_most(50), pytest.raises(HrmError, match=r"metrics\.jsonl: File too large.*run the same command"):
        append_line(file, "b" * 40)
    assert file.read_text().startswith("a" * 40 + "\n")


@pytest.mark.parametrize("name", ["a" * 255, "日" * 85, "a[b].png", "with space.png", "-", "a\nb"])
def test_any_name_that_a_file_may_have(tmp_path, name):
    require_writable_file(tmp_path / name)
    replace_file(tmp_path / name, b"first")
    replace_file(tmp_path / name, b"second")
    assert [path.name for path in tmp_path.iterdir()] == [name] and (tmp_path / name).read_bytes() == b"second"


def test_rights_and_links_stay(tmp_path):
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_bytes(b"older")
    file.chmod(0o640)
    link.symlink_to(file)
    replace_file(link, b"newer")
    assert link.is_symlink() and file.read_bytes() == b"newer" and stat.S_IMODE(file.stat().st_mode) == 0o640


def test_a_device_is_written_to_and_not_replaced(tmp_path):
    null, pipe = Path("/dev/null"), tmp_path / "pipe"
    require_writable_file(null)
    replace_file(null, b"gone")
    assert stat.S_ISCHR(null.stat().st_mode)
    os.mkfifo(pipe)
    got = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    replace_file(pipe, b"through")
    reader.join(10)
    assert got == [b"through"] and stat.S_ISFIFO(pipe.stat().st_mode)
