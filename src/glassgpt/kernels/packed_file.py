"""Packed weights as a file: made once, read in a fraction of a second.

The file is a valid safetensors file: eight bytes of header length, a JSON header, raw numbers. First come the matrices,
each beginning on a cache line; they are read into one piece of memory, for which huge pages are asked, because a step
goes through all of it. Then come the tables of words and places, of which a step looks up a few rows: those stay in the
file, mapped into memory, and only what is looked up is ever loaded.

Files are written whole or not at all, and the header holds a checksum of the numbers: a sum of 64-bit words for each
megabyte, hashed. That finds what disks and crashes do to files, at the speed of memory.
"""

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from glassgpt.kernels.layout import BLOCK, FORMATS, Format, Packed, padded
from glassgpt.kernels.memory import LINE, huge
from glassgpt.kernels.weights import Block, Matrix, Norm, Shape, Weights

DTYPES: dict[str, type] = {"F32": np.float32, "U16": np.uint16, "U8": np.uint8}
CODES = {np.dtype(dtype): code for code, dtype in DTYPES.items()}
PIECE = 1 << 20
"""Bytes that are read, and summed, at once."""
LONGEST_HEADER = 16 << 20
UNKNOWN = "?" * 64
"""Stands where the checksum will."""
NOT_OURS = (OSError, ValueError, LookupError, TypeError, AttributeError, AssertionError, RecursionError)
"""What reading something else, or something damaged, may end in."""
MAPPED = {"words", "places"}
"""Tables that stay in the file; nothing else comes after them."""
PARTS = ("data", "channel_scales", "group_scales")
"""Arrays of a packed matrix; a format has two of them or one."""

Arrays = dict[str, NDArray[Any]]
Facts = dict[str, str]
"""What else is to be remembered: free texts."""
Find = Callable[[str], NDArray[Any] | None]


def write_packed(path: Path, weights: Weights, facts: Mapping[str, str]) -> None:
    """Write a file, replacing what was there; its folder must exist."""
    arrays = dict(_arrays(weights))
    shape = json.dumps({**asdict(weights.shape), "factors": list(weights.shape.factors)})
    body, head = (m.packed.format.name for m in (weights.blocks[0].c_attn, weights.head))
    made = {"shape": shape, "body": body, "head": head, "sums": UNKNOWN}
    described: dict[str, Any] = {"__metadata__": {**facts, **made}}
    end = 0
    for name, array in arrays.items():
        begin, end = end, end + array.nbytes
        described[name] = {"dtype": CODES[array.dtype], "shape": array.shape, "data_offsets": [begin, end]}
    text = json.dumps(described, separators=(",", ":")).encode()
    text += b" " * (-(len(text) + 8) % LINE)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-", suffix=".part")
    try:
        with os.fdopen(handle, "w+b") as file:
            file.write(len(text).to_bytes(8, "little") + text)
            for array in arrays.values():
                file.write(np.ascontiguousarray(array).data)
            file.seek(8 + len(text))
            border = min(described[name]["data_offsets"][0] for name in MAPPED & arrays.keys())
            scratch = np.empty(PIECE, np.uint8)
            sums = _checksum(file, border, end, lambda begin, stop: scratch[: stop - begin])
            file.seek(0)
            file.write(len(text).to_bytes(8, "little") + text.replace(UNKNOWN.encode(), sums.encode()))
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def read_facts(path: Path) -> Facts | None:
    """What was remembered beside the weights; None where there is no such file."""
    try:
        with path.open("rb") as file:
            return _read_header(file)[0]
    except NOT_OURS:
        return None


def read_packed(path: Path) -> Weights | None:
    """The weights; None if the file is not there or not as it was written."""
    try:
        with path.open("rb") as file:
            facts, places, start = _read_header(file)
            arrays = _read_arrays(path, file, places, start, facts["sums"])
            weights = _assemble(arrays.get, facts)
            _check(weights)
            return weights
    except NOT_OURS:
        return None


def replace_fact(path: Path, old: str, new: str) -> None:
    """Change a text in the header for one of the same length."""
    with path.open("r+b") as file:
        length = int.from_bytes(file.read(8), "little")
        place = file.read(min(length, LONGEST_HEADER)).find(old.encode())
        if place >= 0 and len(old) == len(new):
            file.seek(8 + place)
            file.write(new.encode())


def _arrays(weights: Weights) -> Iterator[tuple[str, NDArray[Any]]]:
    """Every array under a name; those that are mapped come last."""
    for layer, block in enumerate(weights.blocks):
        for name in Block.__dataclass_fields__:
            yield from _parts(f"h.{layer}.{name}", getattr(block, name))
    yield from _parts("ln_f", weights.ln_f)
    yield from _parts("head", weights.head)
    if weights.words is not None:
        yield "words", weights.words
    yield "places", weights.places


def _parts(name: str, part: Norm | Matrix) -> Iterator[tuple[str, NDArray[Any]]]:
    if isinstance(part, Norm):
        yield f"{name}.gain", part.gain
    else:
        found = ((kind, getattr(part.packed, kind)) for kind in PARTS)
        yield from ((f"{name}.{kind}", array) for kind, array in found if array is not None)
    yield f"{name}.bias", part.bias


def _assemble(find: Find, facts: Facts) -> Weights:
    """The inverse of `_arrays`; whatever is missing or of another shape raises."""
    described = json.loads(facts["shape"])
    described["factors"] = tuple(described["factors"])
    shape = Shape(**described)
    body, head = FORMATS[facts["body"]], FORMATS[facts["head"]]

    def get(name: str) -> NDArray[Any]:
        array = find(name)
        if array is None:
            raise KeyError(name)
        return array

    def norm(name: str) -> Norm:
        return Norm(get(f"{name}.gain"), get(f"{name}.bias"))

    def matrix(name: str, form: Format) -> Matrix:
        parts = {kind: find(f"{name}.{kind}") for kind in PARTS[1:]}
        return Matrix(Packed(form, get(f"{name}.data"), **parts), get(f"{name}.bias"))

    def block(name: str) -> Block:
        return Block(
            ln_1=norm(f"{name}ln_1"),
            c_attn=matrix(f"{name}c_attn", body),
            c_proj=matrix(f"{name}c_proj", body),
            ln_2=norm(f"{name}ln_2"),
            c_fc=matrix(f"{name}c_fc", body),
            mlp_proj=matrix(f"{name}mlp_proj", body),
        )

    blocks = tuple(block(f"h.{layer}.") for layer in range(shape.layers))
    return Weights(shape, find("words"), get("places"), blocks, norm("ln_f"), matrix("head", head))


def _check(weights: Weights) -> None:
    """Kernels believe what they are given, so each array must be of the size that the shape says."""
    shape, width, mlp = weights.shape, weights.shape.width, weights.shape.mlp
    for block in weights.blocks:
        _check_norms(width, block.ln_1, block.ln_2)
        _check_matrix(block.c_attn, 3 * shape.joined, width)
        _check_matrix(block.c_proj, width, shape.joined)
        _check_matrix(block.c_fc, mlp, width)
        _check_matrix(block.mlp_proj, width, mlp)
    _check_norms(width, weights.ln_f)
    _check_matrix(weights.head, shape.vocabulary, width)
    kind = np.uint16 if weights.places.dtype == np.uint16 else np.float32
    _need(weights.places, kind, (shape.positions, width))
    if weights.words is not None:
        _need(weights.words, kind, (shape.vocabulary, width))
    if len(shape.factors) != shape.layers:
        raise ValueError("factors")


def _check_norms(width: int, *norms: Norm) -> None:
    for norm in norms:
        _need(norm.gain, np.float32, (padded(width),))
        _need(norm.bias, np.float32, (padded(width),))


def _check_matrix(matrix: Matrix, outputs: int, inner: int) -> None:
    packed, form = matrix.packed, matrix.packed.format
    outputs, inner = padded(outputs), padded(inner)
    blocks = outputs // BLOCK
    _need(matrix.bias, np.float32, (outputs,))
    _need(packed.data, form.dtype, (blocks, inner // form.per_step, BLOCK, 4 // np.dtype(form.dtype).itemsize))
    if form.group and not form.group_scales:
        _need(packed.channel_scales, np.float32, (outputs,))
    if form.group_scales:
        _need(packed.group_scales, np.uint16, (blocks, inner // form.group, BLOCK))


def _need(array: NDArray[Any] | None, dtype: type, shape: tuple[int, ...]) -> None:
    if array is None or array.dtype != dtype or array.shape != shape:
        raise ValueError(f"{dtype} {shape}")


def _read_header(file: BinaryIO) -> tuple[Facts, dict[str, dict[str, Any]], int]:
    """Texts, the place of each array, and where the numbers begin."""
    size = os.fstat(file.fileno()).st_size
    length = int.from_bytes(file.read(8), "little")
    if length > min(LONGEST_HEADER, size):
        raise ValueError("no header")
    described = json.loads(file.read(length))
    facts = cast("Facts", described.pop("__metadata__"))
    if max(place["data_offsets"][1] for place in described.values()) != size - length - 8:
        raise ValueError("cut off")
    return facts, described, 8 + length


def _read_arrays(path: Path, file: BinaryIO, places: dict[str, dict[str, Any]], start: int, sums: str) -> Arrays:
    mapped = MAPPED & places.keys()
    border = min(places[name]["data_offsets"][0] for name in mapped)
    memory, found = _read_numbers(file, border, max(place["data_offsets"][1] for place in places.values()))
    if found != sums:
        raise ValueError("damaged")
    arrays: Arrays = {}
    for name, place in places.items():
        begin, end = place["data_offsets"]
        dtype, shape = DTYPES[place["dtype"]], tuple(place["shape"])
        if name in mapped:
            arrays[name] = np.memmap(path, dtype, "r", start + begin, shape).view(np.ndarray)
        else:
            arrays[name] = memory[begin:end].view(dtype).reshape(shape)
        if arrays[name].nbytes != end - begin:
            raise ValueError(name)
    return arrays


def _read_numbers(file: BinaryIO, border: int, end: int) -> tuple[NDArray[np.uint8], str]:
    """The numbers up to `border`, in memory of their own; the checksum of all."""
    memory = huge(border)
    return memory, _checksum(file, border, end, lambda begin, stop: memory[begin:stop])


def _checksum(file: BinaryIO, border: int, end: int, place: Callable[[int, int], NDArray[np.uint8]]) -> str:
    """Read numbers piece by piece to where `place` says, those from `border` on to nowhere, and sum them up."""
    sums, scratch = hashlib.sha256(), np.empty(PIECE, np.uint8)
    for start, last in ((0, border), (border, end)):
        for begin in range(start, last, PIECE):
            stop = min(begin + PIECE, last)
            piece = place(begin, stop) if stop <= border else scratch[: stop - begin]
            if file.readinto(piece.data) != len(piece):  # pyrefly: ignore[missing-attribute]
                raise ValueError("cut off")
            whole = len(piece) // 8 * 8
            total = piece[:whole].view(np.uint64).sum(dtype=np.uint64)
            sums.update(int(total).to_bytes(8, "little") + piece[whole:].tobytes())
    return sums.hexdigest()
