"""Weights in, an order of sources out: which source sample k of a run comes from, and the how-manieth it is there.

Among the first k samples, the first source has floor(k · its share); the rest is shared out among the others in the
same way. So every stretch of a run holds the sources in proportion, to within one sample or two, whoever asks for
which sample, and nothing is drawn or remembered.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from glassgpt.errors import InvalidParameter


@dataclass(frozen=True, slots=True)
class Share:
    """A data folder or token file, and its weight in a mixture."""

    path: Path
    weight: Fraction | None = None
    """Its share of the samples, relative to the others; None goes by its number of tokens."""

    @classmethod
    def parse(cls, text: str | Path) -> "Share":
        """Read `PATH` or `PATH*0.3`; the weights of a mixture need not sum to 1."""
        path, star, weight = str(text).rpartition("*")
        if not star:
            return cls(Path(text).expanduser())
        try:
            share = Fraction(weight)
        except (ValueError, ZeroDivisionError):
            share = Fraction(0)
        if share <= 0:
            raise InvalidParameter("data", str(text), "after * must stand a weight above 0, such as 0.3")
        return cls(Path(path).expanduser(), share)


def source_of(sample: int, weights: Sequence[Fraction]) -> tuple[int, int]:
    """The source of a sample, and how many samples of that source came before."""
    rest = sum(weights)
    for source, weight in enumerate(weights[:-1]):
        share = weight / rest
        before, after = int(sample * share), int((sample + 1) * share)
        if after > before:
            return source, before
        sample, rest = sample - before, rest - weight
    return len(weights) - 1, sample
