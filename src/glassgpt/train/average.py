"""Weights that change at every step in, smoother weights out: what a run evaluates and saves where it keeps an average.

The optimizer goes on from its own weights; the average only follows.
"""

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn


@runtime_checkable
class Average(Protocol):
    """One way to average the weights of a run."""

    def follow(self) -> None:
        """Take in the weights after an update."""
        ...

    def values(self) -> list[Tensor]:
        """The averaged weights, in the order of the weights."""
        ...

    def adopt(self) -> None:
        """Go on from the average that the weights hold now, as a checkpoint left it."""
        ...


class MovingAverage:
    """Each step keeps a share of the old average (`torch.optim.swa_utils`)."""

    def __init__(self, weights: Iterable[Tensor], share: float) -> None:
        """Start from the weights as they are."""
        self.weights = list(weights)
        self.blend = get_ema_multi_avg_fn(share)
        self.adopt()

    def follow(self) -> None:
        """Move a little towards the weights."""
        self.blend(self.averages, self.weights, len(self.averages))

    def values(self) -> list[Tensor]:
        """The average itself, which the next step moves."""
        return self.averages

    def adopt(self) -> None:
        """Take the weights for the average."""
        self.averages = [weight.detach().clone() for weight in self.weights]


class ScheduleFreeAverage:
    """The schedule-free optimizer averages by itself; weights and memory give the average.

    It trains at y, a share β of the way from z, which it remembers, to the average x. Its own `eval` turns y into x in
    place and `train` back, each time with a rounding; here y stays as it is.
    """

    def __init__(self, weights: Iterable[Tensor], optimizer: torch.optim.Optimizer) -> None:
        """`optimizer` is AdamWScheduleFree, in training mode."""
        self.weights, self.optimizer = list(weights), optimizer

    def follow(self) -> None:
        """It did already."""

    @torch.no_grad()
    def values(self) -> list[Tensor]:
        """Each x, from y and z."""
        beta = self.optimizer.param_groups[0]["betas"][0]
        memories = [self.optimizer.state.get(weight, {}).get("z", weight) for weight in self.weights]
        return [weight.lerp(z, 1 - 1 / beta) for weight, z in zip(self.weights, memories, strict=True)]

    def adopt(self) -> None:
        """Weights and memory are restored by others."""


@torch.no_grad()
def copy_over(weights: Iterable[Tensor], values: Iterable[Tensor]) -> None:
    """Give weights new values, in place."""
    for weight, value in zip(weights, values, strict=True):
        weight.copy_(value)
