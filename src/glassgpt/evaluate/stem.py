"""A common beginning, read once: the past of several texts that differ only in their ends.

Ten words that may fill a gap share the twenty sentences before it; to read those once instead of ten times is most of
the work saved.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from glassgpt.model import GPT2


@dataclass(slots=True)
class StemLayer:
    """Keys and values of the common beginning in one layer; once they are there, other texts go on from them."""

    keys: Float[Tensor, "1 H S K"] | None = None
    values: Float[Tensor, "1 H S K"] | None = None

    def extend(
        self, k: Float[Tensor, "B H T K"], v: Float[Tensor, "B H T K"]
    ) -> tuple[Float[Tensor, "B H S K"], Float[Tensor, "B H S K"]]:
        """The first text is kept; those after it see it before themselves and leave nothing behind."""
        if self.keys is None or self.values is None:
            self.keys, self.values = k, v
            return k, v
        before = (self.keys, self.values)
        joined = [
            torch.cat((old.expand(len(new), -1, -1, -1), new), 2) for old, new in zip(before, (k, v), strict=True)
        ]
        return joined[0], joined[1]


@dataclass(slots=True)
class Stem:
    """The past of all texts that begin alike."""

    length: int = 0
    kept: list[StemLayer] = field(default_factory=list)

    def positions(self, ids: Int[Tensor, "B T"]) -> Int[Tensor, "1 T"]:
        """Counted from where the common beginning ends."""
        return self.length + torch.arange(ids.shape[1], device=ids.device)[None]

    def mask(self, ids: Int[Tensor, "B T"]) -> None:
        """Plain causality: new tokens see the whole beginning."""

    def layers(self, count: int) -> Iterator[StemLayer]:
        """One for each layer, made for the first text."""
        if not self.kept:
            self.kept = [StemLayer() for _ in range(count)]
        return iter(self.kept)


@torch.inference_mode()
def read_stem(model: GPT2, ids: Sequence[int] | np.ndarray) -> Stem:
    """Read the common beginning."""
    stem = Stem()
    model.hidden(torch.tensor([[int(token) for token in ids]], device=model.wte.weight.device), stem)
    stem.length = len(ids)
    return stem
