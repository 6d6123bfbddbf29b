"""The safetensors format: eight bytes of header length, a JSON header, then raw tensors.

The reader trusts nothing in the header; the writer streams one tensor at a time, so saving costs one tensor of memory.
"""

import json
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from glassgpt.checkpoints.json_file import Json, parse_json
from glassgpt.checkpoints.stored import MAX_DIMENSIONS, NUMBER_TYPES, Stamp, Stored, stamp_of
from glassgpt.errors import CheckpointError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

MAX_HEADER_BYTES = 16 << 20
MAX_TENSORS = 100_000

# fmt: off
NAMES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16",
    "I64": "int64",   "I32": "int32",   "I16": "int16",   "I8": "int8",
    "U8": "uint8",    "BOOL": "bool",
}
# fmt: on
DTYPES = {code: NUMBER_TYPES[name] for code, name in NAMES.items()}
"""The number types we accept; the names of 8-bit floats and packed types are refused."""
_CODES = {name: code for code, name in NAMES.items()}


def index_safetensors(path: Path) -> dict[str, Stored]:
    """Where each tensor of the file lies, every claim of the header checked."""
    header, data_start, stamp = _read_header(path)
    header.pop("__metadata__", None)
    if len(header) > MAX_TENSORS:
        raise CheckpointError(f"{path} lists {len(header):,} tensors; at most {MAX_TENSORS:,} are accepted.")
    found = {name: _place(path, stamp, name, entry, data_start) for name, entry in header.items()}
    _need_complete_cover(path, found, data_start, stamp[1])
    return found


def read_metadata(path: Path) -> dict[str, str]:
    """The free text pairs in the header."""
    header, _, _ = _read_header(path)
    pairs = header.get("__metadata__", {})
    if not isinstance(pairs, dict) or not all(isinstance(value, str) for value in pairs.values()):
        raise CheckpointError(f"{path}: __metadata__ must hold texts only.")
    return pairs


def read_tensors(path: Path) -> "dict[str, Tensor]":
    """Every tensor of the file."""
    return {name: stored.read() for name, stored in index_safetensors(path).items()}


def write_tensors(
    path: Path,
    tensors: "Mapping[str, Tensor]",
    *,
    dtype: "torch.dtype | None" = None,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write tensors in the order given; `dtype` converts those that hold floating-point numbers.

    Transposed views are fine: each tensor is laid out on its own just before it is written.
    """
    header: Json = {"__metadata__": {"format": "pt", **(metadata or {})}}
    end = 0
    for name, tensor in tensors.items():
        kind = _stored_dtype(tensor, dtype)
        begin, end = end, end + tensor.numel() * kind.itemsize
        header[name] = {"dtype": _code(kind), "shape": list(tensor.shape), "data_offsets": [begin, end]}
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # so that the numbers start at a multiple of eight
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for tensor in tensors.values():
            file.write(raw_bytes(tensor.detach().to(device="cpu", dtype=_stored_dtype(tensor, dtype))))


def raw_bytes(tensor: "Tensor") -> memoryview:
    """A CPU tensor's numbers in row order."""
    import torch

    return tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data


def _stored_dtype(tensor: "Tensor", wanted: "torch.dtype | None") -> "torch.dtype":
    dtype = wanted if wanted is not None and tensor.is_floating_point() else tensor.dtype
    if _code(dtype) is None:
        allowed = ", ".join(f"torch.{name}" for name in _CODES)
        raise CheckpointError(f"Tensors of {dtype} cannot be saved; allowed are {allowed}.")
    return dtype


def _code(dtype: "torch.dtype") -> str | None:
    return _CODES.get(str(dtype).removeprefix("torch."))


def _read_header(path: Path) -> tuple[Json, int, Stamp]:
    try:
        with path.open("rb") as file:
            return _parse_header(path, file)
    except OSError as error:
        raise CheckpointError(f"Cannot read {path}: {error.strerror or error}.") from error


def _parse_header(path: Path, file: BinaryIO) -> tuple[Json, int, Stamp]:
    stamp = stamp_of(file)
    length = int.from_bytes(file.read(8), "little")
    if stamp[1] < 8 or length > min(MAX_HEADER_BYTES, stamp[1] - 8):
        raise CheckpointError(
            f"{path} is not a safetensors file, or was cut off: {stamp[1]:,} bytes, header of {length:,} bytes."
        )
    return parse_json(file.read(length), f"The header of {path}"), 8 + length, stamp


def _place(path: Path, stamp: Stamp, name: str, entry: object, data_start: int) -> Stored:
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise CheckpointError(f"{path}: the header's entry for {name[:200]!r} is malformed.")
    dtype = DTYPES.get(entry["dtype"]) if isinstance(entry["dtype"], str) else None
    if dtype is None:
        raise CheckpointError(
            f"{path}: {name[:200]!r} has number type {str(entry['dtype'])[:50]!r}; supported are {', '.join(DTYPES)}."
        )
    shape, offsets = entry["shape"], entry["data_offsets"]
    if not (_are_sizes(shape) and len(shape) <= MAX_DIMENSIONS and _are_sizes(offsets) and len(offsets) == 2):
        raise CheckpointError(f"{path}: shape or offsets of {name[:200]!r} are malformed.")
    begin, end = offsets
    if end - begin != prod(shape) * dtype.itemsize or data_start + end > stamp[1]:
        raise CheckpointError(
            f"{path}: {name[:200]!r} of shape {shape} does not fit its bytes {begin:,} to {end:,}; "
            f"the file has {stamp[1]:,}. It may have been cut off: download or copy it again."
        )
    return Stored(path, stamp, data_start + begin, tuple(shape), dtype)


def _need_complete_cover(path: Path, found: dict[str, Stored], start: int, end: int) -> None:
    """No gap, no overlap, nothing after the last tensor: as the format demands."""
    for name, stored in sorted(found.items(), key=lambda item: (item[1].offset, item[1].size)):
        if stored.offset != start:
            raise CheckpointError(f"{path}: {name[:200]!r} overlaps another tensor or leaves a gap before it.")
        start += stored.size
    if start != end:
        raise CheckpointError(f"{path} has {end - start:,} bytes that belong to no tensor.")


def _are_sizes(value: object) -> bool:
    return isinstance(value, list) and all(type(item) is int and 0 <= item < 1 << 48 for item in value)
