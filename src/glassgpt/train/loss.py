"""Hidden states in, loss out: cross-entropy, plain and in chunks.

The logits are the largest tensor of a training step: those of 1,024 tokens of GPT-2 are 206 MB in float32, and the
plain form holds them three times. The chunked form makes them for a few hundred tokens at once, and since the gradient
of cross-entropy needs nothing but the logits, it makes the gradients on the spot and forgets the logits.

PyTorch 2.13 has such a function too, `linear_cross_entropy` with options. It is not used: it returns the loss in the
type of its input, so in bfloat16 only three digits of it, and on a CPU it takes ten times as long.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd.function import BackwardCFunction
from torch.nn import functional as F

from glassgpt.data.batch import IGNORED


def cross_entropy_sum(
    hidden: Float[Tensor, "N D"], head: Float[Tensor, "V D"], targets: Int[Tensor, " N"], rows: int = 0
) -> Float[Tensor, ""]:
    """Nats, summed over the tokens whose target counts; at most `rows` tokens have logits at once, 0 means all."""
    if rows == 0:
        return F.cross_entropy(F.linear(hidden, head).float(), targets, ignore_index=IGNORED, reduction="sum")
    counts = targets != IGNORED
    if not counts.all():  # what does not count costs nothing
        hidden, targets = hidden[counts], targets[counts]
    device = hidden.device.type
    if torch.is_autocast_enabled(device):
        hidden = hidden.to(torch.get_autocast_dtype(device))
    return Chunked.apply(hidden, head, targets, rows)


class Chunked(torch.autograd.Function):
    """The sum over tokens that all count, with both gradients made on the way; it can be differentiated once."""

    @staticmethod
    def forward(  # pyrefly: ignore [bad-override]
        ctx: BackwardCFunction,
        hidden: Float[Tensor, "N D"],
        head: Float[Tensor, "V D"],
        targets: Int[Tensor, " N"],
        rows: int,
    ) -> Float[Tensor, ""]:
        """Sum the chunks, and keep the two gradients in place of the logits.

        What is added up over chunks is added in float32 at least, whatever the matrices are multiplied in.
        """
        weight = head.to(hidden.dtype)
        exact = torch.promote_types(head.dtype, torch.float32)
        total = torch.zeros((), dtype=exact, device=head.device)
        hidden_grad = torch.empty_like(hidden)
        head_grad: Tensor | None = None
        for start in range(0, len(hidden), rows):
            chunk = slice(start, start + rows)
            losses, slope = losses_and_slope(hidden[chunk] @ weight.mT, targets[chunk])
            total += losses.sum(dtype=exact)
            torch.mm(slope, weight, out=hidden_grad[chunk])
            part = slope.mT @ hidden[chunk]
            head_grad = part.to(exact) if head_grad is None else head_grad.add_(part)
        ctx.save_for_backward(hidden_grad, torch.zeros_like(head) if head_grad is None else head_grad)
        return total

    @staticmethod
    def backward(ctx: BackwardCFunction, *upstream: Tensor) -> tuple[Tensor | None, ...]:
        """The kept gradients, scaled in place; autograd refuses to do it twice."""
        hidden_grad, head_grad = ctx.saved_tensors  # pyrefly: ignore [bad-unpacking]
        return hidden_grad.mul_(upstream[0]), head_grad.mul_(upstream[0]), None, None


def losses_and_slope(
    logits: Float[Tensor, "N V"], targets: Int[Tensor, " N"]
) -> tuple[Float[Tensor, " N"], Float[Tensor, "N V"]]:
    """Each token's nats, and their gradient for the logits: the probabilities less one at the target.

    The gradient takes the place of the logits. The normaliser is read off the likeliest word, whose probability is
    never too small to have a logarithm.
    """
    column = targets[:, None]
    largest, wanted = logits.amax(dim=-1, keepdim=True).float(), logits.gather(1, column).float()
    likelihood = torch.softmax(logits, dim=-1, out=logits)
    losses = largest - likelihood.amax(dim=-1, keepdim=True).float().log() - wanted
    return losses[:, 0], likelihood.scatter_add_(1, column, likelihood.new_full((1, 1), -1.0).expand_as(column))
