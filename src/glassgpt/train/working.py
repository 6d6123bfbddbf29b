"""How the model computes while it trains: in the recipe's precision, with blocks recomputed or compiled where asked.

`bfloat16_weights` sets a second model beside the first: copies in bfloat16, which compute. The first keeps the weights
in float32, which the optimizer updates, and which alone are evaluated and saved. Autocast casts every weight anew for
each micro-batch; the copies are made once a step, and a gradient goes over to float32 as soon as it is complete.
"""

import copy
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from glassgpt.data import Batch
from glassgpt.model import GPT2, NOTHING, Past
from glassgpt.model.attend import fused
from glassgpt.model.gpt2 import Attention
from glassgpt.model.isolated import Isolated
from glassgpt.train.attention import tabled
from glassgpt.train.compiling import compiled
from glassgpt.train.loss import cross_entropy_sum
from glassgpt.train.recipe import Recipe


class Worker:
    """A model at work for a recipe: batches in, losses out, gradients left in the weights of the model."""

    def __init__(self, model: GPT2, recipe: Recipe) -> None:
        """The model stays what is evaluated and saved; the worker may compute with another."""
        self.model, self.recipe = model, recipe
        self.copy = bfloat16_copy(model) if recipe.precision == "bfloat16_weights" else model
        if model.wte.weight.device.type == "cpu":
            keep_tables(self.copy)
        if recipe.recompute:
            recompute_blocks(self.copy)
        self.hidden: Callable[[Tensor, Past], Tensor] = (
            compiled(self.copy.hidden) if recipe.compile else self.copy.hidden
        )

    def begin(self) -> None:
        """Take up the present weights, whoever changed them."""
        if self.copy is not self.model:
            with torch.no_grad():
                torch._foreach_copy_(list(self.copy.parameters()), list(self.model.parameters()))

    def loss_sum(self, batch: Batch) -> Float[Tensor, ""]:
        """Cross-entropy in nats, summed over the tokens that count."""
        past = NOTHING if batch.documents is None else Isolated(batch.documents)
        with arithmetic(self.recipe.precision, batch.ids.device):
            hidden = self.hidden(batch.ids, past)
            return cross_entropy_sum(
                hidden.flatten(0, 1), self.copy.head, batch.targets.flatten(), self.recipe.loss_rows
            )


def bfloat16_copy(model: GPT2) -> GPT2:
    """A working copy whose gradients go to the model it was copied from.

    On a CPU the normalisations keep float32: there PyTorch adds up their gradients in the type of the weights, and in
    bfloat16 a thousand tokens leave them 5% off.
    """
    worker = copy.deepcopy(model).to(torch.bfloat16)
    if model.wte.weight.device.type == "cpu":
        for module in worker.modules():
            if isinstance(module, nn.LayerNorm):
                module.float()
    for weight, working in zip(model.parameters(), worker.parameters(), strict=True):
        working.register_post_accumulate_grad_hook(partial(hand_over, weight))
    return worker


def hand_over(weight: nn.Parameter, working: Tensor) -> None:
    """Add a gradient in bfloat16 to the one in float32, and forget it."""
    assert working.grad is not None, "called when a gradient is complete"
    if weight.grad is None:
        weight.grad = working.grad.to(weight.dtype)
    else:
        weight.grad += working.grad
    working.grad = None


def arithmetic(precision: str, device: torch.device) -> AbstractContextManager[object]:
    """Where matrices are multiplied in bfloat16 although the weights are in float32, or nothing."""
    if precision != "bfloat16":
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)


def keep_tables(model: GPT2) -> None:
    """Attend by `tabled` wherever the model would by `fused`."""
    for module in model.modules():
        if isinstance(module, Attention) and module.attend is fused:
            module.attend = tabled


def recompute_blocks(model: GPT2) -> None:
    """Make each block forget its activations and compute them again on the way back."""
    for block in model.h:
        block.forward = partial(checkpoint, block.forward, use_reentrant=False)
