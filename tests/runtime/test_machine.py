"""What is said about the machine is plausible, and needs no torch."""

import subprocess
import sys

import pytest

from hrm.cli.main import main
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


@pytest.mark.parametrize(("message", "lacks"), [
    ("CUDA out of memory. Tried to allocate 20.00 MiB", True),
    ("CUDA error: out of memory\nCompile with `TORCH_USE_CUDA_DSA`", True),
    ("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`", True),
    ("MPS backend out of memory (MPS allocated: 9.00 GB, max allowed: 9.07 GB)", True),
    ("[enforce fail at alloc_cpu.cpp:118] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to", True),
    ("[enforce fail at alloc_cpu.cpp:80] data. DefaultCPUAllocator: not enough memory: you tried to allocate", True),
    ("CUDA error: an illegal memory access was encountered", False),
    ("unsupported memory format option Contiguous", False),
    ("view size is not compatible with input tensor's size and stride", False),
])  # fmt: skip
def test_want_of_memory_is_told_from_other_errors(message, lacks):
    assert machine.is_out_of_memory(RuntimeError(message)) == lacks and machine.is_out_of_memory(MemoryError())


def test_an_error_that_only_speaks_of_memory_is_not_said_to_be_want_of_it(monkeypatch):
    def app(*given, **more):
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr("hrm.cli.main.app", app)
    with pytest.raises(RuntimeError, match="illegal"):
        main([])


def test_a_system_without_proc_says_what_it_can(monkeypatch):
    monkeypatch.setattr(machine, "_proc", lambda name: {})
    assert machine.processor() and machine.memory_bytes()[1] is None
    assert sys.platform == "win32" or (machine.peak_resident_mib() or 0) > 1
