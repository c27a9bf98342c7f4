"""``make gpu`` says where there is no GPU, and its report holds what was found where there is one."""

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

from .gpu import report

RESULTS = """<testsuites><testsuite>
<testcase name="test_it_trains[bf16]" time="3.21"/>
<testcase name="test_it_answers" time="0.5"><failure message="x"/></testcase>
</testsuite></testsuites>"""
COMMON = {"dtype": "bf16", "seconds_per_step": 0.0123, "segments_per_s": 5203}
CASES = [
    {"preset": "small", "mode": "train", "batch": 64, **COMMON},
    {"preset": "yardstick", "mode": "infer", "batch": 16, **COMMON},
]


def test_without_a_gpu_nothing_is_run_and_that_is_said(tmp_path):
    script, target = Path(__file__).with_name("gpu.py"), tmp_path / "report.md"
    command = [sys.executable, "-W", "ignore", str(script), str(target)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"CUDA_VISIBLE_DEVICES": ""})
    assert done.returncode == 1 and not target.exists()
    assert done.stderr.startswith("no GPU: ") and done.stderr.count("\n") == 1


def test_the_report_names_the_device_every_test_and_every_timing():
    tests = ElementTree.fromstring(RESULTS)
    text = report({"device": "NVIDIA H200, 140 GiB, 1 of them"}, tests, {"cases": CASES})
    assert "* device: NVIDIA H200" in text
    assert "| test_it_trains[bf16] | passed | 3.2 |" in text and "| test_it_answers | failure | 0.5 |" in text
    [trained, inferred] = [line.split(" | ") for line in text.splitlines() if "64" in line or "yardstick" in line]
    assert trained[:3] == ["| small train bf16 b64", "12.30", "5,203"] and 0 < float(trained[3].rstrip(" |")) < 12.3
    assert inferred[3] == "– |"
    assert "The benchmark failed." in report({"device": "NVIDIA L4"}, tests, None)
