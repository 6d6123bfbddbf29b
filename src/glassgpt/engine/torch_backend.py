"""The reference rung: any GPT-2, any device, PyTorch's own kernels, a past that is allocated once.

On the CPU in float32 and bfloat16 a row's bits do not depend on its neighbours (`row_stable.py`). On a GPU they may:
its libraries choose kernels by shape.
"""

from collections.abc import Iterator, Sequence
from typing import final

import torch
from jaxtyping import Float, Float32
from torch import Tensor

from glassgpt.engine.backend import Memory
from glassgpt.engine.past import BLOCK, StaticPast, Step, round_up
from glassgpt.engine.row_stable import ROWS, prepare
from glassgpt.model import GPT2, GPT2Config
from glassgpt.model.cost import past_bytes

CHUNK = 128
"""How many tokens of a text are read at once: bounds the table of scores."""
CHUNK_ROWS = 2048
"""How many tokens of all texts are read at once."""
MEMORY_BYTES = 4 * 2**30
"""What all pasts of one batch may take."""


@final
class TorchBackend:
    """A model ready to write.

    With `pack` it holds packed copies of the matrices: twice the speed for twice the memory. Make a new one when the
    weights change. Without, it shares all memory with the model. Prompts are read `chunk` tokens at a time.
    """

    def __init__(self, model: GPT2, *, pack: bool = True, chunk: int = CHUNK) -> None:
        self._model, self._head = prepare(model, pack)
        self._weight = model.wte.weight
        self._chunk = round_up(chunk, ROWS)

    @property
    def config(self) -> GPT2Config:
        """The model's shape."""
        return self._model.config

    @property
    def device(self) -> torch.device:
        """Where the model lies."""
        return self._weight.device

    def most_rows(self, room: int) -> int:
        """As many as fit into a few gigabytes."""
        one = past_bytes(self.config, round_up(room, BLOCK), self._weight.element_size())
        return max(1, MEMORY_BYTES // one)

    @torch.inference_mode()
    def prefill(self, texts: Sequence[Sequence[int]], room: int) -> tuple[Memory, Float32[Tensor, "B V"]]:
        """Read texts in chunks, the longest first, so that those still being read are the first rows."""
        order = sorted(range(len(texts)), key=lambda row: -len(texts[row]))
        ordered = [texts[row] for row in order]
        past = StaticPast(self.config, len(texts), room, self._weight.dtype, self.device)
        last = self._weight.new_empty(len(texts), self.config.emb_dim)
        start = 0
        while start < len(ordered[0]):
            reading = sum(len(text) > start for text in ordered)
            width = min(self._chunk, max(ROWS, CHUNK_ROWS // reading // ROWS * ROWS), len(ordered[0]) - start)
            hidden = self._hidden(past, [text[start : start + width] for text in ordered[:reading]], start, width)
            for row, text in enumerate(ordered[:reading]):
                if len(text) <= start + width:
                    last[row] = hidden[row, len(text) - start - 1]
            start += width
        past.lengths = [len(text) for text in ordered]
        back = sorted(range(len(order)), key=order.__getitem__)
        past.select(back)
        return past, self._head(last[back]).float()

    @torch.inference_mode()
    def decode(self, memory: Memory, ids: Sequence[int]) -> Float32[Tensor, "B V"]:
        """One more token a row, all rows in one pass."""
        assert isinstance(memory, StaticPast)
        places = [min(length, memory.room - 1) for length in memory.lengths]
        hidden = self._model.hidden(torch.tensor(ids, device=self.device)[:, None], Step(memory, places, 1))
        memory.lengths = [place + 1 for place in places]
        return self._head(hidden[:, 0]).float()

    def read(self, text: Sequence[int]) -> Iterator[Float32[Tensor, "T V"]]:
        """One text, chunk by chunk."""
        past = StaticPast(self.config, 1, len(text), self._weight.dtype, self.device)
        for start in range(0, len(text), self._chunk):
            piece = text[start : start + self._chunk]
            with torch.inference_mode():
                logits = self._head(self._hidden(past, [piece], start, len(piece))[0]).float()
            yield logits

    def _hidden(
        self, past: StaticPast, pieces: Sequence[Sequence[int]], start: int, width: int
    ) -> Float[Tensor, "B T D"]:
        """Pieces that begin at the same place, padded at the end to `width`."""
        ids = torch.tensor([[*piece, *[0] * (width - len(piece))] for piece in pieces], device=self.device)
        return self._model.hidden(ids, Step(past, [start] * len(pieces), width))
