"""A whole GPT-2, packed for the kernels.

Heads are padded to whole blocks of 64, so that a block of outputs belongs to one head and to one of query, key, value.
The zeros that fill a head meet zeros in the next matrix, and change nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassgpt.errors import InvalidParameter
from glassgpt.kernels.arithmetic import Floats, from_bfloat16_twin
from glassgpt.kernels.integers import Integers, widen
from glassgpt.kernels.layout import Format, Packed, padded
from glassgpt.kernels.packing import pack, unpack

Get = Callable[[str], Floats]
"""A tensor by its published name, as float32; matrices as (outputs, inputs)."""
GetMatrix = Callable[[str], Floats | Integers]
"""The weight of a matrix by its published name, (outputs, inputs): floats to be rounded, or integers to be kept."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The numbers that kernels need of a model."""

    vocabulary: int
    positions: int
    width: int
    heads: int
    layers: int
    mlp: int
    activation: str
    epsilon: float
    factors: tuple[float, ...]
    """By which each layer's queries are multiplied."""

    @property
    def head_width(self) -> int:
        """Of one head."""
        return self.width // self.heads

    @property
    def joined(self) -> int:
        """All heads side by side, each padded to whole blocks."""
        return self.heads * padded(self.head_width)


@dataclass(frozen=True, slots=True)
class Matrix:
    """A packed matrix and its bias, padded likewise."""

    packed: Packed
    bias: Floats


@dataclass(frozen=True, slots=True)
class Norm:
    """Gain and bias of a layer normalisation, padded with zeros."""

    gain: Floats
    bias: Floats


@dataclass(frozen=True, slots=True)
class Block:
    """One layer."""

    ln_1: Norm
    c_attn: Matrix
    c_proj: Matrix
    ln_2: Norm
    c_fc: Matrix
    mlp_proj: Matrix


@dataclass(frozen=True, slots=True)
class Weights:
    """Everything."""

    shape: Shape
    words: NDArray[Any] | None
    """(V, D) float32, or bfloat16 as uint16: looked up row by row, so not packed. None: the head has the same rows."""
    places: NDArray[Any]
    """(T, D), the same type."""
    blocks: tuple[Block, ...]
    ln_f: Norm
    head: Matrix

    def tables(self) -> tuple[Floats, Floats]:
        """Words and places as float32; words of a packed head are those that it stands for."""
        if self.words is None:
            return unpack(self.head.packed)[: self.shape.vocabulary, : self.shape.width], _floats(self.places)
        return _floats(self.words), _floats(self.places)

    @property
    def bytes_read_each_step(self) -> int:
        """What one token costs in memory traffic, without the cache."""
        inside = (m.packed.bytes for b in self.blocks for m in (b.c_attn, b.c_proj, b.c_fc, b.mlp_proj))
        return sum(inside) + self.head.packed.bytes


def pack_model(
    get: Get,
    shape: Shape,
    words: NDArray[Any] | None,
    places: NDArray[Any],
    body: Format,
    head: Format,
    get_matrix: GetMatrix | None = None,
) -> Weights:
    """Pack one tensor after the other.

    `places` is the embedding of places, kept as it is; `words` that of words, None where it is the head too.
    """
    get_matrix = get if get_matrix is None else get_matrix
    _check_table("wpe", places, shape.positions, shape.width)
    if words is not None:
        _check_table("wte", words, shape.vocabulary, shape.width)
        if words.dtype != places.dtype:
            raise InvalidParameter("wpe", places.dtype, f"must be stored as wte is, as {words.dtype}")
    matrix = get_matrix("wte.weight" if words is None else "lm_head.weight")
    _check("head", _numbers(matrix), (shape.vocabulary, shape.width))
    last = Matrix(pack(matrix, head), np.zeros(padded(shape.vocabulary), np.float32))
    del matrix  # the largest tensor of all
    blocks = tuple(_pack_block(get, get_matrix, f"h.{layer}.", shape, body) for layer in range(shape.layers))
    return Weights(shape, words, places, blocks, _norm(get, "ln_f", shape.width), last)


def _floats(table: NDArray[Any]) -> Floats:
    return from_bfloat16_twin(table) if table.dtype == np.uint16 else table


def _check_table(name: str, table: NDArray[Any], rows: int, width: int) -> None:
    if table.shape != (rows, width) or table.dtype not in (np.float32, np.uint16) or not table.flags.c_contiguous:
        found = f"{table.dtype} {table.shape}"
        raise InvalidParameter(name, found, f"must be {(rows, width)} of float32, or bfloat16 as uint16, without gaps")


def _numbers(matrix: Floats | Integers) -> NDArray[Any]:
    return matrix.numbers if isinstance(matrix, Integers) else matrix


def _check(name: str, array: NDArray[Any], shape: tuple[int, ...]) -> None:
    if array.shape != shape or array.dtype not in (np.float32, np.int8):
        raise InvalidParameter(name, f"{array.dtype} {array.shape}", f"must be float32 {shape}")


def _pack_block(get: Get, get_matrix: GetMatrix, prefix: str, shape: Shape, form: Format) -> Block:
    width, mlp, heads = shape.width, shape.mlp, shape.heads

    def matrix(name: str, outputs: int, inner: int) -> tuple[Floats | Integers, Floats]:
        weight, bias = get_matrix(f"{prefix}{name}.weight"), get(f"{prefix}{name}.bias")
        _check(f"{prefix}{name}.weight", _numbers(weight), (outputs, inner))
        _check(f"{prefix}{name}.bias", bias, (outputs,))
        return weight, bias

    weight, bias = matrix("attn.c_attn", 3 * width, width)
    c_attn = _matrix(_widen_outputs(weight, 3 * heads), widen(bias, 3 * heads), form)
    weight, bias = matrix("attn.c_proj", width, width)
    c_proj = _matrix(_widen_inner(weight, heads), bias, form)
    return Block(
        ln_1=_norm(get, f"{prefix}ln_1", width),
        c_attn=c_attn,
        c_proj=c_proj,
        ln_2=_norm(get, f"{prefix}ln_2", width),
        c_fc=_matrix(*matrix("mlp.c_fc", mlp, width), form),
        mlp_proj=_matrix(*matrix("mlp.c_proj", width, mlp), form),
    )


def _widen_outputs(weight: Floats | Integers, parts: int) -> Floats | Integers:
    """Fill each head's outputs up to whole blocks."""
    return weight.widened(parts) if isinstance(weight, Integers) else widen(weight, parts)


def _widen_inner(weight: Floats | Integers, heads: int) -> Floats | Integers:
    """The same for the inner side."""
    if isinstance(weight, Integers):
        if weight.segment != weight.numbers.shape[1] // heads:
            raise InvalidParameter("segment", weight.segment, "groups of attn.c_proj must begin anew with each head")
        return weight.filled()
    return np.ascontiguousarray(widen(weight.T, heads).T)


def _matrix(weight: Floats | Integers, bias: Floats, form: Format) -> Matrix:
    return Matrix(pack(weight, form), _filled(bias))


def _norm(get: Get, name: str, width: int) -> Norm:
    gain, bias = get(f"{name}.weight"), get(f"{name}.bias")
    _check(f"{name}.weight", gain, (width,))
    _check(f"{name}.bias", bias, (width,))
    return Norm(_filled(gain), _filled(bias))


def _filled(vector: Floats) -> Floats:
    return np.pad(vector, (0, padded(len(vector)) - len(vector)))
