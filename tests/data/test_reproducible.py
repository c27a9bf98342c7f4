"""Every kind of store is the same to the byte, whatever the machine, its settings and the order of its files.

Run as a script, this file builds one small store of each kind: ``python test_reproducible.py SOURCES OUT [backwards]``.
"""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hrm import puzzles
from hrm.data.arc import build_arc
from hrm.data.build import cached_store
from hrm.data.config import DataConfig
from hrm.data.prepare import build_store, infer_table, prepare
from hrm.data.sample import Draw, sample_file
from hrm.data.sources.official import import_official, write_official
from hrm.data.store import open_store

NOW = "2026-01-01T00:00:00+00:00"
GENERATED = {
    "sudoku-4x4": True, "sudoku-6x6": False, "sudoku-9x9": False, "maze-10x10": False, "maze-10x10-unique": False,
    "killer-4x4": True, "killer-6x6": False, "samurai-4x4": False, "coloring-8x3": False,
}  # fmt: skip
"""Families, and whether their splits may share twins."""
FILES = {f"{kind}.{suffix}": kind for kind in ("sudoku-6x6", "table") for suffix in ("csv", "jsonl", "npz")}
"""Files of puzzles, and what they hold."""
TASKS = {"training": 3, "evaluation": 2, "more": 2}
KINDS = ("generated", "from", "prepared", "cached", "official", "imported", "arc", "sampled")
EXTENSIONS = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
"""Of the processor: without them numpy sorts by other code, which leaves equal items in another order."""


def build_all(sources: Path, out: Path, backwards: bool) -> None:
    """Build a store of each kind; ``backwards`` names what has no order in the other order."""
    counts = {"train": 3, "validation": 2, "test": 1}
    for family, share_twins in GENERATED.items():
        build_store(family, out / f"generated-{family}", "", counts, 3, NOW, share_twins, True, quiet)
    for file, family in FILES.items():
        counts = {"train": 0, "validation": 3, "test": 3}
        build_store(str(sources / file), out / f"from-{file}", family, counts, 5, NOW, False, True, quiet)
        config = infer_table(DataConfig(puzzle=family, path=str(sources / file), validation=2, seed=1))
        prepare(config, out / f"prepared-{file}", NOW)
    prepare(DataConfig(puzzle="sudoku-6x6", generate=True, train=3), out / "prepared-generated", NOW)
    cached_store(sources / "sudoku-6x6.jsonl", out / "cached", None, NOW)
    write_official(open_store(out / "from-sudoku-6x6.csv"), out / "official")
    import_official(out / "official", out / "imported", puzzles.get("sudoku-6x6"), NOW)
    folders = [sources / name for name in TASKS]
    build_arc(out / "arc", folders[::-1] if backwards else folders, 12, 0, NOW)
    build_arc(out / "arc-parent", [sources], 12, 0, NOW)
    (out / "sampled").mkdir()
    draws = [Draw(sources / "sudoku-6x6.csv", 3), Draw(sources / "sudoku-6x6.jsonl", 2)]
    sample_file(out / "sampled" / "sample.csv", draws, [], None, 7)


def quiet(done: int, total: int) -> None:
    """Say nothing."""


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def write_sources(folder: Path, backwards: bool) -> None:
    """Write files of puzzles, and folders of tasks in one order or the other, with their keys in that order, too."""
    folder.mkdir(parents=True)
    rng, family = np.random.default_rng(0), puzzles.get("sudoku-6x6")
    grids = np.stack([family.generate(1, index) for index in range(12)])
    words = [[rng.choice(["rock", "moss", "über", "a"], 4).tolist() for _ in range(2)] for _ in range(12)]
    numbers = rng.integers(-3, 9, (12, 2, 2, 3))
    rows = {
        "sudoku-6x6": [(family.text(q), family.text(a)) for q, a in grids],
        "table": [(" ".join(q), " ".join(a)) for q, a in words],
    }
    for kind, pairs in rows.items():
        lines = ["question,answer", *(f"{q},{a}" for q, a in pairs)]
        (folder / f"{kind}.csv").write_text("\n".join(lines) + "\n", "utf-8")
        lines = [json.dumps({"question": q, "answer": a}, ensure_ascii=False) for q, a in pairs]
        (folder / f"{kind}.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    for kind, pairs in (("sudoku-6x6", grids.astype(int) - 1), ("table", numbers)):
        with open(folder / f"{kind}.npz", "wb") as file:
            np.savez(file, inputs=pairs[:, 0], labels=pairs[:, 1])
    tasks = {}
    for name, count in TASKS.items():
        for number in range(count):
            pairs = [{side: rng.integers(0, 5, (2, 3)).tolist() for side in ("input", "output")} for _ in range(4)]
            tasks[f"{name}/{name}{number}.json"] = {"train": pairs[:3], "test": pairs[3:]}
    for place in sorted(tasks, reverse=backwards):
        task = tasks[place]
        (folder / place).parent.mkdir(exist_ok=True)
        text = json.dumps(dict(reversed(task.items())), indent=1) if backwards else json.dumps(task)
        (folder / place).write_text(text, "utf-8")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Return the files of all stores as three different environments build them, at the same time."""
    place = tmp_path_factory.mktemp("built")
    (place / "elsewhere").mkdir()
    environments = {
        "plain": ({"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "LC_ALL": "C.UTF-8", "TZ": "UTC"}, 0o022, place),
        "other": (
            {"PYTHONHASHSEED": "1", "OMP_NUM_THREADS": "2", "LC_ALL": "tr_TR.ISO-8859-9", "TZ": "Asia/Kathmandu",
             "PYTHONUTF8": "0", "PYTHONOPTIMIZE": "1", "HOME": "/nowhere"}, 0o077, place / "elsewhere",
        ),
        "older": (
            {"PYTHONHASHSEED": "12345", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0",
             "TZ": "America/St_Johns", "NPY_DISABLE_CPU_FEATURES": " ".join(EXTENSIONS)}, 0o027, place,
        ),
    }  # fmt: skip
    running = {}
    for name, (changes, umask, cwd) in environments.items():
        backwards = name != "plain"
        sources = place / name / "sources"
        write_sources(sources, backwards)
        command = [sys.executable, "-W", "ignore", __file__, str(sources), str(place / name / "stores")]
        running[name] = subprocess.Popen(
            command + ["backwards"] * backwards, env=os.environ | changes, umask=umask, cwd=cwd,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
    said = {name: process.communicate(timeout=280)[1] for name, process in running.items()}
    for name, process in running.items():
        assert process.returncode == 0, f"{name}: {said[name]}"
    return {name: contents(place / name / "stores") for name in environments}


@pytest.mark.parametrize("kind", KINDS)
def test_a_store_is_the_same_everywhere(built, kind):
    plain, *others = ({k: v for k, v in files.items() if k.startswith(kind)} for files in built.values())
    assert len(plain) >= (1 if kind == "sampled" else 5)
    for other in others:
        assert plain.keys() == other.keys()
        assert [name for name, content in plain.items() if other[name] != content] == []


def test_every_store_is_of_a_kind_that_is_compared(built):
    assert all(name.startswith(KINDS) for name in built["plain"])
    assert {name.split("/")[0] for name in built["plain"] if name.startswith("generated")} == {
        f"generated-{family}" for family in GENERATED
    }


def test_folders_together_and_their_parent_are_the_same_tasks(built):
    files = built["plain"]
    arc = {name: content for name, content in files.items() if name.startswith("arc/")}
    assert arc and all(files[name.replace("arc/", "arc-parent/", 1)] == content for name, content in arc.items())


if __name__ == "__main__":
    order = -1 if len(sys.argv) > 3 else 1
    listdir, scandir = os.listdir, os.scandir

    class Listing(list):
        """What ``os.scandir`` finds, in the other order."""

        def __enter__(self):
            return self

        def __exit__(self, *error):
            pass

        def close(self):
            pass

    if order < 0:
        os.listdir = lambda path=".": sorted(listdir(path), reverse=True)
        os.scandir = lambda path=".": Listing(sorted(scandir(path), key=lambda entry: entry.name, reverse=True))
    random.seed(len(sys.argv))  # nobody may depend on these
    np.random.seed(len(sys.argv))
    build_all(Path(sys.argv[1]), Path(sys.argv[2]), order < 0)
