"""What generation needs of a model: a memory of texts, and one call that reads on in some of them.

The seam between policy and arithmetic. Above it: who is in the batch, what is chosen, when a text ends. Below it:
weights, memory and kernels. To read a prompt, a part of one, one more token, or a few guessed ones to be checked is the
same act, so there is one call for it: `extend` takes a piece of text for each of any rows, of any lengths, and scores
what comes after their last tokens. One step of a batch is one call, in which some rows decode while others read.

A backend keeps one promise beyond being right: *a row's numbers do not depend on its neighbours*: neither on how many
rows are beside it, nor on its place among them, nor on how a text was cut into pieces, nor on whether its beginning was
read or copied. On it rests "same request, same bytes".

Scores come as PyTorch's tensors or NumPy's arrays: sampling takes either, and only who wants PyTorch waits for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Float32

from glassgpt.model import GPT2Config
from glassgpt.sampling import Array


@dataclass(frozen=True, slots=True)
class Piece:
    """What one row reads in one step: at least one id, appended to what the row holds."""

    row: int
    ids: Sequence[int]
    scored: int = 1
    """After how many of these ids, the last ones, the next one is scored: 0 while a prompt is being read."""


@runtime_checkable
class Memory(Protocol):
    """What a backend remembers of some texts, one a row; allocated once, so that nothing can fail later."""

    @property
    def lengths(self) -> Sequence[int]:
        """How many tokens each row holds; at first none."""
        ...

    @property
    def room(self) -> int:
        """How many tokens each row can hold."""
        ...

    def cut(self, row: int, length: int) -> None:
        """Forget all but the first `length` tokens of a row."""
        ...

    def copy(self, source: int, row: int, length: int) -> None:
        """Row `row` becomes the first `length` tokens of row `source`."""
        ...


@runtime_checkable
class Backend(Protocol):
    """A model that can read texts and score what comes next. Logits come as float32."""

    @property
    def config(self) -> GPT2Config:
        """The model's shape."""
        ...

    @property
    def bytes_read_each_step(self) -> int:
        """How much of the weights a step goes through."""
        ...

    @property
    def bytes_kept_each_token(self) -> int:
        """What a token takes in memory, all of which each later token of its text goes through."""
        ...

    def most_rows(self, room: int) -> int:
        """How many texts of `room` tokens it is willing to remember at once; at least 1."""
        ...

    def memory(self, rows: int, room: int) -> Memory:
        """An empty memory of `rows` texts of up to `room` tokens each, at most the model's context."""
        ...

    def extend(self, memory: Memory, pieces: Sequence[Piece]) -> Float32[Array, "N V"]:
        """Read on in some rows, each at most once; the scores asked for, piece by piece. Every piece must fit."""
        ...
