"""The notebook is stored clean, and runs from its first cell to its last."""

import json
from pathlib import Path

import pytest

FILE = Path(__file__).parents[2] / "examples" / "look_inside.ipynb"


def test_it_is_stored_short_and_without_outputs():
    cells = json.loads(FILE.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert 8 <= len(code) <= 12
    assert not any(cell["outputs"] or cell["execution_count"] or cell["metadata"] for cell in code)


@pytest.mark.slow
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
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 6
    said = "".join(output.text for output in outputs if output.output_type == "stream" and output.name == "stdout")
    assert "keeps the rules" in said and "a shortest path" in said and "not a shortest" not in said
    assert said.count("logits differ by") == 4
