"""Run the tests that need a GPU and the quick benchmark, and write a report: ``make gpu``.

Exit code 0 where all tests passed, 1 where one failed or there is no GPU.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

import torch

from hrm.bench.cases import PRESETS
from hrm.model.roofline import ACCELERATORS, predict

ROOT = Path(__file__).parents[2]


def main(target: Path) -> int:
    """Write the report."""
    if not torch.cuda.is_available():
        print(f"no GPU: torch {torch.__version__} finds no CUDA device here, so nothing was run", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.xml"
        pytest = [sys.executable, "-m", "pytest", "-m", "gpu", "-q", "tests", f"--junitxml={results}"]
        code = subprocess.run(pytest, cwd=ROOT).returncode
        tests = ElementTree.parse(results).getroot() if results.exists() else ElementTree.Element("none")
    bench = [sys.executable, "-m", "hrm", "bench", "--quick", "--device", "cuda", "--json"]
    timed = subprocess.run(bench, stdout=subprocess.PIPE, text=True)
    timings = json.loads(timed.stdout) if timed.returncode == 0 else None
    properties = torch.cuda.get_device_properties(0)
    facts = {
        "device": f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB, {torch.cuda.device_count()} of them",
        "compute capability": f"{properties.major}.{properties.minor}",
        "torch": f"{torch.__version__}, CUDA {torch.version.cuda}",
        "python": sys.version.split()[0],
    }
    target.write_text(report(facts, tests, timings), encoding="utf-8")
    print(f"wrote {target}")
    return 0 if code == 0 and timings is not None else 1


def report(facts: dict[str, str], tests: ElementTree.Element, timings: dict | None) -> str:
    """Return the report as Markdown.

    Args:
        tests: what pytest wrote with ``--junitxml``.
        timings: what ``hrm bench --json`` printed; None: it failed.
    """
    lines = ["# GPU report", "", *(f"* {name}: {value}" for name, value in facts.items())]
    # every test in a line
    lines += ["", "## Tests (`pytest -m gpu`)", "", "| test | result | s |", "|---|---|---|"]
    for case in tests.iter("testcase"):
        ends = [end for end in ("failure", "error", "skipped") if case.find(end) is not None]
        lines.append(f"| {case.get('name')} | {ends[0] if ends else 'passed'} | {float(case.get('time', 0)):.1f} |")
    # every timing, beside the lower bound for this device
    title = "| case | ms a step | segments/s | at best, ms |"
    lines += ["", "## Timings (`hrm bench --quick`)", "", title, "|---|---|---|---|"]
    kind = next((name for name in ACCELERATORS if name in facts["device"].lower()), None)
    for case in () if timings is None else timings["cases"]:
        preset, bound = PRESETS.get(case["preset"]), "–"
        if kind and preset and case["mode"] == "train" and preset.recipe:
            best = predict(preset.network, case["batch"], ACCELERATORS[kind], precision=case["dtype"])
            bound = f"{1e3 * best.seconds:.2f}"
        name = f"{case['preset']} {case['mode']} {case['dtype']} b{case['batch']}"
        milliseconds = 1e3 * case["seconds_per_step"]
        lines.append(f"| {name} | {milliseconds:.2f} | {case['segments_per_s']:,.0f} | {bound} |")
    if timings is None:
        lines += ["", "The benchmark failed."]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
