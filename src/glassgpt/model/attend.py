"""Attention, one formula in two implementations, and the protocol of what is remembered.

    softmax(Q Kᵀ · scale + mask) V

`fused` is PyTorch's kernel, for speed. `explicit` spells the formula out, and `pattern` shows its inner table.
A test says that they agree. Shapes: B rows, H heads, T new tokens, S tokens visible (S ≥ T), K head width.
A mask is boolean, True where a token may look; None stands for plain causality: each token sees itself and all before
it, the T new tokens being the last of the S. A token that may look nowhere (padding) fetches zeros, never NaN: NaN
would spread from one padded token to the whole text, because 0 x NaN is NaN.
"""

from collections.abc import Iterable, Iterator
from itertools import repeat
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

Mask = Bool[Tensor, "#B #H T S"] | None


@runtime_checkable
class Attend(Protocol):
    """One implementation of the formula."""

    def __call__(
        self,
        q: Float[Tensor, "B H T K"],
        k: Float[Tensor, "B H S K"],
        v: Float[Tensor, "B H S K"],
        mask: Mask,
        scale: float,
        drop_rate: float = 0.0,
    ) -> Float[Tensor, "B H T K"]:
        """Mix the values by how well queries match keys."""
        ...


@runtime_checkable
class LayerPast(Protocol):
    """What one layer remembers."""

    def extend(
        self, k: Float[Tensor, "B H T K"], v: Float[Tensor, "B H T K"]
    ) -> tuple[Float[Tensor, "B H S K"], Float[Tensor, "B H S K"]]:
        """Remember the new keys and values; return all that may be looked at."""
        ...


@runtime_checkable
class Past(Protocol):
    """What a model remembers of the tokens before: passed in by the caller, owned by the engine."""

    def positions(self, ids: Int[Tensor, "B T"]) -> Int[Tensor, "#B T"]:
        """Where the new tokens stand in their texts."""
        ...

    def mask(self, ids: Int[Tensor, "B T"]) -> Mask:
        """Which remembered and new tokens each new token may look at."""
        ...

    def layers(self, count: int) -> Iterable[LayerPast]:
        """One memory for each layer."""
        ...


class Nothing:
    """The past of a text that starts here: positions 0, 1, 2 …, nothing remembered, nothing kept."""

    def positions(self, ids: Int[Tensor, "B T"]) -> Int[Tensor, "1 T"]:
        """Count from zero."""
        return torch.arange(ids.shape[1], device=ids.device)[None]

    def mask(self, ids: Int[Tensor, "B T"]) -> None:
        """Plain causality."""

    def layers(self, count: int) -> Iterator["Nothing"]:
        """The same nothing for each layer."""
        return repeat(self, count)

    def extend(
        self, k: Float[Tensor, "B H T K"], v: Float[Tensor, "B H T K"]
    ) -> tuple[Float[Tensor, "B H T K"], Float[Tensor, "B H T K"]]:
        """The new tokens are all there is."""
        return k, v


NOTHING = Nothing()


def fused(
    q: Float[Tensor, "B H T K"],
    k: Float[Tensor, "B H S K"],
    v: Float[Tensor, "B H S K"],
    mask: Mask,
    scale: float,
    drop_rate: float = 0.0,
) -> Float[Tensor, "B H T K"]:
    """PyTorch's kernel: never holds the whole table of scores."""
    new, visible = q.shape[-2], k.shape[-2]
    if mask is None and 1 < new < visible:  # PyTorch's own causal mask aligns the first tokens, not the last
        mask = causal(q, k)
    is_causal = mask is None and new == visible
    return F.scaled_dot_product_attention(
        q, k, v, attn_mask=mask, dropout_p=drop_rate, is_causal=is_causal, scale=scale
    )


def causal(q: Float[Tensor, "B H T K"], k: Float[Tensor, "B H S K"]) -> Bool[Tensor, "1 1 T S"]:
    """The mask that None stands for."""
    new, visible = q.shape[-2], k.shape[-2]
    return torch.ones(new, visible, dtype=torch.bool, device=q.device).tril(visible - new)[None, None]


def pattern(
    q: Float[Tensor, "B H T K"], k: Float[Tensor, "B H S K"], mask: Mask, scale: float
) -> Float[Tensor, "B H T S"]:
    """How much each token looks at each other one; a row sums to 1, or to 0 if it may look nowhere."""
    hidden = ~(causal(q, k) if mask is None else mask)
    scores = (q @ k.mT) * scale  # B H T S
    return scores.masked_fill(hidden, -torch.inf).softmax(dim=-1).masked_fill(hidden, 0.0)


def explicit(
    q: Float[Tensor, "B H T K"],
    k: Float[Tensor, "B H S K"],
    v: Float[Tensor, "B H S K"],
    mask: Mask,
    scale: float,
    drop_rate: float = 0.0,
) -> Float[Tensor, "B H T K"]:
    """The formula in the open."""
    return F.dropout(pattern(q, k, mask, scale), drop_rate) @ v


def upcast(
    q: Float[Tensor, "B H T K"],
    k: Float[Tensor, "B H S K"],
    v: Float[Tensor, "B H S K"],
    mask: Mask,
    scale: float,
    drop_rate: float = 0.0,
) -> Float[Tensor, "B H T K"]:
    """`explicit` with scores and softmax in float32 whatever the input: `reorder_and_upcast_attn`."""
    wide = torch.promote_types(q.dtype, torch.float32)
    with torch.autocast(q.device.type, enabled=False):
        table = pattern(q.to(wide), k.to(wide), mask, scale)
    return F.dropout(table.to(v.dtype), drop_rate) @ v
