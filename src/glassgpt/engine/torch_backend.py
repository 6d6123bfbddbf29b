"""The reference rung: any GPT-2, any device, PyTorch's own kernels, a past that is allocated once.

On the CPU in float32 and bfloat16 a row's bits do not depend on its neighbours; on a GPU the same is aimed at by other
means (`row_stable.py`). There, steps of one token a text are recorded and replayed (`replay.py`).
"""

from collections.abc import Callable, Iterator, Sequence
from typing import final

import torch
from jaxtyping import Float, Float32, Int
from torch import Tensor

from glassgpt.engine.backend import Memory, Piece
from glassgpt.engine.past import BLOCK, StaticPast, Step, round_up
from glassgpt.engine.replay import Graphs, Recorder, Repeater
from glassgpt.engine.row_stable import ROWS, prepare
from glassgpt.model import GPT2, GPT2Config, Past
from glassgpt.model.cost import past_bytes, tally

CHUNK = 128
"""How many tokens of a text are read at once: bounds the table of scores."""
CHUNK_ROWS = 2048
"""How many tokens of all texts are read at once."""
SPARE_TOKENS = 16
"""So much padding is cheaper than to go through all weights another time."""
MEMORY_BYTES = 4 * 2**30
"""What all pasts of one batch may take."""

Hidden = Callable[[GPT2, Int[Tensor, "B T"], Past], Float[Tensor, "B T D"]]
"""A model, new ids and what it remembers in; what it makes of each token, just before its head, out."""


@final
class TorchBackend:
    """A model ready to write.

    With `pack` it holds packed copies of the matrices: twice the speed for twice the memory. Make a new one when the
    weights change. Without, it shares all memory with the model. Prompts are read `chunk` tokens at a time. `hidden` is
    how the model is read: its own way, or one with interventions (`glassgpt.interpret.reading`). `recorder` records
    steps of one token a text; None takes CUDA graphs where the model lies on such a GPU and is read its own way.
    """

    def __init__(
        self,
        model: GPT2,
        *,
        pack: bool = True,
        chunk: int = CHUNK,
        hidden: Hidden = GPT2.hidden,
        recorder: Recorder | None = None,
    ) -> None:
        self._model, self._head = prepare(model, pack)
        self._hidden = hidden
        if recorder is None and model.wte.weight.device.type == "cuda" and hidden is GPT2.hidden:
            recorder = Graphs()
        stable = self._model
        self._repeater = None if recorder is None else Repeater(lambda ids, past: hidden(stable, ids, past), recorder)
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

    @property
    def dtype(self) -> torch.dtype:
        """Its number format."""
        return self._weight.dtype

    @property
    def bytes_read_each_step(self) -> int:
        """All weights but the tables of which rows are looked up; a tied head is gone through all the same."""
        config, tables = self.config, {"wpe.weight"} if self.config.tie_embeddings else {"wpe.weight", "wte.weight"}
        return self._weight.element_size() * sum(row.count for row in tally(config) if row.name not in tables)

    @property
    def bytes_kept_each_token(self) -> int:
        """Its keys and values."""
        return past_bytes(self.config, 1, self._weight.element_size())

    def most_rows(self, room: int) -> int:
        """As many as fit into a few gigabytes."""
        return max(1, MEMORY_BYTES // (round_up(room, BLOCK) * self.bytes_kept_each_token))

    def memory(self, rows: int, room: int) -> Memory:
        """Room for all rows in one block."""
        return StaticPast(self.config, rows, room, self._weight.dtype, self.device)

    @torch.inference_mode()
    def extend(self, memory: Memory, pieces: Sequence[Piece]) -> Float32[Tensor, "N V"]:
        """Read on in some rows: in few passes over the weights, each over pieces of like length."""
        assert isinstance(memory, StaticPast)
        assert all(memory.lengths[piece.row] + len(piece.ids) <= memory.room for piece in pieces)
        kept: dict[int, list[Tensor]] = {piece.row: [] for piece in pieces}
        for parts in self._rounds(pieces):
            for group in _alike(parts):
                for part, hidden in self._read(memory, group):
                    kept[part.row].append(hidden[len(part.ids) - part.scored : len(part.ids)])
        scored = torch.cat([hidden for parts in kept.values() for hidden in parts])
        return self._head(scored).float() if len(scored) else scored.new_empty(0, self.config.vocab_size).float()

    def _rounds(self, pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
        """The first `chunk` tokens of each piece, then the next ones, and so on."""
        for start in range(0, max(len(piece.ids) for piece in pieces), self._chunk):
            parts: list[Piece] = []
            for piece in pieces:
                ids = piece.ids[start : start + self._chunk]
                after = max(0, len(piece.ids) - start - len(ids))
                if ids:
                    parts.append(Piece(piece.row, ids, min(len(ids), max(0, piece.scored - after))))
            yield parts

    def _read(self, past: StaticPast, group: list[Piece]) -> Iterator[tuple[Piece, Float[Tensor, "T D"]]]:
        """One pass; what the model makes of each token, and of padding at the end of the shorter pieces."""
        piece_of = {piece.row: piece for piece in group}
        first, rows = past.together(list(piece_of))
        ordered = [piece_of[row] for row in rows]
        step = Step(past, first, [past.lengths[row] for row in rows], [len(piece.ids) for piece in ordered])
        if self._repeater is not None and step.width == 1:
            hidden = self._repeater.step(past, first, [piece.ids[0] for piece in ordered], step.starts)
        else:
            padded = [[*piece.ids, *[piece.ids[-1]] * (step.width - len(piece.ids))] for piece in ordered]
            hidden = self._hidden(self._model, torch.tensor(padded, device=self.device), step)
        for piece in group:
            past.lengths[piece.row] += len(piece.ids)
        return zip(ordered, hidden, strict=True)


def _alike(pieces: list[Piece]) -> Iterator[list[Piece]]:
    """Groups to be read side by side, padded to the longest; together unless padding would be most of it."""
    group: list[Piece] = []
    wanted = 0
    for piece in sorted(pieces, key=lambda piece: -len(piece.ids)):
        padded = len(group[0].ids) * (len(group) + 1) if group else 0
        wanted += len(piece.ids)
        if group and (padded > 2 * wanted + SPARE_TOKENS or padded > CHUNK_ROWS):
            yield group
            group, wanted = list[Piece](), len(piece.ids)
        group.append(piece)
    yield group
