"""The native rung: GPT-2 on the CPU through our own kernels, one native call a step.

Equal to the torch rung within stated tolerances (`TOLERANCE`, `ANYWHERE`). A row's bits depend on nothing but its own
text: not on its neighbours, not on how a prompt was cut, not on the number of threads. On that rests how simple this
file is: rows of any texts go into any step.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, final

import numpy as np
from jaxtyping import Float32

from glassgpt.checkpoints.download import own_cache
from glassgpt.engine.backend import Memory, Piece
from glassgpt.engine.unkept import say_unkept
from glassgpt.errors import InvalidParameter
from glassgpt.kernels import (
    FORMATS,
    Cache,
    Crew,
    Design,
    Stepper,
    Weights,
    host,
    is_compiled,
    load,
    usable_cores,
)
from glassgpt.model import GPT2Config, parameter_count
from glassgpt.model.cost import past_bytes

if TYPE_CHECKING:
    from glassgpt.model import GPT2

KV_CACHES = ("float32", "bfloat16", "int8")
"""Formats of keys and values."""
CHUNK = 512
"""How many tokens one step reads at most."""
MEMORY_BYTES = 4 * 2**30
"""What all pasts of one batch may take."""
TOLERANCE = {"float32": 1e-5, "bfloat16": 0.02, "int8": 0.04, "int4": 0.3}
"""How far the logits of a text may lie from those of the float32 torch rung: root mean square of the difference, over
their standard deviation."""
ANYWHERE = {"float32": 1e-5, "bfloat16": 0.03, "int8": 0.08, "int4": 0.8}
"""The same for each position of it alone."""

SMALL = 30_000_000
"""Parameters up to which one thread is the better choice: on two cores a second one adds a fifth to the speed of the
model that ships, and takes a whole core from everybody else."""
Report = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is (0: unknown)."""


@final
class NativeMemory:
    """The keys and values of some texts, one a row."""

    def __init__(self, cache: Cache, room: int) -> None:
        self.cache, self.room = cache, room
        self.lengths = [0] * cache.texts

    def cut(self, row: int, length: int) -> None:
        """Forget all but the first `length` tokens of a row."""
        self.lengths[row] = min(self.lengths[row], length)

    def copy(self, source: int, row: int, length: int) -> None:
        """Row `row` becomes the first `length` tokens of row `source`."""
        assert length <= self.lengths[source]
        self.cache.copy(source, row, length)
        self.lengths[row] = length


@final
class NativeBackend:
    """A model ready to write, from packed weights.

    `kv_cache` is the format of keys and values: "float32", "bfloat16" or "int8"; None takes float32 beside such
    weights, bfloat16 beside others. `threads` None takes as many as suit the model and the machine. Kernels are kept in
    `folder`: None takes the user's cache folder, False keeps none.
    """

    def __init__(
        self,
        config: GPT2Config,
        weights: Weights,
        *,
        kv_cache: str | None = None,
        threads: int | None = None,
        chunk: int = CHUNK,
        folder: Path | Literal[False] | None = None,
        report: Report | None = None,
    ) -> None:
        need_known_cache(kv_cache)
        self.config, self._weights = config, weights
        body, head = weights.blocks[0].c_attn.packed.format, weights.head.packed.format
        cache = FORMATS[kv_cache or ("float32" if body.name == "float32" else "bfloat16")]
        design = Design(body, head, cache, config.activation)
        kept = own_cache() / "kernels" if folder is None else folder or None
        if report is not None and not is_compiled(host(), design, kept):
            report("compiling kernels for this CPU, once", 0, 0)
        library = load(host(), design, kept, say_unkept)
        if threads is None:
            threads = 1 if parameter_count(config) <= SMALL else usable_cores()
        self._stepper = Stepper(self._weights, design, library, Crew(library, threads), chunk)

    @classmethod
    def of(
        cls,
        model: "GPT2",
        *,
        weights: str | None = None,
        head: str | None = None,
        kv_cache: str | None = None,
        threads: int | None = None,
        chunk: int = CHUNK,
        folder: Path | Literal[False] | None = None,
    ) -> "NativeBackend":
        """The same from a model, whose matrices are packed as `weights` says.

        `weights` is "float32", "bfloat16", "int8" or "int4", by default the model's own type; `head` likewise for the
        last matrix. Make a new backend when the weights change. Raises where `why_not_native` gives a reason.
        """
        from glassgpt.engine.native_weights import pack

        packed = pack(model, weights, head)
        return cls(model.config, packed, kv_cache=kv_cache, threads=threads, chunk=chunk, folder=folder)

    @property
    def weights(self) -> str:
        """The format of the matrices."""
        return self._stepper.design.body.name

    @property
    def threads(self) -> int:
        """How many threads compute."""
        return self._stepper.threads

    @property
    def bytes_read_each_step(self) -> int:
        """What one token costs in memory traffic, without keys and values."""
        return self._weights.bytes_read_each_step

    @property
    def bytes_kept_each_token(self) -> int:
        """Its keys and values."""
        return past_bytes(self.config, 1, np.dtype(self._stepper.design.cache.dtype).itemsize)

    def most_rows(self, room: int) -> int:
        """As many as fit into a few gigabytes."""
        return max(1, MEMORY_BYTES // (room * self.bytes_kept_each_token))

    def memory(self, rows: int, room: int) -> Memory:
        """Room for all rows; the system hands it out as it is written to."""
        room = min(room, self.config.context_length)
        return NativeMemory(self._stepper.cache(rows, room), room)

    def extend(self, memory: Memory, pieces: Sequence[Piece]) -> Float32[np.ndarray, "N V"]:
        """Read all tokens of all pieces, one piece after the other, as many as fit into a step."""
        assert isinstance(memory, NativeMemory)
        assert all(memory.lengths[piece.row] + len(piece.ids) <= memory.room for piece in pieces)
        tokens = [token for piece in pieces for token in piece.ids]
        rows = [piece.row for piece in pieces for _ in piece.ids]
        places = [memory.lengths[piece.row] + i for piece in pieces for i in range(len(piece.ids))]
        scored = [i >= len(piece.ids) - piece.scored for piece in pieces for i in range(len(piece.ids))]
        parts: list[np.ndarray] = []
        for start in range(0, len(tokens), self._stepper.most_rows):
            here = slice(start, start + self._stepper.most_rows)
            wanted = [n for n, score in enumerate(scored[here]) if score]
            parts.append(self._stepper.step(memory.cache, tokens[here], places[here], rows[here], wanted))
        for piece in pieces:
            memory.lengths[piece.row] += len(piece.ids)
        return parts[0] if len(parts) == 1 else np.concatenate(parts)


def need_known_cache(kv_cache: str | None) -> None:
    """Refuse formats of keys and values that there are not."""
    if kv_cache not in (None, *KV_CACHES):
        raise InvalidParameter("kv_cache", kv_cache, f"must be one of {', '.join(KV_CACHES)}")
