"""What sampling asks of an array library, in NumPy.

Each number that comes out depends on its own row alone, to the bit: functions of one number run over memory without
gaps, and sums run along one row.
"""

from collections.abc import Sequence
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[Any]


@final
class NumpyLibrary:
    """`arrays.Library`; see there what each one does."""

    def floats(self, numbers: Sequence[float], like: Numbers) -> Numbers:
        """Numbers of the same type."""
        return np.array(numbers, like.dtype)

    def integers(self, numbers: Sequence[int], like: Numbers) -> Numbers:
        """64-bit integers."""
        return np.array(numbers, np.int64)

    def count_up(self, size: int, like: Numbers) -> Numbers:
        """0, 1, 2 …"""
        return np.arange(size, dtype=np.int64)

    def tally(self, texts: Sequence[Sequence[int]], like: Numbers) -> Numbers:
        """How often each token stands in each text."""
        counts = [np.bincount(np.array(text, np.int64), minlength=like.shape[-1]) for text in texts]
        return np.array(counts, like.dtype)

    def copy(self, x: Numbers) -> Numbers:
        """The same numbers in other memory."""
        return x.copy()

    def concatenate(self, parts: Sequence[Numbers]) -> Numbers:
        """Rows below rows."""
        return np.concatenate(parts)

    def float64(self, x: Numbers) -> Numbers:
        """In double precision."""
        return x.astype(np.float64)

    def log(self, x: Numbers, out: Numbers) -> Numbers:
        """Natural logarithm."""
        with np.errstate(divide="ignore"):
            return np.log(x, out=out)

    def isfinite(self, x: Numbers) -> Numbers:
        """Which numbers are finite."""
        return np.isfinite(x)

    def where(self, condition: Numbers, yes: Numbers | float | int, no: Numbers | float | int) -> Numbers:
        """One or the other."""
        return np.where(condition, yes, no)

    def softmax(self, x: Numbers) -> Numbers:
        """Probabilities; of a row without a finite number there are none."""
        with np.errstate(invalid="ignore"):
            raised = np.exp(x - x.max(axis=-1, keepdims=True))
        raised /= raised.sum(axis=-1, keepdims=True)
        return raised

    def log_softmax(self, x: Numbers) -> Numbers:
        """Their logarithms."""
        with np.errstate(invalid="ignore"):
            low = x - x.max(axis=-1, keepdims=True)
        low -= np.log(np.exp(low).sum(axis=-1, keepdims=True))
        return low

    def highest(self, x: Numbers) -> tuple[Numbers, Numbers]:
        """The greatest number of each row and its place."""
        places = x.argmax(axis=-1)
        return np.take_along_axis(x, places[..., None], axis=-1)[..., 0], places

    def entropy(self, logprobs: Numbers) -> Numbers:
        """(B, 1): the surprise that each row lets expect."""
        finite = np.where(np.isneginf(logprobs), np.float32(0), logprobs)
        return -np.nansum(np.exp(logprobs) * finite, axis=-1, keepdims=True)

    def flip(self, x: Numbers) -> Numbers:
        """Each row backwards."""
        return np.ascontiguousarray(x[:, ::-1])

    def sort(self, x: Numbers, *, descending: bool = False) -> tuple[Numbers, Numbers]:
        """Each row in order; where a greater number comes first, equal ones still keep their order."""
        places = np.argsort(-x if descending else x, axis=-1, kind="stable")
        return np.take_along_axis(x, places, axis=-1), places

    def largest(self, x: Numbers, count: int) -> tuple[Numbers, Numbers]:
        """The greatest numbers of each row, best first."""
        places = np.argpartition(x, x.shape[-1] - count, axis=-1)[..., x.shape[-1] - count :]
        values = np.take_along_axis(x, places, axis=-1)
        order = np.argsort(-values, axis=-1, kind="stable")
        return np.take_along_axis(values, order, axis=-1), np.take_along_axis(places, order, axis=-1)

    def take(self, x: Numbers, places: Numbers) -> Numbers:
        """From each row the numbers at these places of it."""
        return np.take_along_axis(x, places, axis=-1)

    def put(self, values: Numbers, places: Numbers) -> Numbers:
        """Each row in another order."""
        result = np.empty_like(values)
        np.put_along_axis(result, places, values, axis=-1)
        return result

    def to_numpy(self, x: Numbers) -> Numbers:
        """It is one."""
        return x
