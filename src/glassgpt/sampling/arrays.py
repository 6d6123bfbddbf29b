"""The few things that sampling asks of an array library, so that each of its rules is written once for two of them.

Logits come as PyTorch's tensors, wherever those lie, or as NumPy's arrays, where nobody should wait until PyTorch is
imported. Operators (`+`, `<`, `&`, `x[:, None]`, `x[i] = …`) mean the same in both; what differs stands here. Rows are
the first axis, tokens the second.
"""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

Array = Any
"""A NumPy array or a PyTorch tensor."""


@runtime_checkable
class Library(Protocol):
    """What both can do. Nothing changes its input."""

    def floats(self, numbers: Sequence[float], like: Array) -> Array:
        """Numbers of the type of `like`, where it lies."""
        ...

    def integers(self, numbers: Sequence[int], like: Array) -> Array:
        """64-bit integers, where `like` lies."""
        ...

    def count_up(self, size: int, like: Array) -> Array:
        """0, 1, 2 … where `like` lies."""
        ...

    def tally(self, texts: Sequence[Sequence[int]], like: Array) -> Array:
        """How often each token stands in each text, as an array like `like`."""
        ...

    def copy(self, x: Array) -> Array:
        """The same numbers in other memory."""
        ...

    def concatenate(self, parts: Sequence[Array]) -> Array:
        """Rows below rows."""
        ...

    def float64(self, x: Array) -> Array:
        """The same numbers in double precision."""
        ...

    def log(self, x: Array, out: Array) -> Array:
        """Natural logarithm, written to `out`."""
        ...

    def isfinite(self, x: Array) -> Array:
        """Which numbers are neither infinite nor not a number."""
        ...

    def where(self, condition: Array, yes: Array, no: Array) -> Array:
        """One or the other, place by place."""
        ...

    def softmax(self, x: Array) -> Array:
        """Probabilities of each row."""
        ...

    def log_softmax(self, x: Array) -> Array:
        """Their logarithms."""
        ...

    def highest(self, x: Array) -> tuple[Array, Array]:
        """The greatest number of each row and its place, of equal ones the first."""
        ...

    def entropy(self, logprobs: Array) -> Array:
        """(B, 1): the surprise that each row of log-probabilities lets expect; what is impossible adds nothing."""
        ...

    def flip(self, x: Array) -> Array:
        """Each row backwards."""
        ...

    def sort(self, x: Array, *, descending: bool = False) -> tuple[Array, Array]:
        """Each row in order, and where its numbers stood; equal ones keep their order."""
        ...

    def largest(self, x: Array, count: int) -> tuple[Array, Array]:
        """The greatest numbers of each row, best first, and their places; of equal ones any."""
        ...

    def take(self, x: Array, places: Array) -> Array:
        """From each row the numbers at these places of it."""
        ...

    def put(self, values: Array, places: Array) -> Array:
        """Each row in another order: values[i] goes to places[i]; the inverse of `take`."""
        ...

    def to_numpy(self, x: Array) -> np.ndarray:
        """As a NumPy array."""
        ...


def library(x: Array) -> Library:
    """The library that an array belongs to."""
    if isinstance(x, np.ndarray):
        from glassgpt.sampling.in_numpy import NumpyLibrary

        return NumpyLibrary()
    from glassgpt.sampling.in_torch import TorchLibrary

    return TorchLibrary()
