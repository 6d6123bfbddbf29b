"""The native rung: GPT-2 on the CPU through our own kernels, one native call a step.

Equal to the torch rung within a stated tolerance (`TOLERANCE`). A row's bits depend on nothing but its own text: not
on its neighbours, not on how a prompt was cut, not on the number of threads. On that rests how simple this file is:
rows of any texts go into any step.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import final

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

from glassgpt.checkpoints.download import own_cache
from glassgpt.engine.backend import Memory, Piece
from glassgpt.errors import InvalidParameter
from glassgpt.kernels import (
    FORMATS,
    Cache,
    Crew,
    Design,
    Shape,
    Stepper,
    Unavailable,
    Weights,
    host,
    load,
    pack_model,
    unavailable,
)
from glassgpt.model import GPT2, GPT2Config
from glassgpt.model.cost import past_bytes
from glassgpt.model.gpt2 import Attention

CHUNK = 512
"""How many tokens one step reads at most."""
MEMORY_BYTES = 4 * 2**30
"""What all pasts of one batch may take."""
TOLERANCE = {"float32": 1e-5, "bfloat16": 0.02, "int8": 0.03, "int4": 0.3}
"""How far logits may lie from those of the float32 torch rung: root mean square, over their standard deviation."""


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
    """A model ready to write, with copies of its matrices packed as `weights` says; embeddings stay the model's own.

    `weights` is "float32", "bfloat16", "int8" or "int4", by default the model's own type; `head` likewise for the last
    matrix. Make a new one when the weights change. Raises where `why_not_native` gives a reason.
    """

    def __init__(
        self,
        model: GPT2,
        *,
        weights: str | None = None,
        head: str | None = None,
        threads: int | None = None,
        chunk: int = CHUNK,
        folder: Path | None = None,
    ) -> None:
        reason = why_not_native(model)
        if reason is not None:
            raise InvalidParameter("backend", "native", f"{reason.reason}: {reason.advice}")
        weights = str(model.wte.weight.dtype).removeprefix("torch.") if weights is None else weights
        head = weights if head is None else head
        for name, value in (("weights", weights), ("head", head)):
            if value not in FORMATS:
                raise InvalidParameter(name, value, f"must be one of {', '.join(FORMATS)}")
        self._model = model
        self._weights = pack(model, weights, head)
        cache = FORMATS["float32" if weights == "float32" else "bfloat16"]
        design = Design(FORMATS[weights], FORMATS[head], cache, model.config.activation)
        library = load(host(), design, own_cache() / "kernels" if folder is None else folder)
        crew = Crew(library, torch.get_num_threads() if threads is None else threads)
        self._stepper = Stepper(self._weights, design, library, crew, chunk)

    @property
    def config(self) -> GPT2Config:
        """The model's shape."""
        return self._model.config

    @property
    def device(self) -> torch.device:
        """The CPU."""
        return torch.device("cpu")

    @property
    def bytes_read_each_step(self) -> int:
        """What one token costs in memory traffic, without keys and values."""
        return self._weights.bytes_read_each_step

    def most_rows(self, room: int) -> int:
        """As many as fit into a few gigabytes."""
        size = 4 if self._stepper.design.cache is FORMATS["float32"] else 2
        return max(1, MEMORY_BYTES // past_bytes(self.config, room, size))

    def memory(self, rows: int, room: int) -> Memory:
        """Room for all rows; the system hands it out as it is written to."""
        room = min(room, self.config.context_length)
        return NativeMemory(self._stepper.cache(rows, room), room)

    def extend(self, memory: Memory, pieces: Sequence[Piece]) -> Float32[Tensor, "N V"]:
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
        return torch.from_numpy(parts[0] if len(parts) == 1 else np.concatenate(parts))


def why_not_native(model: GPT2) -> Unavailable | None:
    """Why this model cannot run on the kernels here, if so."""
    weight = model.wte.weight
    if weight.device.type != "cpu":
        return Unavailable(f"the model lies on {weight.device}", "move it to the CPU")
    if weight.dtype not in (torch.float32, torch.bfloat16):
        return Unavailable(f"the model is {weight.dtype}", "load it as float32 or bfloat16")
    return unavailable()


def pack(model: GPT2, body: str, head: str) -> Weights:
    """The model's weights in the kernels' layout; embeddings are shared with the model."""
    config, state = model.config, model.state_dict()

    def get(name: str) -> np.ndarray:
        if name not in state:  # a query-key-value projection without bias
            return np.zeros(3 * config.emb_dim, np.float32)
        return state[name].float().numpy()

    shape = Shape(
        vocabulary=config.vocab_size,
        positions=config.context_length,
        width=config.emb_dim,
        heads=config.n_heads,
        layers=config.n_layers,
        mlp=config.mlp_width,
        activation=config.activation,
        epsilon=config.layer_norm_eps,
        factors=tuple(module.scale for module in model.modules() if isinstance(module, Attention)),
    )
    tables = _table(state["wte.weight"]), _table(state["wpe.weight"])
    return pack_model(get, shape, tables, FORMATS[body], FORMATS[head], config.tie_embeddings)


def _table(tensor: Tensor) -> np.ndarray:
    """The tensor's own memory; bfloat16, which NumPy does not know, as 16-bit numbers."""
    tensor = tensor.contiguous()
    return tensor.numpy() if tensor.dtype == torch.float32 else tensor.view(torch.int16).numpy().view(np.uint16)
