"""Who trains: one process alone, or one of the ranks that `torchrun` started (Li et al. 2020).

The loop is written once, for a `Ranks`. `Alone` is its null object: nothing is shared, summed or waited for, and
nothing of `torch.distributed` is touched. `together.py` has the others, which talk through a process group, and
`meeting.py` says which it is.

What a rank holds of the weights are its *parts*: plain tensors, by name. Optimizer, averages and checkpoints work on
parts, so they need not know how the weights are divided. Where nothing is divided, a part is the weight itself.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor, nn

from glassgpt.model import GPT2

Result = TypeVar("Result")
Parts = dict[str, nn.Parameter]
Fetch = Callable[[str, Tensor], Tensor]
"""The whole of a tensor that may be divided, by name; every rank must ask for the same ones in the same order."""


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

    def settle(self, model: GPT2, limit: float) -> Tensor:
        """After the backward passes: let each part's gradient be the sum over all rows of the batch, clipped.

        Returns the length of the whole gradient before clipping.
        """
        ...

    def total(self, value: Tensor) -> Tensor:
        """The sum, in place, over ranks that read different rows."""
        ...

    def any(self, wish: bool) -> bool:
        """Whether any rank wishes it: all get the same answer."""
        ...

    def same(self, number: float) -> float:
        """Rank 0's number, where clocks or disks would give each rank another."""
        ...

    def attempt(self, action: Callable[[], Result]) -> Result:
        """Do what may fail on some ranks only; where one fails all stop, and only the first of those says why."""
        ...

    def relay(self, tensors: Iterable[tuple[str, Tensor]]) -> Iterator[tuple[str, Tensor]]:
        """On every rank what only rank 0 reads, one tensor at a time."""
        ...

    def cut(self, name: str, whole: Tensor) -> Tensor:
        """What this rank holds of a tensor that is divided as the weight `name` is."""
        ...

    def outline(self, name: str, part: Tensor) -> Tensor:
        """A tensor of the whole's shape that `collecting` can fetch; the inverse of `cut` but for the numbers."""
        ...

    def collecting(self, *groups: Mapping[str, Tensor]) -> AbstractContextManager[Fetch]:
        """Fetch wholes one at a time; on leaving, those not asked for are fetched too, so that no rank is left waiting.

        Ranks that want nothing enter and leave.
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

    def settle(self, model: GPT2, limit: float) -> Tensor:
        """Gradients are complete; only clip them."""
        return clip(model, limit)

    def total(self, value: Tensor) -> Tensor:
        """Itself."""
        return value

    def any(self, wish: bool) -> bool:
        """Itself."""
        return wish

    def same(self, number: float) -> float:
        """Itself."""
        return number

    def attempt(self, action: Callable[[], Result]) -> Result:
        """Just do it."""
        return action()

    def relay(self, tensors: Iterable[tuple[str, Tensor]]) -> Iterator[tuple[str, Tensor]]:
        """Just read them."""
        yield from tensors

    def cut(self, name: str, whole: Tensor) -> Tensor:
        """Itself."""
        return whole

    def outline(self, name: str, part: Tensor) -> Tensor:
        """Itself."""
        return part

    def collecting(self, *groups: Mapping[str, Tensor]) -> AbstractContextManager[Fetch]:
        """Everything is here."""
        return nullcontext(lambda name, tensor: tensor)


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
