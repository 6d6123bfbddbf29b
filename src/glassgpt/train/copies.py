"""Every rank holds all weights and reads its share of the rows: data parallel.

Gradients are summed once, after the last backward pass of a step, in large buckets, and not by PyTorch's
`DistributedDataParallel`. The sum is over token-weighted losses, so it needs no mean and is exact with masked targets;
one exchange a step however many micro-batches; and the model stays what it is, whichever of its methods a loss calls.
What that gives up, sending while the backward pass goes on, pays only where the network is slow and a step is short.
"""

from collections.abc import Callable, Iterator, Mapping

import torch
import torch.distributed as dist
from torch import Tensor, nn

from glassgpt.model import GPT2
from glassgpt.train.ranks import Parts, clip
from glassgpt.train.together import Together

BUCKET_BYTES = 64 << 20
"""Gradients are joined into messages of about this size: enough for the network, little memory."""


class Copies(Together):
    """Every rank holds all weights and reads its share of the rows: data parallel."""

    def spread(self, model: GPT2) -> Parts:
        """Rank 0's weights on every rank: another kind of CPU would draw others."""
        copy_from_first(model)
        return dict(model.named_parameters())

    def begin(self, model: GPT2) -> None:
        """They are the weights themselves."""

    def settle(self, model: GPT2, limit: float) -> Tensor:
        """One sum over all ranks; then their length is the same everywhere."""
        add_up([gradient(parameter) for parameter in model.parameters()], self.readers)
        return clip(model, limit)

    def cut(self, tensor: Tensor, weight: str) -> Tensor:
        """Itself."""
        return tensor

    def collect(self, tensors: Mapping[str, Tensor], owner: Callable[[str], str]) -> dict[str, Tensor]:
        """Rank 0 has everything."""
        return dict(tensors) if self.leads else {}


@torch.no_grad()
def copy_from_first(model: GPT2) -> None:
    """Overwrite every weight by rank 0's."""
    for parameter in model.parameters():
        dist.broadcast(parameter.data, 0)


@torch.no_grad()
def add_up(gradients: list[Tensor], group: dist.ProcessGroup | None, share: float = 1.0) -> None:
    """Replace gradients by their sums over the ranks of a group, times `share`."""
    for bucket in buckets(gradients):
        flat = torch.cat([gradient.flatten() for gradient in bucket])
        dist.all_reduce(flat, group=group)
        for gradient, total in zip(bucket, flat.mul_(share).split([g.numel() for g in bucket]), strict=True):
            gradient.copy_(total.view_as(gradient))


def gradient(weight: nn.Parameter) -> Tensor:
    """What the backward passes have left there."""
    assert weight.grad is not None, "a backward pass comes first"
    return weight.grad


def buckets(gradients: list[Tensor]) -> Iterator[list[Tensor]]:
    """Neighbours of one number format, joined up to about `BUCKET_BYTES`."""
    bucket: list[Tensor] = []
    for gradient in gradients:
        if bucket and (bucket[0].dtype != gradient.dtype or sum(g.nbytes for g in bucket) >= BUCKET_BYTES):
            yield bucket
            bucket = []
        bucket.append(gradient)
    if bucket:
        yield bucket
