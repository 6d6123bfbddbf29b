"""Ranks that torchrun started, and what they say to each other.

Everything that steers the run travels here: counts, wishes to stop, failures, checkpoints that rank 0 reads. How
weights and gradients are divided is said by two kinds of `Together`: `copies.py` and `divided.py`.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from glassgpt.errors import InvalidParameter, StoppedElsewhere
from glassgpt.model import GPT2
from glassgpt.train.ranks import Fetch, Parts, Result


class Together(ABC):
    """One of several ranks."""

    def __init__(self, device: torch.device, rows: dist.ProcessGroup | None = None) -> None:
        """`rows` are the ranks that read different rows; None where all do."""
        self.device, self.rank, self.world, self.readers = device, dist.get_rank(), dist.get_world_size(), rows

    @property
    def leads(self) -> bool:
        """Whether this is rank 0."""
        return self.rank == 0

    def rows(self, count: int) -> tuple[int, int]:
        """An equal share for each rank that reads, in order."""
        readers, place = dist.get_world_size(self.readers), dist.get_rank(self.readers)
        if count % readers:
            raise InvalidParameter("rows", count, f"must be a multiple of {readers}, the ranks that read rows")
        share = count // readers
        return place * share, (place + 1) * share

    def total(self, value: Tensor) -> Tensor:
        """The sum, in place, over ranks that read different rows."""
        dist.all_reduce(value, group=self.readers)
        return value

    def any(self, wish: bool) -> bool:
        """One message of eight bytes."""
        wishes = torch.tensor(int(wish))
        dist.all_reduce(wishes, dist.ReduceOp.MAX)
        return bool(wishes)

    def same(self, number: float) -> float:
        """Rank 0's number."""
        told = torch.tensor(number, dtype=torch.float64)
        dist.broadcast(told, 0)
        return told.item()

    def attempt(self, action: Callable[[], Result]) -> Result:
        """Fail together: the first rank that failed raises its error, the others StoppedElsewhere."""
        try:
            result = action()
        except Exception as error:
            if self._first(self.rank) == self.rank:
                raise
            raise StoppedElsewhere("Another rank stopped too; its message says why.") from error
        first = self._first(self.world)
        if first < self.world:
            raise StoppedElsewhere(f"Rank {first} stopped; its message says why.")
        return result

    def _first(self, number: int) -> int:
        """The smallest number that any rank brings."""
        numbers = torch.tensor(number)
        dist.all_reduce(numbers, dist.ReduceOp.MIN)
        return int(numbers)

    def relay(self, tensors: Iterable[tuple[str, Tensor]]) -> Iterator[tuple[str, Tensor]]:
        """Rank 0 reads and sends; the others receive, whatever file system they see."""
        if not self.leads:
            yield from self._received()
            return
        try:
            for name, tensor in tensors:
                here = tensor.detach().contiguous().to(self.device)
                self._tell({"name": name, "shape": list(here.shape), "dtype": str(here.dtype)})
                dist.broadcast(here, 0)
                yield name, here
        except Exception:
            self._tell({"failed": True})
            raise
        self._tell({})

    def _received(self) -> Iterator[tuple[str, Tensor]]:
        while head := self._tell({}):
            if "failed" in head:
                raise StoppedElsewhere("Rank 0 could not read the checkpoint; its message says why.")
            dtype = getattr(torch, head["dtype"].removeprefix("torch."))
            here = torch.empty(head["shape"], dtype=dtype, device=self.device)
            dist.broadcast(here, 0)
            yield head["name"], here

    def _tell(self, fact: dict[str, Any]) -> dict[str, Any]:
        """Rank 0's fact, on every rank."""
        text = torch.frombuffer(bytearray(json.dumps(fact).encode()), dtype=torch.uint8)
        length = int(self.same(len(text)))
        told = text if self.leads else torch.empty(length, dtype=torch.uint8)
        dist.broadcast(told, 0)
        return json.loads(told.numpy().tobytes())

    @contextmanager
    def collecting(self, *groups: Mapping[str, Tensor]) -> Iterator[Fetch]:
        """Ranks ask in step; who leaves early still answers the rest."""
        left = iter([item for group in groups for item in group.items()])

        def fetch(name: str, tensor: Tensor) -> Tensor:
            expected, _ = next(left)
            assert name == expected, f"{name} was asked for where {expected} is due"
            return self.whole(name, tensor)

        try:
            yield fetch
        finally:
            for name, tensor in left:
                self.whole(name, tensor)

    @abstractmethod
    def spread(self, model: GPT2) -> Parts:
        """Give all ranks rank 0's weights, and divide them."""

    @abstractmethod
    def settle(self, model: GPT2, limit: float) -> Tensor:
        """Complete the gradients and clip them."""

    @abstractmethod
    def cut(self, name: str, whole: Tensor) -> Tensor:
        """What this rank holds of it."""

    @abstractmethod
    def outline(self, name: str, part: Tensor) -> Tensor:
        """What `whole` takes."""

    @abstractmethod
    def whole(self, name: str, tensor: Tensor) -> Tensor:
        """Gather it, on all ranks at once."""
