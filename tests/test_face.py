"""The front of the package: what ``import hrm`` offers, and how its objects show themselves."""

import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import hrm
from hrm.errors import UsageError

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
    assert answer != solver.solve(PUZZLE, segments=1, trace=trace)


@pytest.mark.parametrize("trace", [False, True])
def test_an_answer_draws_itself(solver, trace, tmp_path):
    answer = solver.solve("3.4......3..1..4", trace=trace)
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
