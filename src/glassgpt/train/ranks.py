"""Who trains: one process alone, or one of the ranks that `torchrun` started (Li et al. 2020).

The loop is written once, for a `Ranks`. `Alone` is its null object: nothing is shared, summed or waited for, and
nothing of `torch.distributed` is touched. `together.py` has the others, which talk through a process group, and
`meeting.py` says which it is.

What a rank holds of the weights are its *parts*: plain tensors, by name. Optimizer, averages and checkpoints work on
parts, so they need not know how the weights are divided. Where nothing is divided, a part is the weight itself.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor, nn

from glassgpt.model import GPT2

Result = TypeVar("Result")
Parts = dict[str, nn.Parameter]
Fact = dict[str, Any]
"""What JSON holds."""


@runtime_checkable
class Ranks(Protocol):
    """The processes that train one model, seen from one of them."""

    @property
    def leads(self) -> bool:
        """Whether this is the rank that reads and writes the run folder, and talks."""
        ...

    def rows(self, count: int) -> tuple[int, int]:
        """Which of `count` rows this rank reads: from, and up to but not including.

        Raises InvalidParameter where they cannot be divided evenly.
        """
        ...

    def spread(self, model: GPT2) -> Parts:
        """Give all ranks rank 0's weights, divide them as the recipe says, and return what this rank holds."""
        ...

    def begin(self, model: GPT2) -> None:
        """Before the forward passes of a step: take up the parts, whoever changed them."""
        ...

    def settle(self, model: GPT2, limit: float) -> Tensor:
        """After the backward passes: let each part's gradient be the sum over all rows of the batch, clipped.

        Returns the length of the whole gradient before clipping.
        """
        ...

    def total(self, value: Tensor) -> Tensor:
        """The sum, in place, over ranks that read different rows."""
        ...

    def highest(self, number: int) -> int:
        """The largest number that any rank brings; all get the same answer."""
        ...

    def told(self, fact: Fact) -> Fact:
        """Rank 0's, as plain values, where clocks or disks would give each rank another."""
        ...

    def attempt(self, action: Callable[[], Result]) -> Result:
        """Do what may fail on some ranks only; where one fails all stop, and only the first of those says why."""
        ...

    def relay(self, tensors: Iterable[tuple[str, Tensor]]) -> Iterator[tuple[str, Tensor]]:
        """On every rank what only rank 0 reads, one tensor at a time."""
        ...

    def cut(self, tensor: Tensor, weight: str) -> Tensor:
        """What this rank holds of a tensor that is divided as the weight of this name is."""
        ...

    def collect(self, tensors: Mapping[str, Tensor], owner: Callable[[str], str]) -> dict[str, Tensor]:
        """On rank 0 the whole of each tensor, nothing elsewhere; the inverse of `cut`.

        `owner` says as which weight a tensor is divided. What was divided is put together in the CPU's memory, one
        tensor after the other.
        """
        ...


class Alone:
    """One process that has all rows and all weights."""

    leads = True

    def rows(self, count: int) -> tuple[int, int]:
        """All."""
        return 0, count

    def spread(self, model: GPT2) -> Parts:
        """The weights themselves."""
        return dict(model.named_parameters())

    def begin(self, model: GPT2) -> None:
        """They are the weights themselves."""

    def settle(self, model: GPT2, limit: float) -> Tensor:
        """Gradients are complete; only clip them."""
        return clip(model, limit)

    def total(self, value: Tensor) -> Tensor:
        """Itself."""
        return value

    def highest(self, number: int) -> int:
        """Itself."""
        return number

    def told(self, fact: Fact) -> Fact:
        """Itself."""
        return fact

    def attempt(self, action: Callable[[], Result]) -> Result:
        """Just do it."""
        return action()

    def relay(self, tensors: Iterable[tuple[str, Tensor]]) -> Iterator[tuple[str, Tensor]]:
        """Just read them."""
        yield from tensors

    def cut(self, tensor: Tensor, weight: str) -> Tensor:
        """Itself."""
        return tensor

    def collect(self, tensors: Mapping[str, Tensor], owner: Callable[[str], str]) -> dict[str, Tensor]:
        """Everything is here."""
        return dict(tensors)


ALONE = Alone()


def clip(model: GPT2, limit: float) -> Tensor:
    """Shorten whole gradients to a length, 0 for any; returns the length they had."""
    norm = torch.nn.utils.get_total_norm([weight.grad for weight in model.parameters() if weight.grad is not None])
    shorten(model.parameters(), limit, norm)
    return norm


def shorten(parts: Iterable[nn.Parameter], limit: float, norm: Tensor) -> None:
    """Scale gradients of a known length; one that is not a number is left as it is, so that it can be looked at."""
    if limit:
        torch.nn.utils.clip_grads_with_norm_(parts, limit, norm.nan_to_num(0.0, posinf=0.0))
