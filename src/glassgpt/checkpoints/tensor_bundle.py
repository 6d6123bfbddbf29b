"""TensorFlow's checkpoints ("tensor bundles") without TensorFlow: `PREFIX.index` and `PREFIX.data-00000-of-00001`.

The index maps names to (number type, shape, place, checksum); the data files hold raw numbers. The messages are
BundleHeaderProto and BundleEntryProto of tensorflow/core/protobuf/tensor_bundle.proto.
"""

from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from glassgpt.checkpoints.crc32c import crc32c, masked
from glassgpt.checkpoints.protobuf import (
    fixed32_field,
    message_field,
    nested,
    number_field,
    read_fields,
    read_message,
    whole,
)
from glassgpt.checkpoints.safetensors_file import raw_bytes
from glassgpt.checkpoints.stored import MAX_DIMENSIONS, NUMBER_TYPES, Stamp, Stored, stamp_of
from glassgpt.checkpoints.tensor_table import read_table, write_table
from glassgpt.errors import CheckpointError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

MAX_INDEX_BYTES = 16 << 20
MAX_SHARDS = 1_000
NAMES = {1: "float32", 2: "float64", 3: "int32", 9: "int64", 14: "bfloat16", 19: "float16"}
DTYPES = {number: NUMBER_TYPES[name] for number, name in NAMES.items()}
"""TensorFlow's numbers for number types (types.proto); texts and others are refused."""
_NUMBERS = {name: number for number, name in NAMES.items()}
_HEADER_KEY = b""
_FORMAT_VERSION = 1


def index_bundle(prefix: Path) -> dict[str, Stored]:
    """Where each tensor of the checkpoint `prefix` lies, every claim of the index checked."""
    index = prefix.with_name(prefix.name + ".index")
    try:
        return _index_bundle(prefix, index)
    except OSError as error:
        raise CheckpointError(f"Cannot read {error.filename or index}: {error.strerror or error}.") from error
    except CheckpointError as error:
        raise CheckpointError(f"{index}: {error}") from error


def write_bundle(prefix: Path, tensors: "Mapping[str, Tensor]", *, dtype: "torch.dtype | None" = None) -> None:
    """Write a checkpoint of one data file as TensorFlow does, one tensor in memory at a time."""
    entries = {_HEADER_KEY: number_field(1, 1) + message_field(3, number_field(1, 1))}
    offset = 0
    with prefix.with_name(prefix.name + ".data-00000-of-00001").open("wb") as file:
        for name in sorted(tensors):
            tensor = tensors[name].detach().to(device="cpu", dtype=dtype)
            raw = raw_bytes(tensor)
            entries[name.encode()] = _write_entry(tensor, offset, len(raw), masked(crc32c(raw)))
            offset += file.write(raw)
    prefix.with_name(prefix.name + ".index").write_bytes(write_table(entries))


def _index_bundle(prefix: Path, index: Path) -> dict[str, Stored]:
    with index.open("rb") as file:
        data = file.read(MAX_INDEX_BYTES + 1)
    if len(data) > MAX_INDEX_BYTES:
        raise CheckpointError(f"larger than {MAX_INDEX_BYTES:,} bytes, too large for an index.")
    entries = read_table(data)
    shards = _shard_count(entries.pop(_HEADER_KEY, b""))
    stamps: dict[Path, Stamp] = {}
    found = {}
    for key, message in entries.items():
        name = key.decode("utf-8", "backslashreplace")  # at most 1,000 bytes, see `tensor_table`
        found[name] = _place(prefix, shards, name, message, stamps)
    _refuse_overlaps(found)
    return found


def _shard_count(header: bytes) -> int:
    fields = read_message(header)
    if whole(fields, 2):
        raise CheckpointError("its numbers are big-endian, which is not supported.")
    if whole(read_message(nested(fields, 3)), 2) > _FORMAT_VERSION:
        raise CheckpointError("it needs a reader of a newer version of the format.")
    count = whole(fields, 1)
    if not 1 <= count <= MAX_SHARDS:
        raise CheckpointError(f"it claims {count:,} data files; between 1 and {MAX_SHARDS:,} are accepted.")
    return count


def _place(prefix: Path, shards: int, name: str, message: bytes, stamps: dict[Path, Stamp]) -> Stored:
    fields = read_message(message)
    if 7 in fields:
        raise CheckpointError(f"{name!r} is stored in slices (a partitioned variable), which is not supported.")
    dtype = DTYPES.get(whole(fields, 1))
    if dtype is None:
        raise CheckpointError(f"{name!r} has TensorFlow's number type {fields.get(1)}; supported are {list(DTYPES)}.")
    shape, offset, size = _shape(name, nested(fields, 2)), whole(fields, 4), whole(fields, 5)
    path, stamp = _data_file(prefix, whole(fields, 3), shards, stamps)
    if size != prod(shape) * dtype.itemsize or offset + size > stamp[1]:
        raise CheckpointError(
            f"{name!r} of shape {shape} does not fit its {size:,} bytes at {offset:,} in {path.name}, "
            f"which has {stamp[1]:,}. It may have been cut off: download or copy it again."
        )
    checksum = whole(fields, 6)
    return Stored(path, stamp, offset, shape, dtype, lambda raw: masked(crc32c(raw)) == checksum)


def _data_file(prefix: Path, shard: int, shards: int, stamps: dict[Path, Stamp]) -> tuple[Path, Stamp]:
    if shard >= shards:
        raise CheckpointError(f"it places a tensor in data file {shard} of {shards}.")
    path = prefix.with_name(f"{prefix.name}.data-{shard:05d}-of-{shards:05d}")
    if path not in stamps:
        with path.open("rb") as file:
            stamps[path] = stamp_of(file)
    return path, stamps[path]


def _shape(name: str, message: bytes) -> tuple[int, ...]:
    """TensorShapeProto: dimensions (2), each with its size (1); an unknown rank (3) cannot be stored."""
    dimensions = list(read_fields(message))
    if len(dimensions) > MAX_DIMENSIONS or any(number != 2 for number, _ in dimensions):
        raise CheckpointError(f"the shape of {name!r} is malformed.")
    sizes = tuple(whole(read_message(nested(dict([dimension]), 2)), 1) for dimension in dimensions)
    if any(size >= 1 << 48 for size in sizes):
        raise CheckpointError(f"the shape of {name!r} is impossible: {sizes}.")
    return sizes


def _refuse_overlaps(found: Mapping[str, Stored]) -> None:
    ends: dict[Path, int] = {}
    for name, stored in sorted(found.items(), key=lambda item: (item[1].path, item[1].offset, item[1].size)):
        if stored.offset < ends.get(stored.path, 0):
            raise CheckpointError(f"{name!r} overlaps another tensor.")
        ends[stored.path] = stored.offset + stored.size


def _write_entry(tensor: "Tensor", offset: int, size: int, checksum: int) -> bytes:
    shape = b"".join(message_field(2, number_field(1, length)) for length in tensor.shape)
    return (
        number_field(1, _NUMBERS[str(tensor.dtype).removeprefix("torch.")])
        + message_field(2, shape)
        + number_field(4, offset)
        + number_field(5, size)
        + fixed32_field(6, checksum)
    )
