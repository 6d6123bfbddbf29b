"""The list of kernels that make one step of GPT-2, with the buffers between them.

Per layer: normalise, query-key-value, attend, project, normalise, widen, narrow. A kernel begins when the one before is
done; private ones, which each thread runs for itself, begin when the thread does.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassgpt.kernels.attend import ATTEND, attend_name, own_bytes
from glassgpt.kernels.embed import EMBED, embed_values
from glassgpt.kernels.layout import BLOCK, Format, padded
from glassgpt.kernels.library import Design, Library
from glassgpt.kernels.linear import LINEAR, linear_name
from glassgpt.kernels.memory import aligned
from glassgpt.kernels.normalize import NORMALIZE, normalize_name
from glassgpt.kernels.operation import Slots, Values, Words, entry
from glassgpt.kernels.rows import piece_bytes, row_bytes
from glassgpt.kernels.weights import Block, Matrix, Norm, Weights

Bytes = NDArray[np.uint8]
Named = dict[str, NDArray[Any] | int | float]


@dataclass(frozen=True, slots=True)
class Program:
    """What a crew runs."""

    entries: Words
    """(n, 5): see `entry`."""
    kept: list[Any]
    """What the addresses point to."""


class _Writer:
    """Appends kernels, and remembers the buffers."""

    def __init__(self, weights: Weights, design: Design, library: Library, rows: int, private: int) -> None:
        shape = weights.shape
        self.shape, self.design, self.library = shape, design, library
        self.steps: list[Words] = []
        self.kept: list[Any] = [weights, library]
        copies = max(private, 1)
        self.inner = padded(shape.width)
        self.private = private > 0
        self.x: NDArray[Any] = aligned((rows, self.inner), np.float32)
        self.normal = _rows(copies * rows, self.inner, design.body).reshape(copies, -1)
        self.last = _rows(copies * rows, self.inner, design.head).reshape(copies, -1)
        self.query_bytes = shape.joined // BLOCK * piece_bytes(design.cache)
        self.queries: Bytes = aligned((rows, self.query_bytes), np.uint8)
        self.mixed = _rows(rows, shape.joined, design.body)
        self.wide = _rows(rows, padded(shape.mlp), design.body)
        self.valid = np.zeros(self.inner, np.float32)
        self.valid[: shape.width] = 1

    def add(
        self, name: str, slots: Slots, values: Values, count: str, *, factor: int = 1, private: bool = False
    ) -> None:
        """Append a kernel with its arguments, for `factor` times as many items as the state's `count`."""
        arguments = slots.fill(values)
        self.kept.append((arguments, values))
        self.steps.append(entry(self.library.address(name), arguments, factor, count, private=private))

    def embed(self, weights: Weights) -> None:
        """Tokens and places become the residual stream."""
        name, values = embed_values(weights)
        self.add(name, EMBED, {**values, "x": self.x, "x_stride": self.x.strides[0]}, "rows")

    def normalize(self, norm: Norm, form: Format, out: Bytes, *, wanted_only: bool = False) -> None:
        """The residual stream, normalised; with private copies nobody has to wait."""
        values = {
            "x": self.x,
            "x_stride": self.x.strides[0],
            "inner": self.inner,
            "gain": norm.gain,
            "bias": norm.bias,
            "valid": self.valid,
            "one_over_width": 1 / self.shape.width,
            "epsilon": self.shape.epsilon,
            "out": out,
            "out_stride": row_bytes(self.inner, form),
            "private": out.strides[0] if self.private else 0,
            "wanted_only": int(wanted_only),
        }
        count = "wanted" if wanted_only else "rows"
        self.add(normalize_name(form), NORMALIZE, values, count, private=self.private)

    def linear(self, finish: str, matrix: Matrix, x: Bytes, values: Named) -> None:
        """Rows times a matrix; `x` with as many copies as threads is private."""
        packed, form = matrix.packed, matrix.packed.format
        usual: Named = {
            "w": packed.data,
            "scales": 0 if packed.group_scales is None else packed.group_scales,
            "channels": 0 if packed.channel_scales is None else packed.channel_scales,
            "bias": matrix.bias,
            "steps": packed.inner // form.per_step,
            "x": x,
            "x_stride": row_bytes(packed.inner, form),
            "x_private": x.strides[0] if self.private and (x is self.normal or x is self.last) else 0,
            "out": 0,
        }
        absent: Named = dict.fromkeys(
            ("wanted_only", "out_stride", "out_inner", "layer", "heads", "head_blocks", "factor"), 0
        )
        count = "wanted_bands" if values.get("wanted_only") else "bands"
        self.add(linear_name(form, finish), LINEAR, {**absent, **usual, **values}, count, factor=packed.blocks)

    def block(self, block: Block, layer: int, own: Bytes) -> None:
        """One layer."""
        shape, design = self.shape, self.design
        heads = {"layer": layer, "heads": shape.heads, "head_blocks": padded(shape.head_width) // BLOCK}
        stream: Named = {"out": self.x, "out_stride": self.x.strides[0]}
        self.normalize(block.ln_1, design.body, self.normal)
        scatter = {"out": self.queries, "out_stride": self.query_bytes, "factor": shape.factors[layer], **heads}
        self.linear("scatter", block.c_attn, self.normal, scatter)
        attend = {
            "queries": self.queries,
            "query_stride": self.query_bytes,
            "out": self.mixed,
            "out_stride": row_bytes(shape.joined, design.body),
            "out_inner": shape.joined,
            "own": own,
            "own_bytes": own.strides[0],
            "room": padded(shape.positions),
            **heads,
        }
        self.add(attend_name(design.cache, design.body), ATTEND, attend, "groups", factor=shape.heads)
        self.linear("add", block.c_proj, self.mixed, stream)
        self.normalize(block.ln_2, design.body, self.normal)
        inner = padded(shape.mlp)
        wide: Named = {"out": self.wide, "out_stride": row_bytes(inner, design.body), "out_inner": inner}
        self.linear("activate", block.c_fc, self.normal, wide)
        self.linear("add", block.mlp_proj, self.wide, stream)


def _rows(count: int, inner: int, form: Format) -> Bytes:
    return aligned((count, row_bytes(inner, form)), np.uint8)


def write_program(
    weights: Weights, design: Design, library: Library, threads: int, *, rows: int, private: bool
) -> Program:
    """A step of up to `rows` tokens; `private`: each thread normalises all rows for itself."""
    writer = _Writer(weights, design, library, rows, threads if private else 0)
    own: Bytes = aligned((threads, own_bytes(padded(weights.shape.positions))), np.uint8)
    writer.embed(weights)
    for layer, block in enumerate(weights.blocks):
        writer.block(block, layer, own)
    writer.normalize(weights.ln_f, design.head, writer.last, wanted_only=True)
    stride = 4 * weights.head.packed.blocks * BLOCK
    writer.linear("logits", weights.head, writer.last, {"out_stride": stride, "wanted_only": 1})
    return Program(np.stack(writer.steps), writer.kept)
