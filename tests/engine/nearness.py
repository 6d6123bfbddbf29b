"""How near the native rung's logits are to those of PyTorch's, at every position of a text."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from glassgpt.engine import Backend, NativeBackend, Piece, TorchBackend


@dataclass(frozen=True)
class Nearness:
    """Root mean square of the difference of logits over their standard deviation, at each position."""

    in_pieces: Tensor
    one_by_one: Tensor
    same_bits: bool
    """Whether reading one by one gave the very numbers that reading in pieces gave."""

    @property
    def whole(self) -> float:
        """Of the whole text, in the worse way of reading."""
        return max(float(each.square().mean().sqrt()) for each in (self.in_pieces, self.one_by_one))

    @property
    def worst(self) -> float:
        """Of the worst position, in the worse way of reading."""
        return max(float(each.max()) for each in (self.in_pieces, self.one_by_one))


def nearness(native: NativeBackend, torch_rung: TorchBackend, text: list[int], piece: int) -> Nearness:
    """Read a text in pieces, and token by token, with both; the torch rung reads it in pieces of another size."""
    wanted = list(_read(torch_rung, text, 96))
    spread = [logits.std() for logits in wanted]
    found: list[list[Tensor]] = [[], []]
    same = True
    ways = zip(_read(native, text, piece), _read(native, text, 1), strict=True)
    for ours, right, std in zip(ways, wanted, spread, strict=True):
        for distances, logits in zip(found, ours, strict=True):
            distances.append((logits - right).square().mean().sqrt() / std)
        same = same and torch.equal(*ours)
    return Nearness(torch.stack(found[0]), torch.stack(found[1]), same)


def _read(backend: Backend, text: list[int], piece: int) -> Iterator[Tensor]:
    """Logits after each token."""
    memory = backend.memory(1, len(text))
    for start in range(0, len(text), piece):
        ids = text[start : start + piece]
        yield from torch.as_tensor(backend.extend(memory, [Piece(0, ids, len(ids))]))
