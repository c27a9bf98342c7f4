"""What is said about the machine is plausible, and needs no torch."""

import subprocess
import sys

import pytest

from hrm.runtime import machine


def test_the_machine_is_described():
    total, free = machine.memory_bytes()
    assert machine.processor() and machine.cores() >= 1
    assert total is None or total > 2**28
    assert free is None or total is not None and 0 < free <= total


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not say")
def test_peak_memory_grows_with_what_is_held_and_needs_no_torch():
    code = (
        "import sys; from hrm.runtime.machine import peak_resident_mib as peak; before = peak();"
        "held = b'1' * (300 << 20); print(peak() - before > 250, peak() < 2000, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True", "False"]


def test_a_system_without_proc_says_what_it_can(monkeypatch):
    monkeypatch.setattr(machine, "_proc", lambda name: {})
    assert machine.processor() and machine.memory_bytes()[1] is None
    assert sys.platform == "win32" or (machine.peak_resident_mib() or 0) > 1
