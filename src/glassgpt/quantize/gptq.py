"""Rounding that makes up for its own errors: GPTQ (Frantar et al. 2022, arXiv:2210.17323).

Columns are rounded one after the other. What outputs lose by rounding a column, the columns that are not rounded yet
can partly give back, because inputs are correlated: H = X Xᵀ, over many inputs X, says how. With U the upper Cholesky
factor of H⁻¹, the error e = (w_j − ŵ_j) / U_jj of column j is best spread as w_k −= e · U_jk over all k > j.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from glassgpt.kernels import Format
from glassgpt.quantize.scales import best_scales, whole

DAMPING = 0.01
"""Added to the diagonal, as a part of its mean: inputs that calibration did not see must not count as impossible."""
AT_ONCE = 128
"""Columns whose errors are spread among each other at once, and then over the rest by one product of matrices."""


def compensate(
    weight: Float[Tensor, "N K"],
    hessian: Float[Tensor, "K K"],
    form: Format,
    groups: list[slice],
    *,
    search: bool = True,
) -> tuple[Float[Tensor, "N K"], Float[Tensor, "N G"]]:
    """Whole numbers, and the scales of all groups. `search` looks for the scales; without it extremes decide."""
    weight, upper = weight.clone(), inverse_factor(hessian)
    importance = hessian.diagonal() if search else None
    numbers, scales = torch.empty_like(weight), weight.new_empty(len(weight), len(groups))
    for n, group in enumerate(groups):
        scales[:, n] = best_scales(weight[:, group], form, None if importance is None else importance[group])
        for start in range(group.start, group.stop, AT_ONCE):
            part = slice(start, min(start + AT_ONCE, group.stop))
            numbers[:, part], errors = _round_columns(weight[:, part], upper[part, part], scales[:, n], form)
            weight[:, part.stop :] -= errors @ upper[part, part.stop :]
    return numbers, scales


def inverse_factor(hessian: Float[Tensor, "K K"]) -> Float[Tensor, "K K"]:
    """U with Uᵀ U = H⁻¹, upper triangular."""
    damped = hessian.double()
    diagonal = damped.diagonal()
    mean = float(diagonal.mean())
    damped = damped + torch.eye(len(damped), dtype=torch.float64) * (DAMPING * mean if mean else 1.0)
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(damped))
    return torch.linalg.cholesky(inverse, upper=True).float()


def _round_columns(
    weight: Float[Tensor, "N W"], upper: Float[Tensor, "W W"], scales: Float[Tensor, " N"], form: Format
) -> tuple[Float[Tensor, "N W"], Float[Tensor, "N W"]]:
    """A few columns of one group: whole numbers, and the error of each that later columns should make up for."""
    weight = weight.T.contiguous()  # a column is then a row of memory
    numbers, errors = torch.empty_like(weight), torch.empty_like(weight)
    for j in range(len(weight)):
        numbers[j] = whole(weight[j], scales, form)
        errors[j] = (weight[j] - numbers[j] * scales) / upper[j, j]
        weight[j + 1 :].addr_(upper[j, j + 1 :], errors[j], alpha=-1)
    return numbers.T, errors.T
