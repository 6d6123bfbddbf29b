"""Sizes and losses in, a power law with its interval out: L = a · N^-b, and + c where the points ask for a floor.

Kaplan et al. 2020 found the first form for language models, N without the embeddings; Hoffmann et al. 2022 added the
floor, the entropy of text. A floor always fits better, so it is taken only where an F-test at 5 % says that five or
more points support it. The interval is a profile: every exponent whose best fit is not worse than the best of all by
more than Student's t allows; for the straight line in logarithms that is the textbook interval.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from glassgpt.errors import InvalidParameter
from glassgpt.model import GPT2Config, tally

CONFIDENCE = 0.95
EXPONENTS = np.geomspace(1e-3, 4.0, 8_000)
"""Where the exponent is looked for; the grid's step is 0.1 %, far below any interval."""


@dataclass(frozen=True, slots=True)
class PowerLaw:
    """How the loss falls with the size of the model."""

    scale: float
    """a: the loss above the floor at N = 1."""
    exponent: float
    """b: ten times the parameters divide what is above the floor by 10^b."""
    floor: float
    """c: what no size gets below; 0 where the points do not support one."""
    low: float
    """Lower end of the exponent's 95 % interval."""
    high: float
    """Its upper end."""

    def loss(self, size: int | float) -> float:
        """What the law says of a size."""
        return self.scale * size**-self.exponent + self.floor

    def __str__(self) -> str:
        """The law, as one reads it."""
        floor = f" + {self.floor:.3g}" if self.floor else ""
        return f"L = {self.scale:.3g} · N^-{self.exponent:.4f}{floor}"


def body_parameters(config: GPT2Config) -> int:
    """N: all parameters but the two embeddings (Kaplan et al. 2020, section 2.1)."""
    return sum(tensor.count for tensor in tally(config) if tensor.name not in ("wte.weight", "wpe.weight"))


def fit(sizes: Sequence[int | float], losses: Sequence[int | float]) -> PowerLaw:
    """The law through at least three points of different size.

    Raises InvalidParameter for fewer points, or for sizes and losses that are not positive.
    """
    n, loss = np.asarray(sizes, float), np.asarray(losses, float)
    if len(n) != len(loss) or len(set(sizes)) < 3:
        raise InvalidParameter("sizes", len(set(sizes)), "at least three different ones are needed, a loss for each")
    if (n <= 0).any() or (loss <= 0).any():
        raise InvalidParameter("losses", min(loss.min(), n.min()), "sizes and losses must be positive")
    line, floored, freedom = _straight(n, loss), _floored(n, loss), len(n) - 3
    if len(n) >= 5 and floored.floor > 0:
        gain = (line.error - floored.error) / (floored.error / freedom)
        if gain > student(freedom) ** 2:
            return floored.law(freedom)
    return line.law(len(n) - 2)


@dataclass(frozen=True, slots=True)
class _Profile:
    """The best fit for each exponent of the grid."""

    errors: np.ndarray
    scales: np.ndarray
    floors: np.ndarray

    @property
    def best(self) -> int:
        return int(self.errors.argmin())

    @property
    def error(self) -> float:
        return float(self.errors[self.best])

    @property
    def floor(self) -> float:
        return float(self.floors[self.best])

    def law(self, freedom: int) -> PowerLaw:
        allowed = self.errors <= self.error * (1 + student(freedom) ** 2 / freedom)
        low, high = EXPONENTS[allowed][[0, -1]]
        return PowerLaw(float(self.scales[self.best]), float(EXPONENTS[self.best]), self.floor, float(low), float(high))


def _straight(n: np.ndarray, loss: np.ndarray) -> _Profile:
    """No floor: errors are those of the logarithm."""
    residual = np.log(loss) + EXPONENTS[:, None] * np.log(n)  # exponents, points
    middle = residual.mean(1)
    errors = ((residual - middle[:, None]) ** 2).sum(1)
    return _Profile(errors, np.exp(middle), np.zeros_like(middle))


def _floored(n: np.ndarray, loss: np.ndarray) -> _Profile:
    """A floor of at least 0: errors are relative, which is those of the logarithm while they are small.

    For one exponent the loss is linear in a and c; the weighted least squares of two unknowns are written out.
    """
    power = n ** -EXPONENTS[:, None]  # exponents, points
    u, v = power / loss, 1 / loss
    uu, uv, vv, su, sv = (u * u).sum(1), (u * v).sum(1), (v * v).sum(), u.sum(1), v.sum()
    determinant = uu * vv - uv**2
    scales, floors = (su * vv - sv * uv) / determinant, (sv * uu - su * uv) / determinant
    errors = ((scales[:, None] * u + floors[:, None] * v - 1) ** 2).sum(1)
    plain, possible = _straight(n, loss), (floors >= 0) & (scales > 0)
    return _Profile(
        np.where(possible, errors, plain.errors), np.where(possible, scales, plain.scales), np.maximum(floors, 0.0)
    )


def student(freedom: int) -> float:
    """The t that 95 % of Student's distribution lie within, found by halving."""
    grid = np.linspace(0.0, 1.0, 4_001)
    front = math.gamma((freedom + 1) / 2) / (math.sqrt(freedom * math.pi) * math.gamma(freedom / 2))

    def within(t: float) -> float:
        density = front * (1 + (t * grid) ** 2 / freedom) ** (-(freedom + 1) / 2)
        return 2 * t * float(np.trapezoid(density, grid))

    low, high = 0.0, 20.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if within(middle) < CONFIDENCE else (low, middle)
    return (low + high) / 2
