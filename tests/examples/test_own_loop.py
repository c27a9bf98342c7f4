"""The loop that the page on training shows: 30 lines, and it learns."""

import ast
import importlib.util
from pathlib import Path

FILE = Path(__file__).resolve().parents[2] / "examples" / "own_loop.py"


def test_it_has_thirty_lines_and_learns(capsys, request):
    spec = importlib.util.spec_from_file_location("own_loop", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    train = next(node for node in ast.parse(FILE.read_text()).body if isinstance(node, ast.FunctionDef))
    assert train.end_lineno - train.lineno < 32
    module.train(1, batch_size=2)
    request.getfixturevalue("no_shape_checks")  # which more updates would only repeat
    _, solved = module.train(60, batch_size=16)
    said = capsys.readouterr().out.splitlines()
    losses = [float(line.split("loss ")[1].split(",")[0]) for line in said]
    assert losses[-1] < 0.9 * losses[0] and 0 <= solved <= 1
