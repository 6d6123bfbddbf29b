"""A matrix as whole numbers and scales, in the order in which it is published: what files of integers hold.

    int8   w[n, k] ≈ numbers[n, k] · scales[n, 0]                        numbers from −127 to 127
    int4   w[n, k] ≈ numbers[n, k] · scales[n, the group of k]           numbers from −8 to 7

A group is 32 inner positions, and its scale a bfloat16. Where the inner side consists of heads, groups begin anew with
each, so that kernels can give every head blocks of its own. `packing.py` brings the same integers into that layout.
"""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassgpt.errors import InvalidParameter
from glassgpt.kernels.arithmetic import Floats, from_bfloat16_twin, to_bfloat16_twin
from glassgpt.kernels.layout import INT4, INT8, Format, padded

LOWEST, HIGHEST = {"int8": -127, "int4": -8}, {"int8": 127, "int4": 7}
"""The range of the numbers."""


@dataclass(frozen=True, slots=True)
class Integers:
    """A matrix of N outputs and K inner positions."""

    format: Format
    numbers: NDArray[np.int8]
    """(N, K)."""
    scales: Floats
    """(N, groups); int8: (N, 1)."""
    segment: int
    """Inner positions after which groups begin anew; divides K."""

    def __post_init__(self) -> None:
        """Refuse what does not fit together: kernels believe what they are given."""
        if self.format not in (INT8, INT4):
            raise InvalidParameter("format", self.format.name, "must be int8 or int4")
        outputs, inner = self.numbers.shape
        if not 0 < self.segment <= inner or inner % self.segment:
            raise InvalidParameter("segment", self.segment, f"must divide the {inner} inner positions")
        wanted = (outputs, group_count(inner, self.segment, self.format))
        if self.numbers.dtype != np.int8 or self.scales.dtype != np.float32 or self.scales.shape != wanted:
            found = f"{self.numbers.dtype}, {self.scales.dtype} {self.scales.shape}"
            raise InvalidParameter("scales", found, f"must be int8 numbers and float32 scales {wanted}")
        low, high = LOWEST[self.format.name], HIGHEST[self.format.name]
        if self.numbers.min() < low or self.numbers.max() > high:
            raise InvalidParameter("numbers", f"{self.numbers.min()} … {self.numbers.max()}", f"{low} … {high} allowed")
        if not np.isfinite(self.scales).all():
            raise InvalidParameter("scales", "nan or inf", "must be finite numbers only")

    def floats(self) -> Floats:
        """(N, K): the numbers that it stands for."""
        if self.format is INT8:
            return self.numbers * self.scales
        grouped = by_group(self.numbers, self.segment) * self.scales[:, :, None]
        return ungroup(grouped, self.segment, self.numbers.shape[1])

    def widened(self, parts: int) -> "Integers":
        """The same with outputs in some parts, each filled up with zeros to whole blocks of 64."""
        return replace(self, numbers=widen(self.numbers, parts), scales=widen(self.scales, parts))

    def filled(self) -> "Integers":
        """The same, filled up with zeros to whole blocks on both sides; the inner side segment by segment."""
        numbers, scales = widen(self.numbers, 1), widen(self.scales, 1)
        parts, whole = numbers.shape[1] // self.segment, padded(self.segment)
        numbers = _fill(numbers, parts, whole)
        scales = _fill(scales, parts, whole // INT4.group) if self.format is INT4 else scales
        return Integers(self.format, numbers, scales, whole)


def group_count(inner: int, segment: int, form: Format) -> int:
    """How many scales one output has."""
    return inner // segment * -(-segment // form.group) if form is INT4 else 1


def group_slices(inner: int, segment: int, form: Format) -> list[slice]:
    """The inner positions that share a scale, group by group."""
    if form is INT8:
        return [slice(0, inner)]
    starts = [start + i for start in range(0, inner, segment) for i in range(0, segment, form.group)]
    return [slice(start, stop) for start, stop in pairwise([*starts, inner])]


def by_group(matrix: NDArray[Any], segment: int) -> NDArray[Any]:
    """(N, groups, 32): int4's groups side by side, those at the end of a segment filled up with zeros."""
    whole = -(-segment // INT4.group) * INT4.group
    return _fill(matrix, matrix.shape[1] // segment, whole).reshape(len(matrix), -1, INT4.group)


def ungroup(groups: NDArray[Any], segment: int, inner: int) -> NDArray[Any]:
    """(N, K): the inverse."""
    parts = groups.reshape(len(groups), inner // segment, -1)
    return np.ascontiguousarray(parts[:, :, :segment].reshape(len(groups), inner))


def round_to_nearest(weight: Floats, form: Format, segment: int | None = None) -> Integers:
    """The simplest way to integers: the extreme of each group becomes the extreme of the range."""
    inner = weight.shape[1]
    segment = inner if segment is None else segment
    if form is INT8:
        scales = np.maximum(np.abs(weight).max(axis=1, keepdims=True) / 127, np.float32(1e-30))
        return Integers(form, to_numbers(weight, scales, form), scales, segment)
    groups = by_group(weight, segment)
    extreme = np.take_along_axis(groups, np.abs(groups).argmax(axis=2)[..., None], axis=2)[..., 0]
    # The extreme itself becomes −8: of the sixteen values the one without a mirror image.
    scales = as_stored(extreme * np.float32(-1 / 8))
    numbers = to_numbers(groups, scales[..., None], form)
    return Integers(form, ungroup(numbers, segment, inner), scales, segment)


def to_numbers(weight: Floats, scales: Floats, form: Format) -> NDArray[np.int8]:
    """The nearest integers in range; a scale of zero belongs to zeros."""
    divisor = np.where(scales == 0, np.float32(1), scales)
    return np.clip(np.rint(weight / divisor), LOWEST[form.name], HIGHEST[form.name]).astype(np.int8)


def as_stored(scales: Floats) -> Floats:
    """Scales of groups as bfloat16 holds them."""
    return from_bfloat16_twin(to_bfloat16_twin(scales))


def widen(rows: NDArray[Any], parts: int) -> NDArray[Any]:
    """Fill each of some parts of the rows up to whole blocks of 64."""
    cut = rows.reshape(parts, -1, *rows.shape[1:])
    more = padded(cut.shape[1]) - cut.shape[1]
    filled = np.pad(cut, [(0, 0), (0, more), *[(0, 0)] * (rows.ndim - 1)])
    return filled.reshape(-1, *rows.shape[1:])


def _fill(matrix: NDArray[Any], parts: int, whole: int) -> NDArray[Any]:
    """Fill each of some parts of the inner side up to `whole`."""
    cut = matrix.reshape(len(matrix), parts, -1)
    return np.pad(cut, ((0, 0), (0, 0), (0, whole - cut.shape[2]))).reshape(len(matrix), parts * whole)
