"""What one update reads: rows of ids, what should follow each, and which document each belongs to."""

from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

IGNORED = -100
"""The target of a token that is read but not learned (PyTorch's own sign for it)."""


@dataclass(frozen=True, slots=True)
class Batch:
    """B rows of T tokens."""

    ids: Int[Tensor, "B T"]
    targets: Int[Tensor, "B T"]
    """The next token of each, or `IGNORED`."""
    documents: Int[Tensor, "B T"] | None = None
    """Which document of its row a token belongs to, counted from 0; None where documents may see each other."""

    def rows(self, start: int, stop: int) -> "Batch":
        """Some of the rows."""
        documents = None if self.documents is None else self.documents[start:stop]
        return Batch(self.ids[start:stop], self.targets[start:stop], documents)

    def to(self, device: torch.device) -> "Batch":
        """The same on another device."""
        documents = None if self.documents is None else self.documents.to(device)
        return Batch(self.ids.to(device), self.targets.to(device), documents)

    @property
    def counted(self) -> int:
        """Targets that are learned."""
        return int((self.targets != IGNORED).sum())
