"""Read a file of ``torch.save`` without running what is in it: a program of its own, for files of strangers.

``python -m hrm.interop.unpickling FILE OUT`` writes the tensors as safetensors in fp32, and one line of JSON on stdout:
``{}``, or ``{"error": …}``. Sizes are compared before anything is read, only tensors are unpickled, in limited memory,
and only those that HRM and TRM have are kept.
"""

import json
import os
import re
import sys
import zipfile
from collections.abc import Mapping
from contextlib import suppress

import safetensors.torch
import torch
from torch import Tensor

from hrm.errors import DataError
from hrm.interop.official import strip_prefix

MOST_ENTRIES, PICKLE_BYTES = 10_000, 1 << 20
"""Entries of the archive, and bytes of the pickle that names them: a network of HRM needs 60 and 10,000."""
SPARE_BYTES = 4 << 30
"""Memory beside that of the tensors."""
DTYPES = (torch.float32, torch.bfloat16, torch.float16)
_PART = r"(self_attn\.(qkv|o)_proj|mlp(_t)?\.(gate_up|down)_proj)"
_NAME = re.compile(
    r"embed_(tokens|pos)\.embedding_weight|puzzle_emb\.weights|lm_head\.weight|q_head\.(weight|bias)|[HL]_init"
    rf"|[HL]_level\.layers\.\d{{1,2}}\.{_PART}\.weight"
)


def read_tensors(file: str) -> dict[str, Tensor]:
    """Return the tensors of a saved state dict by their official names, in fp32.

    Raises:
        DataError: what is wrong with the file.
    """
    _require_plain_archive(file)
    try:
        saved = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # whatever a hostile pickle leads to
        raise DataError(_why(error)) from None
    if not isinstance(saved, Mapping) or not all(isinstance(name, str) for name in saved):
        raise DataError("it holds no state dict")
    foreign = [name for name, value in saved.items() if not isinstance(value, Tensor)]
    if foreign:
        raise DataError(f"it holds more than tensors: {', '.join(foreign[:4])[:80]}")
    tensors = strip_prefix(saved)
    if len(tensors) < len(saved):
        raise DataError("it holds two tensors of one name")
    for name, tensor in tensors.items():
        _require_sound(name, tensor)
    return {name: tensor.detach().to(torch.float32, copy=True) for name, tensor in tensors.items()}


def _require_plain_archive(file: str) -> None:
    """Refuse an archive that claims more than it holds, before anything of it is unpacked."""
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, RuntimeError):
        raise DataError("it is no whole file of torch.save; download it again") from None
    if len(entries) > MOST_ENTRIES:
        raise DataError(f"it has {len(entries)} entries; at most {MOST_ENTRIES} are read")
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise DataError("it is a compressed archive, which torch.save does not write")
    if sum(entry.file_size for entry in entries) > os.path.getsize(file):
        raise DataError("its entries claim more bytes than it has")
    pickles = [entry.file_size for entry in entries if entry.filename.endswith("data.pkl")]
    if len(pickles) != 1 or pickles[0] > PICKLE_BYTES:
        raise DataError(f"it needs one data.pkl of at most {PICKLE_BYTES} bytes, and has {pickles[:4]}")


def _limit_memory(file_bytes: int) -> None:
    """Let this process grow by the tensors twice, mapped and converted, and little else; where the system can."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        with open("/proc/self/statm") as statm:
            present = int(statm.read().split()[0]) * resource.getpagesize()
        most = present + 4 * file_bytes + SPARE_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (most, resource.getrlimit(resource.RLIMIT_AS)[1]))


def _require_sound(name: str, tensor: Tensor) -> None:
    """Refuse a tensor that no HRM or TRM has, or that is larger than its bytes, or not finite."""
    if not _NAME.fullmatch(name):
        raise DataError(f"tensor {name[:80]!r} is none of HRM's or TRM's")
    if tensor.layout != torch.strided or tensor.dtype not in DTYPES:
        raise DataError(f"tensor {name!r} is {tensor.dtype} {tensor.layout}; dense floats belong there")
    if tensor.dim() not in (1, 2) or 0 in tensor.shape or not tensor.is_contiguous():
        raise DataError(f"tensor {name!r} of shape {tuple(tensor.shape)} is not stored as a vector or matrix")
    if not all(bool(part.isfinite().all()) for part in tensor.split(1 << 16)):
        raise DataError(f"tensor {name!r} holds a number that is not finite: the training had diverged")


def _why(error: Exception) -> str:
    """Return in one line why torch did not load the file."""
    text = " ".join(str(error).split())
    if code := re.search(r"GLOBAL (\S+)", text):
        return f"its pickle asks for {code[1].rstrip('.,')[:60]}, which is code and not a tensor"
    if isinstance(error, MemoryError) or "memory" in text:
        return "it asks for more memory than its size explains"
    return f"torch cannot read it ({text[:100]})"


def convert(file: str, out: str) -> dict[str, str]:
    """Write the tensors of a file as safetensors; return nothing, or under ``error`` what is wrong with the file."""
    try:
        safetensors.torch.save_file(read_tensors(file), out)
    except DataError as error:
        return {"error": str(error)}
    except MemoryError:
        return {"error": "it asks for more memory than its size explains"}
    return {}


if __name__ == "__main__":
    _limit_memory(os.path.getsize(sys.argv[1]))
    print(json.dumps(convert(*sys.argv[1:])))
