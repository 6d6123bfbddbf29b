"""Which scale a group gets: the one whose rounding errors weigh least.

The largest weight of a group decides how coarse its sixteen values are. To cut it off a little makes all others finer;
which of several scales is best is simply tried out. An error in a weight costs as much as the input that meets it is
large, so squares of errors are weighted by the mean square of each input: the diagonal of the Hessian.

Sources: clipping by least squared error, Choukroun et al. 2019 (arXiv:1902.06822); by the error of outputs, AWQ, Lin et
al. 2023 (arXiv:2306.00978), section 3.2.
"""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from glassgpt.kernels import Format
from glassgpt.kernels.integers import HIGHEST, LOWEST

SHRINK = (1.0, 0.97, 0.94, 0.91, 0.88, 0.85, 0.82, 0.79, 0.76, 0.73, 0.70, 0.66, 0.62, 0.58, 0.54, 0.50)
"""By how much the range is cut."""
LEAST = 1e-30


def best_scales(
    weight: Float[Tensor, "N K"], form: Format, importance: Float[Tensor, " K"] | None = None
) -> Float[Tensor, " N"]:
    """A scale for each row of one group; without `importance` the extreme of the group stays where it is."""
    if importance is None:
        return next(_candidates(weight, form, (1.0,)))
    best, least = torch.zeros_like(weight[:, 0]), torch.full_like(weight[:, 0], torch.inf)
    for scales in _candidates(weight, form, SHRINK):
        error = (weight - rounded(weight, scales[:, None], form)).square() @ importance
        better = error < least
        best, least = torch.where(better, scales, best), torch.where(better, error, least)
    return best


def rounded(weight: Float[Tensor, "..."], scales: Float[Tensor, "..."], form: Format) -> Float[Tensor, "..."]:
    """The nearest numbers that integers of this form can stand for."""
    return whole(weight, scales, form) * scales


def whole(weight: Float[Tensor, "..."], scales: Float[Tensor, "..."], form: Format) -> Float[Tensor, "..."]:
    """Those integers; a scale of zero belongs to zeros."""
    divisor = torch.where(scales == 0, 1.0, scales)
    return (weight / divisor).round().clamp(LOWEST[form.name], HIGHEST[form.name])


def _candidates(weight: Float[Tensor, "N K"], form: Format, factors: tuple[float, ...]) -> Iterator[Tensor]:
    if not form.group_scales:
        largest = (weight.abs().amax(dim=1) / HIGHEST[form.name]).clamp_min(LEAST)
        yield from (largest * factor for factor in factors)
        return
    extreme = weight.gather(1, weight.abs().argmax(dim=1, keepdim=True))[:, 0]
    for side in (-1, 1)[: len(factors)]:  # the extreme becomes −8, which has no mirror image, or else 7
        limit = LOWEST[form.name] if side < 0 else HIGHEST[form.name]
        yield from ((extreme * (factor / limit)).bfloat16().float() for factor in factors)
