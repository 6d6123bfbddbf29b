"""Several documents in one row that do not see each other: each starts at position 0 and attends to itself only."""

from collections.abc import Iterator
from itertools import repeat

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from glassgpt.model.attend import NOTHING, Nothing


class Isolated:
    """The past of rows of documents: nothing is remembered, and the mask has a block for each document."""

    def __init__(self, documents: Int[Tensor, "B T"]) -> None:
        """`documents` says which one of its row each token belongs to; those of one document stand together."""
        self.documents = documents

    def positions(self, ids: Int[Tensor, "B T"]) -> Int[Tensor, "B T"]:
        """Count from zero in each document."""
        places = torch.arange(ids.shape[1], device=ids.device)
        begins = torch.ones_like(self.documents, dtype=torch.bool)
        begins[:, 1:] = self.documents[:, 1:] != self.documents[:, :-1]
        return places - torch.where(begins, places, 0).cummax(dim=1).values

    def mask(self, ids: Int[Tensor, "B T"]) -> Bool[Tensor, "B 1 T T"]:
        """Each token sees itself and what is before it in its own document."""
        same = self.documents[:, :, None] == self.documents[:, None, :]
        return same.tril()[:, None]

    def layers(self, count: int) -> Iterator[Nothing]:
        """Nothing to remember in any layer."""
        return repeat(NOTHING, count)
