"""Write ``docs/cli.md``, ``python-api.md``, ``file-formats.md`` and ``schemas.json`` from the code: ``make docs``.

A test holds the pages to it.
"""

import ast
import copy
import inspect
import json
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from unittest.mock import patch

from pydantic.json_schema import models_json_schema

import hrm
from hrm import errors
from hrm.cli.main import app
from hrm.cli.outputs import OUTPUTS
from hrm.data.sources import formats as hrm_formats
from hrm.data.sources.records import MEANINGS

HERE = Path(__file__).parent
NOTE = "<!-- Written by `make docs` from the code: edit the help texts and docstrings, not this page. -->\n"

CLI = """# Command line

```
hrm solve sudoku-4x4 ..1.4.....2.3...     # a shipped model solves a puzzle
hrm eval sudoku-4x4                       # measure it on puzzles that it has never seen
hrm train sudoku-4x4                      # train a recipe; run it again to resume
hrm report sudoku-4x4 --out report.html   # one page about a model
hrm doctor                                # is everything here as it should be?
```

`hrm COMMAND --help` shows what this page says of a command; `python -m hrm` is the same program. Every command takes
`--json`, except `completion`, `help` and `mcp`; [schemas.json](schemas.json) says what it prints, and its keys stay.
`hrm --install-completion` lets your shell complete what you type.

| exit code | meaning |
|---|---|
"""
ENVIRONMENT = """
| environment variable | meaning |
|---|---|
| `HRM_CACHE` | cache folder, for stores made from files and for compiled code (else the user's cache folder) |
| `OMP_NUM_THREADS` | number of CPU threads |
| `HF_ENDPOINT` | host of `hrm data fetch`, instead of huggingface.co |
| `CUDA_VISIBLE_DEVICES` | which GPU to use |
| `NO_COLOR` | plain output |
"""
API = """# Python

```python
import hrm

solver = hrm.load("sudoku-4x4")
answer = solver("..1.4.....2.3...", trace=True)
print(answer.answer, answer.verified)  # 2314413214233241 True
answer.save("solve.gif")

result = hrm.evaluate(solver, limit=100)
print(f"{result.exact:.0%} of {result.examples} puzzles")  # 100% of 100 puzzles
```

`import hrm` is all that is needed: it lists the names below (`dir(hrm)`), and imports torch only when one needs it.
A mistake in a name, a value or a file raises a subclass of `hrm.errors.HrmError`, with one line that says what to do.

"""
FORMATS = """# File formats

```sh
printf 'input,output\\ndcba,abcd\\ncabba,aabbc\\n' > rows.csv
hrm data check rows.csv --puzzle table
hrm data build rows.csv --puzzle table --out store
```

The first command writes a file of puzzles of your own, the second checks it row by row, and the third reads it and
prints what it found: the shape of the grids, the symbols, the first puzzles. Look at these lines before you train.
For a puzzle that the package knows, leave `--puzzle` out: it is recognized by its first row.
"""
COLUMNS = """
## Columns

Case does not matter. A puzzle that is only to be solved needs no answer.

| meaning | names of the column or key |
|---|---|
"""
CELLS = """
## Cells of your own puzzles

How the text of a known puzzle is read is on the page of [tasks](tasks.md). For rows of your own (`--puzzle table`),
text is read in one way from the first row of a file to the last:

* as characters, each of them a cell: `dcba` has four cells;
* as words, if spaces or commas separate them: `red blue` has two cells, and so `red` in another row has one.

A grid has a line per row: quote it in CSV, write `\\n` in JSON, or use JSON lists, which need no interpretation:
`[["red", "blue"], ["green", "red"]]`. A flat list of strings is a line of symbols, unless its strings are clearly
rows of characters, such as `["a.b", ".ab"]` with a blank that every answer fills in.

A space or a comma can be a symbol. Where a file could be read in both ways, it is refused, and the message names the
row. Say which way you mean by `--cells words` or `--cells characters` (`hrm data build`, `hrm data check`; for `hrm
train` it is `--data.cells`). The model keeps this reading: `hrm solve` reads an argument as the file was read.

Input and answer of a row must have the same shape; rows of a file may differ. More on the page of
[your own puzzles](your-own-puzzle.md).

## Encoding and compression

Text is UTF-8, with or without a byte order mark, or UTF-16 with its mark. Every text file may be compressed by gzip:
`rows.csv.gz` is read like `rows.csv`. A file that unpacks to more than 200 times its size is refused, as is a line of
more than a megabyte.
"""


def formats() -> str:
    """Return the page of the file formats."""
    head = "\n| format | file name | holds | answers |\n|---|---|---|---|\n"
    rows = "".join(
        f"| [{each.name}](#{each.name.lower().replace(' ', '-')}) "
        f"| {' '.join(f'`{suffix}`' for suffix in each.suffixes) or 'a folder'} "
        f"| {each.holds} | {'optional' if each.rows else 'yes' if each.answered else 'none'} |\n"
        for each in hrm_formats.FORMATS
    )
    parts = []
    for each in hrm_formats.FORMATS:
        part = f"\n## {each.name}\n\n{each.holds[0].upper()}{each.holds[1:]}.\n"
        if each.example:
            part += f"\n```\n{each.example.rstrip()}\n```\n"
        if each.command:
            part += f"\nRead it with `{each.command}`.\n"
        parts.append(part + ("\n" if each.notes else "") + "".join(f"* {note}\n" for note in each.notes))
    names = {meaning: " ".join(f"`{name}`" for name in known) for meaning, known in MEANINGS.items()}
    columns = "".join(f"| {meaning} | {known} |\n" for meaning, known in names.items())
    return NOTE + FORMATS + head + rows + "".join(parts) + COLUMNS + columns + CELLS


def cli() -> str:
    """Return the page of all commands."""
    kinds = [errors.HrmError, *errors.HrmError.__subclasses__()]
    codes = {kind.exit_code: (kind.__doc__ or "").split("\n")[0].rstrip(".") for kind in reversed(kinds)}
    codes = {0: "ok", **codes, 1: "failure", 130: "interrupted (Ctrl-C)", 143: "terminated"}
    table = "".join(f"| {code} | {_prose(codes[code])} |\n" for code in sorted(codes))
    with patch.object(sys, "argv", ["hrm"]):  # else the usage lines depend on how this program was started
        body = app.generate_docs(heading_level=1, flatten_commands=True)
    body = body[body.index("**Use**:") :]
    body = re.sub(r"```console\n(.*)\n```", r"Usage: `\1`", body)
    body = re.sub(r"^# ", "## ", body, flags=re.MULTILINE).replace("(#hrm-install", "(#hrm---install")
    return NOTE + CLI + table + ENVIRONMENT + "\n" + body.strip() + "\n"


def api() -> str:
    """Return the page of the public names."""
    names = [name for name in hrm.__all__ if not name.startswith("_")]
    index = "\n".join(f"* [`hrm.{name}`](#hrm{name.lower()}): {_first(name)}" for name in names)
    return NOTE + API + index + "\n\n" + "\n".join(_entry(name) for name in names).strip() + "\n"


def _first(name: str) -> str:
    found = re.search(rf"^`{name}` +(.*)$", hrm.__doc__ or "", re.MULTILINE)
    assert found, f"the docstring of hrm does not list {name}"
    return found[1]


def _entry(name: str) -> str:
    """Return the section of one public name."""
    thing = getattr(hrm, name)
    head = f"## hrm.{name}\n\n"
    if isinstance(thing, ModuleType):
        parts = [_document(thing.__doc__)]
        functions = [each for each in vars(thing).values() if inspect.isfunction(each)]
        defined = [each for each in functions if each.__module__.startswith(f"{thing.__name__}.")]
        parts += [_function(_node(each), f"{name}.{each.__name__}") for each in defined]
        parts += [_function(node, f"{name}.{node.name}") for node in _functions(_tree(thing.__file__ or "").body)]
        return head + "\n".join(parts)
    if not isinstance(thing, type):
        return head + _function(_node(thing), name, level="")
    lines = list(_class(thing, name))
    return head + "\n".join(lines)


def _class(kind: type, name: str) -> Iterator[str]:
    """Yield what a class is, how it is made, its fields and its methods, with those that it inherits from ours."""
    classes = [each for each in kind.__mro__ if each.__module__.startswith("hrm.")]
    nodes = [_node(each) for each in classes]
    yield _document(ast.get_docstring(nodes[0]))
    inits = [node for node in _functions(nodes[0].body, private=True) if node.name == "__init__"]
    if inits:
        yield f"```python\n{_signature(inits[0], f'hrm.{name}')}\n```\n"
    fields = {field: line for node in reversed(nodes) for field, line in _fields(node)}
    if fields:
        yield "\n".join(fields.values()) + "\n"
    seen: set[str] = set()
    for node in nodes:
        for method in _functions(node.body):
            if method.name not in seen:
                seen.add(method.name)
                yield _function(method, f"{name}.{method.name}")


def _fields(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    """Yield each public field with a line of its type and the docstring below it."""
    for place, item in enumerate(node.body):
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name) and item.target.id[0] != "_":
            after = node.body[place + 1] if place + 1 < len(node.body) else None
            said = after.value if isinstance(after, ast.Expr) else None
            text = _prose(str(said.value)) if isinstance(said, ast.Constant) else ""
            kind = re.sub(r"^Annotated\[SerializeAsAny\[(\w+)\], .*\]$", r"\1", ast.unparse(item.annotation))
            if not kind.startswith("ClassVar"):
                yield item.target.id, f"* `{item.target.id}: {kind}`{': ' + text if text else ''}"


def _functions(body: list[ast.stmt], private: bool = False) -> list[ast.FunctionDef]:
    return [item for item in body if isinstance(item, ast.FunctionDef) and (private or item.name[0] != "_")]


def _function(node: ast.AST, name: str, level: str = "### ") -> str:
    assert isinstance(node, ast.FunctionDef)
    head = f"{level}hrm.{name}\n\n" if level else ""
    if any(isinstance(mark, ast.Name) and "property" in mark.id for mark in node.decorator_list):
        return f"{head}{_document(ast.get_docstring(node))}"
    return f"{head}```python\n{_signature(node, f'hrm.{name}')}\n```\n\n{_document(ast.get_docstring(node))}"


def _signature(node: ast.FunctionDef, name: str) -> str:
    """Return a call with its types, one argument a line where it is long."""
    node = copy.deepcopy(node)
    if node.args.args and node.args.args[0].arg in ("self", "cls"):
        node.args.args.pop(0)
    arguments = re.sub(r"(?<=[\w\]])=(?=['\w(])", " = ", ast.unparse(node.args))
    result = f" -> {ast.unparse(node.returns)}" if node.returns is not None and node.name != "__init__" else ""
    short = f"{name}({arguments}){result}"
    if len(short) <= 100:
        return short
    parts = re.split(r", (?=(?:[^\[\]()'\"]|\[(?:[^\[\]]|\[[^\]]*\])*\]|'[^']*'|\([^)]*\))*$)", arguments)
    return f"{name}(\n    " + ",\n    ".join(parts) + f",\n){result}"


def _document(text: str | None) -> str:
    """Return a docstring in Google's style as Markdown."""
    blocks = re.split(r"^(Args|Returns|Raises|Yields):[ \n]", inspect.cleandoc(text or ""), flags=re.MULTILINE)
    written = _paragraphs(blocks[0])
    for title, body in zip(blocks[1::2], blocks[2::2], strict=True):
        title = {"Args": "Arguments"}.get(title, title)
        items = re.split(r"^(?=\S)", inspect.cleandoc(body), flags=re.MULTILINE)
        items = [re.sub(r"^(\*{0,2}[\w, ]+): ", r"`\1`: ", _prose(item)) for item in items if item.strip()]
        written += f"\n{title}:\n\n" + "\n".join(f"* {item}" for item in items) + "\n"
    return written


def _paragraphs(text: str) -> str:
    found = []
    for part in re.split(r"\n\s*\n", text.strip()):
        is_code = part.lstrip().startswith(">>>")
        code = "\n".join(line.removeprefix(">>> ") for line in part.splitlines() if line.startswith(">>>"))
        is_list = re.match(r"\* ", part)
        found.append(f"```python\n{code}\n```" if is_code else part.replace("``", "`") if is_list else _prose(part))
    return "\n\n".join(found) + "\n"


def _prose(text: str) -> str:
    return " ".join(text.split()).replace("``", "`")


@cache
def _tree(file: str) -> ast.Module:
    return ast.parse(Path(file).read_text(encoding="utf-8"))


def _node(thing: object) -> ast.ClassDef | ast.FunctionDef:
    """Return the definition of a class or function."""
    thing = inspect.unwrap(thing) if callable(thing) and not isinstance(thing, type) else thing
    name = getattr(thing, "__name__", "")
    file = sys.modules[getattr(thing, "__module__", "")].__file__ or ""
    for item in _tree(file).body:
        if isinstance(item, ast.ClassDef | ast.FunctionDef) and item.name == name:
            return item
    raise LookupError(f"{file} does not define {name}")


def schemas() -> str:
    """Return the JSON schema of what each command prints with ``--json``."""
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "What hrm COMMAND --json prints"}
    found, shared = models_json_schema(
        [(kind, "serialization") for kind in dict.fromkeys(each for kinds in OUTPUTS.values() for each in kinds)]
    )
    of = {kind: schema for (kind, _), schema in found.items()}
    commands = {command: {"anyOf": [of[kind] for kind in kinds]} for command, kinds in OUTPUTS.items()}
    written = head | {"properties": commands, "$defs": shared["$defs"]}
    return json.dumps(written, indent=1, ensure_ascii=False).replace("``", "`") + "\n"


PAGES = {"cli.md": cli, "python-api.md": api, "file-formats.md": formats, "schemas.json": schemas}

if __name__ == "__main__":
    for page, written in PAGES.items():
        (HERE / page).write_text(written(), encoding="utf-8")
        print(HERE / page)
