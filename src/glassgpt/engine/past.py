"""Keys and values of many texts in one block of memory: allocated once, written in place, read by the model.

Layout: layer, row, head, position, width. Positions are allocated and read in blocks of `BLOCK`, head widths in steps
of `LANE`: the kernels then do the same arithmetic for a text whatever its length and its neighbours (`row_stable.py`).
What lies beyond a text's end is hidden by the mask; it is finite, so it adds exactly nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from glassgpt.engine.backend import Memory
from glassgpt.model import GPT2Config

BLOCK = 64
LANE = 16


def round_up(count: int, step: int) -> int:
    """The next multiple of `step`."""
    return -(-count // step) * step


class StaticPast:
    """The memory of some texts, one a row."""

    def __init__(self, config: GPT2Config, rows: int, room: int, dtype: torch.dtype, device: torch.device) -> None:
        self.room = min(room, config.context_length)
        width = round_up(config.head_dim, LANE)
        shape = (config.n_layers, rows, config.n_heads, round_up(self.room, BLOCK), width)
        self.keys, self.values = (torch.zeros(shape, dtype=dtype, device=device) for _ in "kv")
        self.lengths = [0] * rows

    @property
    def rows(self) -> int:
        """How many texts."""
        return len(self.lengths)

    @torch.inference_mode()
    def select(self, rows: Sequence[int]) -> None:
        """Row i becomes what row `rows[i]` was."""
        if list(rows) == list(range(self.rows)):
            return
        index = torch.tensor(rows, device=self.keys.device)
        self.keys, self.values = self.keys.index_select(1, index), self.values.index_select(1, index)
        self.lengths = [self.lengths[row] for row in rows]

    @torch.inference_mode()
    def put(self, row: int, other: Memory, source: int) -> None:
        """Row `row` becomes row `source` of `other`."""
        assert isinstance(other, StaticPast)
        length = other.lengths[source]
        self.keys[:, row, :, :length] = other.keys[:, source, :, :length]
        self.values[:, row, :, :length] = other.values[:, source, :, :length]
        self.lengths[row] = length


@dataclass(slots=True)
class Step:
    """One forward pass over the first `rows` rows of a past: the `Past` that the model sees."""

    past: StaticPast
    starts: list[int]
    """Where the new tokens of each row begin."""
    width: int
    """How many new tokens each row has."""

    def positions(self, ids: Int[Tensor, "B T"]) -> Int[Tensor, "#B T"]:
        """Where the new tokens stand; padding beyond the last position shares it."""
        return self._places(ids.device).clamp(max=self.past.room - 1)

    def mask(self, ids: Int[Tensor, "B T"]) -> Bool[Tensor, "#B 1 T S"]:
        """Each token sees itself and what is before it."""
        seen = torch.arange(self.visible, device=ids.device)
        return (seen <= self._places(ids.device)[..., None])[:, None]

    def layers(self, count: int) -> Iterator["Layer"]:
        """The keys and values of each layer."""
        rows, same = len(self.starts), self._same_start
        at: slice | Tensor = slice(same, same + self.width) if same is not None else self._places(self._device)[:, 0]
        row = slice(rows) if same is not None else torch.arange(rows, device=self._device)
        for layer in range(count):
            yield Layer(self.past.keys[layer, :rows], self.past.values[layer, :rows], row, at, self.visible)

    @property
    def visible(self) -> int:
        """How many places of each row are read: whole blocks."""
        return round_up(max(self.starts) + self.width, BLOCK)

    @property
    def _device(self) -> torch.device:
        return self.past.keys.device

    @property
    def _same_start(self) -> int | None:
        return self.starts[0] if len(set(self.starts)) == 1 else None

    def _places(self, device: torch.device) -> Int[Tensor, "#B T"]:
        same = self._same_start
        starts = torch.tensor(self.starts if same is None else [same], device=device)
        return starts[:, None] + torch.arange(self.width, device=device)


@dataclass(slots=True)
class Layer:
    """One layer of a past during one forward pass."""

    keys: Float[Tensor, "B H R W"]
    values: Float[Tensor, "B H R W"]
    row: slice | Tensor
    at: slice | Tensor
    visible: int

    def extend(
        self, k: Float[Tensor, "B H T K"], v: Float[Tensor, "B H T K"]
    ) -> tuple[Float[Tensor, "B H S W"], Float[Tensor, "B H S W"]]:
        """Write in place; return the blocks that may be looked at, as wide as they are stored."""
        for store, new in ((self.keys, k), (self.values, v)):
            if new.shape[-1] < store.shape[-1]:
                new = F.pad(new, (0, store.shape[-1] - new.shape[-1]))
            if isinstance(self.at, slice):
                store[:, :, self.at] = new
            else:
                store[self.row, :, self.at] = new[:, :, 0]
        return self.keys[:, :, : self.visible], self.values[:, :, : self.visible]
