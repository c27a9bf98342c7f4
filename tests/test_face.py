"""The front of the package: what ``import hrm`` offers, and how its objects show themselves."""

import json
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import hrm
from hrm.errors import HrmError, UsageError

PUZZLE, ANSWER = "..1.4.....2.3...", "2314413214233241"


@pytest.fixture(scope="module")
def solver():
    return hrm.load("sudoku-4x4", device="cpu")


def test_dir_lists_the_public_names_and_each_is_there():
    assert dir(hrm) == sorted(hrm.__all__) and "load" in dir(hrm)
    for name in hrm.__all__:
        assert getattr(hrm, name) is not None
        assert f"`{name}`" in hrm.__doc__, f"the docstring does not list {name}"


def test_a_name_that_is_not_there_says_what_is():
    with pytest.raises(AttributeError, match="no attribute 'laod'.*load"):
        _ = hrm.laod


def test_importing_the_package_and_looking_around_imports_neither_torch_nor_pillow():
    code = "import sys, hrm; dir(hrm); hrm.__version__; hrm.recipes; hrm.puzzles; hrm.RunConfig; print([m for m in \
('torch', 'PIL', 'matplotlib') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_type_checkers_are_told_that_the_package_is_typed():
    assert (Path(hrm.__file__).parent / "py.typed").is_file()


def test_a_solver_is_callable_and_says_what_it_is(solver):
    assert solver(PUZZLE) == solver.solve(PUZZLE)
    assert "sudoku-4x4" in repr(solver) and "329,498 parameters" in repr(solver) and len(repr(solver)) < 200


@pytest.mark.parametrize("trace", [False, True])
def test_an_answer_is_short_equal_to_itself_and_survives_pickling(solver, trace):
    answer = solver.solve(PUZZLE, trace=trace)
    assert ANSWER in repr(answer) and len(repr(answer)) < 200
    again = pickle.loads(pickle.dumps(answer))
    assert again == answer and hash(again) == hash(answer) and again._repr_html_() == answer._repr_html_()
    assert answer != solver.solve(PUZZLE, segments=2, trace=trace)


@pytest.mark.parametrize("trace", [False, True])
def test_an_answer_draws_itself(solver, trace, tmp_path):
    answer = solver.solve("3.4......3..1..4", segments=6, trace=trace)
    shown = answer._repr_html_()
    assert shown.startswith("<figure") and "<svg" in shown and "keeps every rule" in shown
    answer.save(str(tmp_path / "x.gif"))
    with Image.open(tmp_path / "x.gif") as image:
        changes = [moment for moment in answer.trace or () if moment.changed.any()]
        assert image.n_frames == (1 + len(changes) + 1 if trace else 2)  # the last one says that nothing moved
    answer.save(tmp_path / "x.svg")
    with pytest.raises(UsageError, match=r"\.gif, \.png or \.svg"):
        answer.save(tmp_path / "x.pdf")


def test_a_saved_solver_is_loaded_again(solver, tmp_path):
    solver.save(str(tmp_path / "mine"))
    again = hrm.load(tmp_path / "mine", device="cpu")
    assert again.solve(PUZZLE, trace=True) == solver.solve(PUZZLE, trace=True)
    assert again.origin.config == solver.origin.config and again.origin.card == solver.origin.card
    assert not (tmp_path / "mine" / "state.safetensors").exists()


def test_a_solver_put_together_by_hand_is_not_saved_without_its_configuration(solver, tmp_path):
    own = hrm.Solver(solver.model, solver.puzzle, max_segments=8)
    with pytest.raises(UsageError, match="configuration"):
        own.save(tmp_path / "own")
    assert not (tmp_path / "own").exists()


ROWS = [(PUZZLE, ANSWER), (".1.....3...4.4..", "3142421313242431"), ("2....3....4..4.1", "2134431212433421")]


@pytest.fixture(autouse=True)
def own_cache(environment, monkeypatch):
    monkeypatch.setenv("HRM_CACHE", environment["HRM_CACHE"])


def test_evaluate_gives_the_numbers_of_the_command(solver, tmp_path, capsys):
    from hrm.cli.main import main

    file = tmp_path / "four.csv"
    file.write_text("question,answer\n" + "".join(f"{q},{a}\n" for q, a in ROWS))
    result = hrm.evaluate("sudoku-4x4", str(file), segments=3, device="cpu")
    assert main(["eval", "sudoku-4x4", "--data", str(file), "--segments", "3", "--device", "cpu", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    changing = {"network_s", "plain_solver", "protocol"}
    assert {k: v for k, v in result.found.items() if k not in changing} == {
        k: v for k, v in printed.items() if k not in changing
    }
    assert result.examples == 3 and result.segments == len(result.per_segment) == 3
    assert result.exact == printed["exact"] and result.exact_ci95 == tuple(printed["exact_ci95"])


@pytest.mark.parametrize("kind", ["path", "store", "pairs", "lists", "arrays"])
def test_evaluate_takes_data_in_every_form(solver, tmp_path, kind):
    from hrm.data.build import cached_store

    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps({"question": q, "answer": a}) + "\n" for q, a in ROWS))
    store = cached_store(file, tmp_path / "stores", solver.puzzle, "2026-01-01T00:00:00+00:00")
    data = {
        "path": file,
        "store": store,
        "pairs": ROWS,
        "lists": [[solver.puzzle.parse(q), solver.puzzle.parse(a)] for q, a in ROWS],
        "arrays": (np.asarray(store.split("all").inputs) - 1, np.asarray(store.split("all").labels) - 1),
    }[kind]
    if kind == "lists":  # digits, 0 = blank, as a user has them
        data = [[grid - 1 for grid in row] for row in data]
    result = hrm.evaluate(solver, data, segments=2)
    assert (result.examples, result.exact) == (3, hrm.evaluate(solver, ROWS, segments=2).exact)


@pytest.mark.parametrize("data", [[PUZZLE], [(PUZZLE, ANSWER, 1)], [(PUZZLE, ANSWER[::-1])], [("...", ANSWER)], []])
def test_evaluate_refuses_rows_that_are_none(solver, data):
    with pytest.raises(HrmError):
        hrm.evaluate(solver, data)


def test_evaluate_without_data_generates_puzzles_and_shows_itself(solver):
    result = hrm.evaluate(solver, limit=5)
    assert result.examples == 5 and result.segments == solver.origin.config.halting.max_segments
    assert "generated puzzles (seed 1)" in repr(result) and len(repr(result)) < 250 and "5 puzzles" in repr(result)
    table = result._repr_html_()
    assert table.startswith("<table") and table.count("<tr>") == 1 + result.segments and "None" not in table
    assert hrm.evaluate(solver, limit=5, segments=1).exact == result.per_segment[0]["exact"]


def test_evaluate_takes_a_solver_put_together_by_hand(solver):
    own = hrm.Solver(solver.model, solver.puzzle, max_segments=2)
    assert hrm.evaluate(own, ROWS).exact == hrm.evaluate(solver, ROWS, segments=2).exact


def test_analyze_takes_a_name_or_what_a_solver_holds_in_memory():
    by_name = hrm.analyze("sudoku-4x4", "depth", puzzles=4, segments=2, device="cpu")
    loaded = hrm.load("sudoku-4x4", device="cpu")
    assert hrm.analyze(loaded, "depth", puzzles=4, segments=2, device="cpu")["numbers"] == by_name["numbers"]
    with pytest.raises(UsageError, match="residuals"):
        hrm.analyze("sudoku-4x4", "residual")
    for parameter in loaded.model.parameters():
        parameter.data.zero_()
    assert hrm.analyze(loaded, "depth", puzzles=4, segments=2, device="cpu")["numbers"] != by_name["numbers"]


def test_report_writes_one_page_and_returns_its_path(solver, tmp_path):
    page = hrm.report(solver, tmp_path / "r.html", puzzles=3, segments=2, analyses=(), device="cpu")
    assert page == tmp_path / "r.html" and "sudoku-4x4" in page.read_text(encoding="utf-8")
    with pytest.raises(UsageError, match=r"\.html"):
        hrm.report(solver, tmp_path / "r.pdf")
