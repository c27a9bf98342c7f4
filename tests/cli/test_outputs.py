"""What ``--json`` prints has a published schema for every command; ``Result.json`` in conftest holds outputs to it."""

import json
from pathlib import Path

import jsonschema
import pytest

from hrm.cli.main import app, main
from hrm.cli.outputs import OUTPUTS


def with_json(at=app, path=""):
    """Yield the commands that have ``--json``."""
    for name in at:
        if name.startswith("-"):
            continue
        if at[name].default_command is None:
            yield from with_json(at[name], f"{path}{name} ")
        elif any("--json" in each.names for each in at[name].assemble_argument_collection()):
            yield path + name


PUBLISHED = json.loads((Path(__file__).parents[2] / "docs" / "schemas.json").read_text(encoding="utf-8"))
OUTPUT_SCHEMAS = {name: {"$defs": PUBLISHED["$defs"], **schema} for name, schema in PUBLISHED["properties"].items()}


def test_every_command_with_json_has_a_schema():
    assert set(OUTPUTS) == set(OUTPUT_SCHEMAS) == set(with_json())


CHEAP = {
    "recipes": [], "models": [], "params": ["smoke"], "config": ["smoke"], "train": ["smoke", "--dry-run"],
    "doctor": [], "solve": ["sudoku-4x4", "..1.4.....2.3..."],
    "data build": ["sudoku-4x4", "--out", "s", "--test", "2"],
    "data show": ["s"], "data export": ["s", "--out", "official"], "data check": ["s"],
}  # fmt: skip


def test_cheap_commands_print_what_their_schemas_say(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for command, words in CHEAP.items():
        code = main([*command.split(), *words, "--json"])
        printed = capsys.readouterr()
        assert code == 0, (command, printed.err)
        jsonschema.validate(json.loads(printed.out), OUTPUT_SCHEMAS[command])


@pytest.mark.parametrize("change", [{"state": "fine"}, {"hint": None}, {"detail": 3}])
def test_a_schema_refuses_what_it_does_not_say(change):
    check = {"name": "x", "state": "ok", "detail": "", "hint": ""}
    jsonschema.validate({"ok": True, "checks": [check], "later": 1}, OUTPUT_SCHEMAS["doctor"])
    for wrong in ({"ok": True, "checks": [check | change]}, {"checks": []}, {"ok": "yes", "checks": []}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, OUTPUT_SCHEMAS["doctor"])
