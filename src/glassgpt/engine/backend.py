"""What generation needs of a model: read texts, then one token a row at a time. The seam between policy and arithmetic.

Above it: who is in the batch, what is chosen, when a text ends. Below it: weights, memory and kernels. A backend keeps
one promise beyond being right: *a row's numbers do not depend on its neighbours*: neither on how many rows are beside
it, nor on its place among them, nor on how a text was cut into pieces. On it rests "same request, same bytes".
"""

from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float32
from torch import Tensor

from glassgpt.model import GPT2Config


@runtime_checkable
class Memory(Protocol):
    """What a backend remembers of some texts, one a row; made by `prefill`, extended by `decode`."""

    @property
    def rows(self) -> int:
        """How many texts."""
        ...

    def select(self, rows: Sequence[int]) -> None:
        """Row i becomes what row `rows[i]` was: copies, reorders and drops texts."""
        ...

    def put(self, row: int, other: "Memory", source: int) -> None:
        """Row `row` becomes row `source` of `other`, a memory of the same backend."""
        ...


@runtime_checkable
class Backend(Protocol):
    """A model that can read and continue texts. Logits come as float32, one row a text."""

    @property
    def config(self) -> GPT2Config:
        """The model's shape."""
        ...

    @property
    def device(self) -> torch.device:
        """Where the logits lie."""
        ...

    def most_rows(self, room: int) -> int:
        """How many texts of `room` tokens it is willing to remember at once; at least 1."""
        ...

    def prefill(self, texts: Sequence[Sequence[int]], room: int) -> tuple[Memory, Float32[Tensor, "B V"]]:
        """Read texts of any lengths ≥ 1; remember them, with room for `room` tokens each; score what comes next."""
        ...

    def decode(self, memory: Memory, ids: Sequence[int]) -> Float32[Tensor, "B V"]:
        """Read one more token a row; score what comes next. A row that is full overwrites its last place."""
        ...

    def read(self, text: Sequence[int]) -> Iterator[Float32[Tensor, "T V"]]:
        """Score what comes after each token of one text, piece by piece; nothing is remembered."""
        ...
