"""The notebook is stored with its outputs, and runs from its first cell to its last with the same outputs."""

import json
import re
from pathlib import Path

import pytest

FILE = Path(__file__).parents[2] / "examples" / "look_inside.ipynb"
FIGURES = 6


def code_cells():
    cells = json.loads(FILE.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def printed(outputs):
    """What cells printed, without numbers: those differ in their last digits between machines."""
    text = "".join("".join(output["text"]) for output in outputs if output["output_type"] == "stream")
    return [re.sub(r"[-+]?\d[\d.,]*(e[-+]\d+)?%?", "0", line) for line in text.splitlines()]


def test_it_is_short_and_stored_with_its_outputs():
    cells = code_cells()
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert 8 <= len(cells) <= 12 and FILE.stat().st_size < 1_000_000
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    assert not any(output["output_type"] == "error" or output.get("name") == "stderr" for output in outputs)
    assert sum("image/png" in output.get("data", {}) for output in outputs) == FIGURES


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_it_runs(tmp_path, monkeypatch):
    reason = "the notebook needs pip install '.[notebook]'"
    nbformat, nbclient = (pytest.importorskip(name, reason=reason) for name in ("nbformat", "nbclient"))
    pytest.importorskip("ipykernel", reason=reason)
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "TMPDIR"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(name, str(tmp_path / name))  # nothing of the user's, and nothing left behind
    notebook = nbformat.read(FILE, as_version=4)
    nbclient.NotebookClient(notebook, timeout=200, resources={"metadata": {"path": str(FILE.parent)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == FIGURES
    stored = printed([output for cell in code_cells() for output in cell["outputs"]])
    again = printed([output for output in outputs if output.get("name") != "stderr"])
    assert len(again) == len(stored)
    said = "\n".join(again)
    assert "keeps the rules" in said and "a shortest path" in said and "not a shortest" not in said
    assert said.count("logits differ by") == 4
