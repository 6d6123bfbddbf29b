"""Moving size from inputs into weights: activation-aware scaling (AWQ, Lin et al. 2023, arXiv:2306.00978).

GPT-2 has a few inputs that are a hundred times larger than all others. Whatever rounding does to the weights that they
meet is multiplied by that. If input j is divided by s_j and the weights that it meets are multiplied by s_j, nothing
changes, but those weights are larger now and lose less in rounding. The division costs nothing where it can be done
beforehand, in what makes the input: the gain and bias of a layer normalisation, or the values that attention averages.
How far to go, s = (size of the input)^α, is tried out; α = 0 leaves everything as it is.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

Round = Callable[[Float[Tensor, "N K"], Float[Tensor, " K"]], Float[Tensor, "N K"]]
"""Round weights, given the importance of each input."""
STEPS = 10
MOST = 1e4
"""The greatest factor."""


def balancing(weight: Float[Tensor, "N K"], hessian: Float[Tensor, "K K"], rounding: Round) -> Float[Tensor, " K"]:
    """The factors s whose rounding costs the outputs least."""
    sizes = hessian.diagonal().clamp_min(1e-12).sqrt()
    best, least = torch.ones_like(sizes), torch.inf
    for step in range(STEPS):
        factors = sizes ** (step / STEPS)
        factors = (factors / (factors.max() * factors.min()).sqrt()).clamp(1 / MOST, MOST)
        raised = weight * factors
        error = rounding(raised, hessian.diagonal() / factors.square()) / factors - weight
        cost = float((error @ hessian * error).sum())
        if cost < least:
            best, least = factors, cost
    return best


@torch.no_grad()
def move_from_norm(norm: nn.LayerNorm, linear: nn.Linear, factors: Float[Tensor, " K"]) -> None:
    """Divide what a normalisation gives, multiply the weights that it meets."""
    norm.weight.div_(factors)
    norm.bias.div_(factors)
    linear.weight.mul_(factors)


@torch.no_grad()
def move_from_values(c_attn: nn.Linear, c_proj: nn.Linear, factors: Float[Tensor, " K"]) -> None:
    """Divide the values of attention, the last third of c_attn's outputs, multiply the weights that they meet."""
    values = slice(2 * len(factors), None)
    c_attn.weight[values].div_(factors[:, None])
    if c_attn.bias is not None:
        c_attn.bias[values].div_(factors)
    c_proj.weight.mul_(factors)
