"""What calibration sees: for each matrix of a block the sum of x xᵀ over all inputs x, called its Hessian.

The error of a layer's outputs, |(W − Ŵ) X|², is a sum over the rows d of W − Ŵ of dᵀ H d with H = X Xᵀ. So H is all
that has to be known of the inputs, however many there were.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Float
from torch import Tensor, nn

from glassgpt.model.gpt2 import Block


@contextmanager
def watching(matrices: dict[str, nn.Linear]) -> Iterator[dict[str, Float[Tensor, "K K"]]]:
    """While this is open, every input of each matrix is added to its Hessian."""
    hessians = {name: torch.zeros(linear.in_features, linear.in_features) for name, linear in matrices.items()}

    def watch(name: str) -> "torch.utils.hooks.RemovableHandle":
        def add(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            x = inputs[0].flatten(0, -2).float()
            hessians[name].addmm_(x.T, x)

        return matrices[name].register_forward_pre_hook(add)

    hooks = [watch(name) for name in matrices]
    try:
        yield hessians
    finally:
        for hook in hooks:
            hook.remove()


def matrices_of(block: Block) -> dict[str, nn.Linear]:
    """The four matrices of a block, in the order in which they are met."""
    return {
        "attn.c_attn": block.attn.c_attn,
        "attn.c_proj": block.attn.c_proj,
        "mlp.c_fc": block.mlp.c_fc,
        "mlp.c_proj": block.mlp.c_proj,
    }
