"""What sampling asks of an array library, in PyTorch, on any device."""

from collections.abc import Sequence
from typing import final

import numpy as np
import torch
from torch import Tensor


@final
class TorchLibrary:
    """`arrays.Library`; see there what each one does."""

    def floats(self, numbers: Sequence[float], like: Tensor) -> Tensor:
        """Numbers of the same type, in the same place."""
        return torch.tensor(numbers, dtype=like.dtype, device=like.device)

    def integers(self, numbers: Sequence[int], like: Tensor) -> Tensor:
        """64-bit integers."""
        return torch.tensor(numbers, dtype=torch.int64, device=like.device)

    def count_up(self, size: int, like: Tensor) -> Tensor:
        """0, 1, 2 …"""
        return torch.arange(size, device=like.device)

    def tally(self, texts: Sequence[Sequence[int]], like: Tensor) -> Tensor:
        """How often each token stands in each text."""
        counts = torch.zeros_like(like)
        for row, text in zip(counts, texts, strict=True):
            ids = torch.tensor(text, dtype=torch.int64, device=row.device)
            row.index_add_(0, ids, torch.ones_like(ids, dtype=row.dtype))
        return counts

    def copy(self, x: Tensor) -> Tensor:
        """The same numbers in other memory."""
        return x.clone()

    def concatenate(self, parts: Sequence[Tensor]) -> Tensor:
        """Rows below rows."""
        return torch.cat(list(parts))

    def float64(self, x: Tensor) -> Tensor:
        """In double precision."""
        return x.double()

    def log(self, x: Tensor, out: Tensor) -> Tensor:
        """Natural logarithm."""
        return torch.log(x, out=out)

    def isfinite(self, x: Tensor) -> Tensor:
        """Which numbers are finite."""
        return x.isfinite()

    def where(self, condition: Tensor, yes: Tensor | float | int, no: Tensor | float | int) -> Tensor:
        """One or the other."""
        return torch.where(condition, yes, no)

    def softmax(self, x: Tensor) -> Tensor:
        """Probabilities."""
        return x.softmax(dim=-1)

    def log_softmax(self, x: Tensor) -> Tensor:
        """Their logarithms."""
        return x.log_softmax(dim=-1)

    def highest(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The greatest number of each row and its place."""
        best = x.max(dim=-1)
        return best.values, best.indices

    def entropy(self, logprobs: Tensor) -> Tensor:
        """(B, 1): the surprise that each row lets expect."""
        return -(logprobs.exp() * logprobs).nansum(dim=-1, keepdim=True)

    def flip(self, x: Tensor) -> Tensor:
        """Each row backwards."""
        return x.flip(-1)

    def sort(self, x: Tensor, *, descending: bool = False) -> tuple[Tensor, Tensor]:
        """Each row in order."""
        ordered = x.sort(dim=-1, descending=descending, stable=True)
        return ordered.values, ordered.indices

    def largest(self, x: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """The greatest numbers of each row, best first."""
        best = x.topk(count, sorted=True)
        return best.values, best.indices

    def take(self, x: Tensor, places: Tensor) -> Tensor:
        """From each row the numbers at these places of it."""
        return x.gather(-1, places)

    def put(self, values: Tensor, places: Tensor) -> Tensor:
        """Each row in another order."""
        return values.scatter(-1, places, values)

    def to_numpy(self, x: Tensor) -> np.ndarray:
        """A copy, if it lies on another device."""
        return x.cpu().numpy()
