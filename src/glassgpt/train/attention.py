"""Attention as a CPU trains it fastest: short rows in bfloat16, the whole table of scores at once.

PyTorch's kernel never holds the table, which saves memory at long rows; on a CPU it pays for that in the backward pass
(measured on one core, GPT-2 small, 4 rows of 256 tokens: forward and backward 49 ms a layer, here 21 ms). The table of
256 tokens is small, so this form keeps it, and spends its time in matrix products. Test: equal to the plain formula.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import BackwardCFunction

from glassgpt.model.attend import Mask, causal, fused

LONGEST = 512
"""Tokens in a row up to which the table pays."""


def tabled(
    q: Float[Tensor, "B H T K"],
    k: Float[Tensor, "B H S K"],
    v: Float[Tensor, "B H S K"],
    mask: Mask,
    scale: float,
    drop_rate: float = 0.0,
) -> Float[Tensor, "B H T K"]:
    """Like `fused`, and `fused` itself wherever the table would not pay; every token must see at least itself."""
    if q.dtype != torch.bfloat16 or k.shape[-2] > LONGEST or drop_rate:
        return fused(q, k, v, mask, scale, drop_rate)
    return Table.apply(q, k, v, mask, scale)


class Table(torch.autograd.Function):
    """softmax(Q Kᵀ · scale + mask) V, with the table kept for the way back."""

    @staticmethod
    def forward(  # pyrefly: ignore [bad-override]
        ctx: BackwardCFunction,
        q: Float[Tensor, "B H T K"],
        k: Float[Tensor, "B H S K"],
        v: Float[Tensor, "B H S K"],
        mask: Mask,
        scale: float,
    ) -> Float[Tensor, "B H T K"]:
        """Two products and a softmax."""
        visible = causal(q, k) if mask is None else mask
        hiding = q.new_zeros(visible.shape).masked_fill_(~visible, -torch.inf)
        hiding = hiding.expand(*q.shape[:2], -1, -1).flatten(0, 1) if mask is not None else hiding[0]
        q, k, v, shape = q.flatten(0, 1), k.flatten(0, 1), v.flatten(0, 1), q.shape
        with torch.autocast(q.device.type, enabled=False):
            table = torch.baddbmm(hiding, q, k.mT, alpha=scale).softmax(dim=-1)
            y = torch.bmm(table, v)
        ctx.save_for_backward(q, k, v, table, y)
        ctx.scale = scale  # pyrefly: ignore [missing-attribute]
        return y.view(shape)

    @staticmethod
    def backward(ctx: BackwardCFunction, *upstream: Tensor) -> tuple[Tensor | None, ...]:
        """Five products; the softmax's own sum, Σ p·dp, is y·dy, which is shorter."""
        q, k, v, table, y = ctx.saved_tensors  # pyrefly: ignore [bad-unpacking]
        scale: float = ctx.scale  # pyrefly: ignore [missing-attribute]
        heads, slope = upstream[0].shape[:2], upstream[0].flatten(0, 1)
        shared = (y * slope).sum(dim=-1, keepdim=True).neg_()
        scores = torch.baddbmm(shared, slope, v.mT).mul_(table)
        dv = torch.bmm(table.mT, slope)
        dq = torch.baddbmm(shared, scores, k, beta=0, alpha=scale)
        dk = torch.baddbmm(shared.new_zeros(()), scores.mT, q, beta=0, alpha=scale)
        return dq.unflatten(0, heads), dk.unflatten(0, heads), dv.unflatten(0, heads), None, None
