"""Ranks that torchrun started, and what they say to each other.

Everything that steers the run travels here: counts, wishes to stop, failures, checkpoints that rank 0 reads. How
weights and gradients are divided is said by two kinds of `Together`: `copies.py` and `divided.py`.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping

import torch
import torch.distributed as dist
from torch import Tensor

from glassgpt.errors import InvalidParameter, StoppedElsewhere
from glassgpt.model import GPT2
from glassgpt.train.ranks import Fact, Parts, Result


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

    def highest(self, number: int) -> int:
        """One message of eight bytes."""
        return -self._lowest(-number)

    def told(self, fact: Fact) -> Fact:
        """Rank 0's, as JSON: nothing is unpickled."""
        text = torch.frombuffer(bytearray(json.dumps(fact).encode()), dtype=torch.uint8)
        length = torch.tensor(len(text))
        dist.broadcast(length, 0)
        told = text if self.leads else torch.empty(int(length), dtype=torch.uint8)
        dist.broadcast(told, 0)
        return json.loads(told.numpy().tobytes())

    def attempt(self, action: Callable[[], Result]) -> Result:
        """Fail together: the first rank that failed raises its error, the others StoppedElsewhere."""
        try:
            result = action()
        except Exception as error:
            if self._lowest(self.rank) == self.rank:
                raise
            raise StoppedElsewhere("Another rank stopped too; its message says why.") from error
        first = self._lowest(self.world)
        if first < self.world:
            raise StoppedElsewhere(f"Rank {first} stopped; its message says why.")
        return result

    def _lowest(self, number: int) -> int:
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
                self.told({"name": name, "shape": list(here.shape), "dtype": str(here.dtype)})
                dist.broadcast(here, 0)
                yield name, here
        except Exception:
            self.told({"failed": True})
            raise
        self.told({})

    def _received(self) -> Iterator[tuple[str, Tensor]]:
        while head := self.told({}):
            if "failed" in head:
                raise StoppedElsewhere("Rank 0 could not read the checkpoint; its message says why.")
            dtype = getattr(torch, head["dtype"].removeprefix("torch."))
            here = torch.empty(head["shape"], dtype=dtype, device=self.device)
            dist.broadcast(here, 0)
            yield head["name"], here

    @abstractmethod
    def spread(self, model: GPT2) -> Parts:
        """Give all ranks rank 0's weights, and divide them."""

    @abstractmethod
    def begin(self, model: GPT2) -> None:
        """Take up the parts."""

    @abstractmethod
    def settle(self, model: GPT2, limit: float) -> Tensor:
        """Complete the gradients and clip them."""

    @abstractmethod
    def cut(self, tensor: Tensor, weight: str) -> Tensor:
        """What this rank holds of it."""

    @abstractmethod
    def collect(self, tensors: Mapping[str, Tensor], owner: Callable[[str], str]) -> dict[str, Tensor]:
        """On rank 0 the whole of each."""
