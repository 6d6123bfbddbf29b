"""A weight to look at: a matrix of any size in, a picture of bounded size and its vital figures out."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import Tensor
from torch.nn import functional as F

from glassgpt.errors import InvalidParameter
from glassgpt.model import GPT2

BINS = 61
MOST_EXACT = 4_000_000
"""Singular values are computed for matrices of at most so many numbers; the embedding of GPT-2 has 38 million."""


@dataclass(frozen=True, slots=True, eq=False)
class Weight:
    """One parameter: a picture, the spread of its numbers, and its strength row by row and column by column."""

    name: str
    shape: tuple[int, ...]
    picture: Float32[np.ndarray, "R C"]
    """Of each patch, the number that is farthest from 0, with its sign. A vector is one row."""
    counts: Int64[np.ndarray, " B"]
    """How many numbers lie between neighbouring `edges`."""
    edges: Float32[np.ndarray, " B1"]
    rows: Float32[np.ndarray, " N"]
    """Length of each row (out)."""
    columns: Float32[np.ndarray, " M"]
    """Length of each column (in)."""
    singular: Float32[np.ndarray, " S"]
    """Largest first; empty for a vector and for matrices beyond `MOST_EXACT` numbers."""
    mean: float
    deviation: float

    def describe(self) -> str:
        """Shape, spread, and how many directions carry half of the matrix."""
        size = " × ".join(f"{each:,}" for each in self.shape)
        said = f"{self.name} ({size}): mean {self.mean:.4f}, standard deviation {self.deviation:.4f}"
        if not len(self.singular):
            return f"{said}."
        power = np.cumsum(self.singular.astype(np.float64) ** 2)
        half = int(np.searchsorted(power, power[-1] / 2)) + 1
        return f"{said}; {half:,} of {len(self.singular):,} directions carry half of its power."


@torch.inference_mode()
def weight(model: GPT2, name: str, size: int = 192) -> Weight:
    """One parameter of a model by its name in a checkpoint, in a picture of at most `size` by `size` patches.

    Raises InvalidParameter for a name that the model does not have.
    """
    return _looked_at(name, _values(model, name), size)


@torch.inference_mode()
def weight_change(model: GPT2, since: GPT2, name: str, size: int = 192) -> Weight:
    """What training did to one parameter: as it is in `model`, less as it was in an earlier one of the same shape."""
    now, then = _values(model, name), _values(since, name)
    if now.shape != then.shape:
        raise InvalidParameter("since", str(tuple(then.shape)), f"must have {name} of shape {tuple(now.shape)}")
    return _looked_at(f"change of {name}", now - then.to(now), size)


def _values(model: GPT2, name: str) -> Tensor:
    parameters = dict(model.named_parameters())
    if name not in parameters:
        raise InvalidParameter("name", name, f"must be a parameter of this model, such as {next(iter(parameters))}")
    return parameters[name].detach().float()


def _looked_at(name: str, values: Tensor, size: int) -> Weight:
    matrix = values if values.ndim == 2 else values[None]
    edges = torch.linspace(float(values.min()), float(values.max()) or 1e-6, BINS + 1)
    counts = torch.histc(values, BINS, float(edges[0]), float(edges[-1]))
    exact = values.ndim == 2 and values.numel() <= MOST_EXACT
    singular = torch.linalg.svdvals(matrix) if exact else matrix.new_empty(0)
    return Weight(
        name=name,
        shape=tuple(values.shape),
        picture=_picture(matrix, size).cpu().numpy(),
        counts=counts.long().cpu().numpy(),
        edges=edges.cpu().numpy(),
        rows=matrix.norm(dim=1).cpu().numpy(),
        columns=matrix.norm(dim=0).cpu().numpy(),
        singular=singular.cpu().numpy(),
        mean=float(values.double().mean()),
        deviation=float(values.double().std(unbiased=False)),
    )


def _picture(matrix: Tensor, size: int) -> Tensor:
    """Patches, each as the number farthest from 0: a mean would hide what stands out."""
    shape = tuple(min(size, length) for length in matrix.shape)
    high = F.adaptive_max_pool2d(matrix[None], shape)[0]
    low = F.adaptive_max_pool2d(-matrix[None], shape)[0]
    return torch.where(high >= low, high, -low)
