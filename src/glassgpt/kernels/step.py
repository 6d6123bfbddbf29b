"""One step of GPT-2 as a program of kernels: some tokens in, logits for those who want them out, one native call.

The program is a list that Python writes once; each step only fills in which tokens stand where. `step_twin` is the same
model in NumPy, with the same roundings and no cache.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from glassgpt.errors import InvalidParameter
from glassgpt.kernels.arithmetic import ACTIVATION_TWIN, Floats, Reals
from glassgpt.kernels.attend import attend_twin
from glassgpt.kernels.cache import Cache
from glassgpt.kernels.crew import Crew
from glassgpt.kernels.embed import embed_twin
from glassgpt.kernels.layout import Format, padded
from glassgpt.kernels.library import Design, Library
from glassgpt.kernels.linear import BAND
from glassgpt.kernels.normalize import normalize_twin
from glassgpt.kernels.operation import STATE
from glassgpt.kernels.program import write_program
from glassgpt.kernels.rows import rows_twin
from glassgpt.kernels.tile import MOST_ROWS, tile_twin
from glassgpt.kernels.weights import Matrix, Norm, Weights

FEW = 4
"""Up to so many rows each thread normalises all of them for itself."""
Numbers = Sequence[int] | NDArray[np.int64]


class Stepper:
    """A model that can take steps. Its buffers hold one step: use it from one thread at a time."""

    def __init__(self, weights: Weights, design: Design, library: Library, crew: Crew, most_rows: int) -> None:
        if most_rows < 1:
            raise InvalidParameter("most_rows", most_rows, "must be a whole number ≥ 1")
        self.weights, self.design, self.most_rows = weights, design, most_rows
        self._crew = crew
        few = min(FEW, most_rows)
        self._few = write_program(weights, design, library, crew.threads, rows=few, private=True)
        self._many = write_program(weights, design, library, crew.threads, rows=most_rows, private=False)
        names = ("tokens", "positions", "texts", "group_first", "group_rows", "wanted_rows")
        self._arrays = {name: np.zeros(most_rows, np.int64) for name in names}
        self._arrays["every_row"] = np.arange(most_rows, dtype=np.int64)
        counts = ("rows", "groups", "wanted", "bands", "wanted_bands")
        numbers = dict.fromkeys((*counts, "layer_bytes", "text_bytes", "head_bytes"), 0)
        empty = dict.fromkeys(("logits", "keys", "values", "key_scales", "value_scales"), 0)
        self._state = STATE.fill({**self._arrays, **numbers, **empty, "one": 1})

    def cache(self, texts: int, room: int) -> Cache:
        """Memory for some texts of up to `room` tokens."""
        shape = self.weights.shape
        room = min(room, shape.positions)
        return Cache.empty(self.design.cache, shape.layers, texts, shape.heads, shape.head_width, room)

    def step(self, cache: Cache, tokens: Numbers, positions: Numbers, texts: Numbers, wanted: Numbers) -> Floats:
        """Read token `tokens[i]` at place `positions[i]` of text `texts[i]`; logits (wanted, V) for rows `wanted`.

        A row sees what its text's cache holds before it, and the rows of this step that stand before it in its text:
        those must be neighbours, in order.
        """
        rows = self._check(cache, tokens, positions, texts, wanted)
        self._set("tokens", tokens)
        self._set("positions", positions)
        self._set("texts", texts)
        self._set("wanted_rows", wanted)
        groups = self._group(rows)
        logits = np.empty((len(wanted), padded(self.weights.shape.vocabulary)), np.float32)
        bands = {"bands": -(-rows // BAND), "wanted_bands": -(-len(wanted) // BAND)}
        numbers = {"rows": rows, "wanted": len(wanted), "groups": groups, **bands, **cache.strides()}
        STATE.set(self._state, {"logits": logits, **cache.places(), **numbers})
        program = self._few if rows <= FEW else self._many
        self._crew.run(program.entries, self._state)
        return logits[:, : self.weights.shape.vocabulary]

    def _set(self, name: str, numbers: Numbers) -> None:
        self._arrays[name][: len(numbers)] = numbers

    def _group(self, rows: int) -> int:
        """Neighbours of one text, six at most."""
        first, count, texts = (self._arrays[name] for name in ("group_first", "group_rows", "texts"))
        groups = 0
        for row in range(rows):
            if row and texts[row] == texts[row - 1] and count[groups - 1] < MOST_ROWS:
                count[groups - 1] += 1
            else:
                first[groups], count[groups] = row, 1
                groups += 1
        return groups

    def _check(self, cache: Cache, tokens: Numbers, positions: Numbers, texts: Numbers, wanted: Numbers) -> int:
        rows, shape = len(tokens), self.weights.shape
        if not 1 <= rows <= self.most_rows or len(positions) != rows or len(texts) != rows:
            found = (rows, len(positions), len(texts))
            raise InvalidParameter("rows", found, f"must be three equal counts from 1 to {self.most_rows}")
        layers, memories, heads, size = cache.keys.shape
        wanted_shape = (shape.layers, shape.heads, cache.room * padded(shape.head_width))
        if (layers, heads, size) != wanted_shape or cache.form != self.design.cache or cache.room > self.room:
            raise InvalidParameter("cache", cache.keys.shape, "must come from this model's `cache`")
        if not cache.is_whole:
            raise InvalidParameter("cache", cache.values.shape, "must hold as many values and scales as keys")
        _within("tokens", tokens, shape.vocabulary)
        _within("positions", positions, min(cache.room, shape.positions))
        _within("texts", texts, memories)
        _within("wanted", wanted, rows)
        return rows

    @property
    def threads(self) -> int:
        """How many threads compute."""
        return self._crew.threads

    @property
    def room(self) -> int:
        """Positions of the longest cache."""
        return padded(self.weights.shape.positions)


def _within(name: str, numbers: Numbers, limit: int) -> None:
    if len(numbers) and not (min(numbers) >= 0 and max(numbers) < limit):
        raise InvalidParameter(name, (min(numbers), max(numbers)), f"must lie from 0 to {limit - 1}")


def step_twin(weights: Weights, cache: Format, tokens: NDArray[np.int64]) -> Reals:
    """(T, V): the logits after each token of one text, in plain NumPy, rounded where the kernels round."""
    shape, rows = weights.shape, len(tokens)
    x = np.zeros((rows, padded(shape.width)), np.float32)
    x[:, : shape.width] = embed_twin(*weights.tables(), tokens, np.arange(rows))
    for block, factor in zip(weights.blocks, shape.factors, strict=True):
        q, k, v = np.split(_linear(_norm(x, block.ln_1, weights), block.c_attn), 3, axis=1)
        x = x + _linear(_attention(q * factor, k, v, shape.heads, cache), block.c_proj)
        bent = ACTIVATION_TWIN[shape.activation](_linear(_norm(x, block.ln_2, weights), block.c_fc))
        x = x + _linear(bent, block.mlp_proj)
    return _linear(_norm(x, weights.ln_f, weights), weights.head)[:, : shape.vocabulary]


def _norm(x: Reals, norm: Norm, weights: Weights) -> Floats:
    width, out = weights.shape.width, np.zeros_like(x)
    out[:, :width] = normalize_twin(x[:, :width], norm.gain[:width], norm.bias[:width], weights.shape.epsilon)
    return out


def _linear(x: Reals, matrix: Matrix) -> Floats:
    y = tile_twin(matrix.packed, x.astype(np.float32))
    if matrix.packed.channel_scales is not None:
        y = y * matrix.packed.channel_scales
    return (y + matrix.bias).astype(np.float32)


def _attention(q: Reals, k: Reals, v: Reals, heads: int, cache: Format) -> Reals:
    k, v, out = rows_twin(k, cache), rows_twin(v, cache), np.zeros_like(q)
    width = q.shape[1] // heads
    for head in range(heads):
        part = slice(head * width, (head + 1) * width)
        for row in range(len(q)):
            seen = slice(row + 1)
            out[row, part] = attend_twin(q[row, part], k[seen, part], v[seen, part], cache)
    return out
