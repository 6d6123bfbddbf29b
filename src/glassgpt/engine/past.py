"""Keys and values of many texts in one block of memory: allocated once, written in place, read by the model.

Layout: layer, place, head, position, width. Positions are allocated and read in blocks of `BLOCK`, head widths in steps
of `LANE`: the kernels then do the same arithmetic for a text whatever its length and its neighbours (`row_stable.py`).
What lies beyond a text's end is hidden by the mask; it is finite, so it adds exactly nothing.

Texts that are read together must stand side by side to be read without copying. So a row's number is only its name:
`together` moves texts when the company changes, which is seldom, and remembers where each one stands.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

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
        self.keys, self.values = (_zeros(shape, dtype, device) for _ in "kv")
        self.lengths = [0] * rows
        self._place = list(range(rows))
        """Where each row stands."""

    def cut(self, row: int, length: int) -> None:
        """Forget all but the first `length` tokens of a row."""
        self.lengths[row] = min(self.lengths[row], length)

    @torch.inference_mode()
    def copy(self, source: int, row: int, length: int) -> None:
        """Row `row` becomes the first `length` tokens of row `source`."""
        assert length <= self.lengths[source]
        here, there = self._place[row], self._place[source]
        if here != there:
            for store in (self.keys, self.values):
                store[:, here, :, :length] = store[:, there, :, :length]
        self.lengths[row] = length

    @torch.inference_mode()
    def together(self, rows: Sequence[int]) -> tuple[int, list[int]]:
        """Move these rows side by side; the place of the first, and the rows in the order in which they stand."""
        count, places = len(rows), {self._place[row] for row in rows}
        if max(places) - min(places) == count - 1:
            return min(places), sorted(rows, key=self._place.__getitem__)
        windows = range(len(self._place) - count + 1)
        first = max(windows, key=lambda start: sum(place in places for place in range(start, start + count)))
        window = range(first, first + count)
        outside = sorted(places - set(window))
        for here, there in zip((place for place in window if place not in places), outside, strict=True):
            self._swap(here, there)
        return first, sorted(rows, key=self._place.__getitem__)

    def _swap(self, here: int, there: int) -> None:
        one, other = self._place.index(here), self._place.index(there)
        length = max(self.lengths[one], self.lengths[other])
        for store in (self.keys, self.values):
            store[:, [here, there], :, :length] = store[:, [there, here], :, :length]
        self._place[one], self._place[other] = there, here


def _zeros(shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Zeros that cost nothing until they are written to: the system hands out such pages on first use."""
    if device.type != "cpu":
        return torch.zeros(shape, dtype=dtype, device=device)
    return torch.from_numpy(np.zeros(math.prod(shape) * dtype.itemsize, np.uint8)).view(dtype).view(shape)


@dataclass(slots=True)
class Step:
    """One forward pass over rows that stand side by side: the `Past` that the model sees.

    Row i reads `counts[i]` tokens from `starts[i]` on. Where another row reads more, its last token stands again, at
    the same place: what is written twice there is the same.
    """

    past: StaticPast
    first: int
    """The place of the first row."""
    starts: list[int]
    counts: list[int]

    @property
    def width(self) -> int:
        """How many tokens the longest row reads."""
        return max(self.counts)

    def positions(self, ids: Int[Tensor, "B T"]) -> Int[Tensor, "#B T"]:
        """Where the new tokens stand in their texts."""
        return self._places(ids.device)

    def mask(self, ids: Int[Tensor, "B T"]) -> Bool[Tensor, "#B 1 T S"]:
        """Each token sees itself and what is before it."""
        seen = torch.arange(self.visible, device=ids.device)
        return (seen <= self._places(ids.device)[..., None])[:, None]

    def layers(self, count: int) -> Iterator["Layer"]:
        """The keys and values of each layer."""
        device, rows = self.past.keys.device, slice(self.first, self.first + len(self.starts))
        at = slice(self.starts[0], self.starts[0] + self.width) if self._is_even else self._places(device)
        for layer in range(count):
            yield Layer(self.past.keys[layer, rows], self.past.values[layer, rows], at, self.visible)

    @property
    def visible(self) -> int:
        """How many positions of each row are read: whole blocks."""
        return round_up(max(map(sum, zip(self.starts, self.counts, strict=True))), BLOCK)

    @property
    def _is_even(self) -> bool:
        """Whether all rows read the same positions."""
        return len(set(self.starts)) == len(set(self.counts)) == 1

    def _places(self, device: torch.device) -> Int[Tensor, "#B T"]:
        if self._is_even:
            return torch.arange(self.starts[0], self.starts[0] + self.width, device=device)[None]
        lasts = torch.tensor(self.counts, device=device)[:, None] - 1
        steps = torch.arange(self.width, device=device)[None].minimum(lasts)
        return torch.tensor(self.starts, device=device)[:, None] + steps


@dataclass(slots=True)
class Layer:
    """One layer of a past during one forward pass."""

    keys: Float[Tensor, "B H R W"]
    values: Float[Tensor, "B H R W"]
    at: slice | Tensor
    """The positions to write: the same for all rows, or a table of them."""
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
                rows = torch.arange(len(store), device=store.device)[:, None]
                store[rows, :, self.at] = new.transpose(1, 2)
        return self.keys[:, :, : self.visible], self.values[:, :, : self.visible]
