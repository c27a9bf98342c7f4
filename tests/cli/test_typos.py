"""A misspelled name is told the right one, with exit code 2, whatever it is the name of."""

import re
from pathlib import Path
from random import Random
from string import ascii_lowercase
from typing import Literal, get_args, get_origin

import pytest

from hrm import pretrained, puzzles, recipes
from hrm.bench.cases import PRESETS
from hrm.cli.main import app, main
from hrm.config import RunConfig, schema_paths
from hrm.errors import did_you_mean
from hrm.model.config import KINDS
from hrm.recipes.ablations import ABLATIONS

MODEL, PUZZLE = "sudoku-4x4", "..1.4.....2.3..."
NEEDED = {
    "solve": [MODEL, PUZZLE], "show": [MODEL, PUZZLE], "eval": [MODEL], "adapt": [MODEL, "x", "--out", "y"],
    "serve": [MODEL], "mcp": [MODEL], "export": [MODEL, "x", "--to", "onnx"], "push": [MODEL, "me/x"],
    "scale": [MODEL], "analyze": [MODEL, "--what", "depth"], "report": [MODEL], "params": ["smoke"],
    "import": ["x", "--out", "y"], "train": ["smoke"], "config": ["smoke"], "compare": ["smoke"],
    "completion": ["bash"], "data build": ["x", "--out", "y"], "data arc": ["x", "--out", "y"],
    "data sample": ["--from", "a:1", "--out", "x"], "data fetch": ["arc-1"], "data show": ["x"],
    "data import": ["x", "--out", "y", "--puzzle", MODEL], "data export": ["x", "--out", "y"], "data check": ["x"],
}  # fmt: skip
"""What a command must be given."""
DATA_SETS = ["sudoku-extreme", "maze-hard", "arc-1", "arc-2", "concept-arc", "mini-arc"]


def leaves(at=app, path=""):
    """Yield every command with the words that call it."""
    for name in at:
        if not name.startswith("-"):
            yield from (
                leaves(at[name], f"{path}{name} ") if at[name].default_command is None else [(path + name, at[name])]
            )


def with_what_it_needs(command, beside):
    """Return the words of a command, without one option that it needs."""
    words = list(NEEDED.get(command, []))
    if beside in words:
        del words[words.index(beside) : words.index(beside) + 2]
    return [*command.split(), *words]


def choices(hint):
    """Yield the words that a type allows."""
    if get_origin(hint) is Literal:
        yield from (word for word in get_args(hint) if isinstance(word, str) and word)
    for part in get_args(hint):
        yield from () if isinstance(part, str) else choices(part)


def configured(section=RunConfig, prefix=""):
    """Yield the path of each value of the configuration that is one of a few words, and the words."""
    for name, field in section.model_fields.items():
        for kind in KINDS.values() if prefix + name == "model" else [field.annotation]:
            if hasattr(kind, "model_fields"):
                yield from configured(kind, f"{prefix}{name}.")
            elif kind is bool:
                yield f"{prefix}{name}", ["true", "false"]
            elif prefix + name != "model.kind" and (words := list(choices(kind))):
                yield f"{prefix}{name}", words
    yield from [("model.kind", list(KINDS))] if not prefix else []


def in_toml(path):
    section, _, key = path.partition(".")
    Path("typo.toml").write_text(f"[{section}]\n{key} = 1\n")
    return ["config", "smoke", "--config", "typo.toml"]


def vocabularies():
    """Return for each kind of name a list of: a function from a name to a command line, the names, all like them."""
    commands = dict(leaves())
    tops = [name for name in app if not name.startswith("-")]
    inner = [name.removeprefix("data ") for name in commands if name.startswith("data ")]
    paths = [path for path in schema_paths() if "." in path]
    keys = [path.partition(".")[2] for path in paths]
    families = list(puzzles.names())
    options, values = [], []
    for command, leaf in commands.items():
        arguments = leaf.assemble_argument_collection(parse_docstring=True)
        flags = [flag for each in arguments for flag in each.names if re.match(r"--(?!SECTION|empty-|no-)", flag)]
        like = [*flags, *(f"--{key}" for key in keys)] if command in ("train", "config", "compare") else flags
        for flag in flags:
            options.append((lambda typo, c=command, f=flag: [*with_what_it_needs(c, f), typo, "1"], [flag], like))
        for each in arguments:
            if (flag := each.names[0]) in flags and (words := list(choices(each.field_info.annotation))):
                values.append((lambda typo, c=command, f=flag: [*with_what_it_needs(c, f), f, typo], words, words))
    return {
        "command": [(lambda typo: [typo], tops, tops), (lambda typo: ["help", typo], tops, tops)],
        "command of data": [(lambda typo: ["data", typo], inner, inner)],
        "option": options,
        "path of a flag": [(lambda typo: ["config", "smoke", f"--{typo}", "1"], paths, schema_paths())],
        "key of a flag": [(lambda typo: ["config", "smoke", f"--{typo}", "1"], keys, [*keys, *schema_paths()])],
        "key of a file": [(in_toml, paths, schema_paths())],
        "recipe": [
            (lambda typo, c=command: [c, typo], recipes.RECIPES, recipes.names())
            for command in ("train", "config", "compare", "params")
        ],
        "model": [
            (lambda typo, c=command: [c, typo, *NEEDED[c][1:]], pretrained.names(), pretrained.names())
            for command in ("solve", "show", "eval", "serve", "mcp", "export", "scale", "analyze", "report")
        ],
        "family": [
            (lambda typo: ["data", "build", typo, "--out", "y"], families, families),
            (lambda typo: ["data", "import", "x", "--out", "y", "--puzzle", typo], families, families),
            (lambda typo: ["train", "smoke", "--dry-run", "--data.puzzle", typo], families, families),
            (lambda typo: ["eval", MODEL, "--puzzle", typo], families, families),
        ],
        "data set": [(lambda typo: ["data", "fetch", typo], DATA_SETS, DATA_SETS)],
        "ablation": [(lambda typo: ["compare", "smoke", "--variants", typo], ABLATIONS, ABLATIONS)],
        "network to time": [(lambda typo: ["bench", "--preset", typo], PRESETS, PRESETS)],
        "choice": values,
        "value of the configuration": [
            (lambda typo, p=path: ["config", "smoke", f"--{p}", typo], words, words) for path, words in configured()
        ],
    }


def with_typo(name):
    """Yield all strings with one letter dropped, doubled, replaced, or swapped with the next; digits stay."""
    for place, old in enumerate(name):
        before, after = name[:place], name[place + 1 :]
        if old in ascii_lowercase:
            yield from (before + new + after for new in ("", old + old, *ascii_lowercase))
            if after[:1] in ascii_lowercase:
                yield before + after[:1] + old + after[1:]


def one_edit_away(name):
    """Yield a name, and all strings that one may take for it as well."""
    yield from (name, *with_typo(name))
    for place in range(len(name) + 1):
        yield from (name[:place] + sign + name[place:] for sign in ascii_lowercase)


def misspelled(name, known, random):
    """Return a name with a typo that is no other name, and no nearer to another one."""
    others = {typo for other in known if other != name for typo in one_edit_away(other)}
    return random.choice(sorted({*with_typo(name)} - others - {name}))


def drawn(random, count):
    """Yield typos of each kind of name in turn: the command line, and the name that was meant."""
    kinds = vocabularies()
    for number in range(count):
        make, names, known = random.choice(list(kinds.values())[number % len(kinds)])
        meant = random.choice(list(names))
        yield make(misspelled(meant, known, random)), meant


def answered(words, meant, capsys):
    """Say whether a command line is refused in one line that suggests the name that was meant."""
    code, said = main(words), capsys.readouterr().err
    suggested = re.findall(r"[Dd]id you mean ([^?]*)\?", said)[-1:]
    names = [name.lstrip("-") for name in re.findall(r"[\w.-]+", *suggested or [""])]
    names += [name.rpartition(".")[2] for name in names]  # where only the key was given
    meant = meant.lstrip("-")
    hit = meant in names or "typo.toml" in words and meant.partition(".")[0] in names
    return code == 2 and said.count("\n") == 1 and hit


def test_forty_typos_are_told_what_was_meant(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wrong = [(words, meant) for words, meant in drawn(Random(2026), 40) if not answered(words, meant, capsys)]
    assert wrong == []


@pytest.mark.slow
def test_two_thousand_typos_are_told_what_was_meant(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wrong = [(words, meant) for words, meant in drawn(Random(0), 2000) if not answered(words, meant, capsys)]
    assert wrong == []


def test_names_that_are_equally_near_are_all_given_and_far_ones_are_not():
    assert did_you_mean("arc-3", DATA_SETS) == " Did you mean 'arc-2' or 'arc-1'?"
    assert did_you_mean("lo", ["loss", "lr"]) == " Did you mean 'loss' or 'lr'?"
    assert did_you_mean("quantum", DATA_SETS) == did_you_mean("", DATA_SETS) == ""
