"""The parts of the forward pass whose bits would depend on the neighbours, in a form that does not.

PyTorch picks a kernel by shape: one row goes through another one than eight rows do, a long text is summed in other
pieces than a short one. The results differ in the last bits, and a draw may fall differently. Here every row meets the
same arithmetic, whoever is beside it:

- matrices are packed once for oneDNN, whose kernel sums a row in the same order for any number of rows but one
  (without oneDNN: rows and widths are padded);
- attention is spelled out, with query rows padded to `ROWS`, keys to whole blocks, and values summed `TILE` by `TILE`.

This was measured on x86 CPUs (AVX-512), and a test checks it wherever it runs; it is also faster than the plain form.

A GPU's libraries choose kernels by shape too, so there every matrix product has one shape, `GPU_ROWS` rows; more rows
are more products. Attention is PyTorch's memory-efficient kernel, which gives each tile of queries to one group of
threads and goes through the keys in one order: what is hidden at the end adds exactly nothing. That follows from how
they are made; tests marked `gpu` check it where there is a GPU.
"""

import copy

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from glassgpt.engine.past import LANE
from glassgpt.model import GPT2
from glassgpt.model.attend import Mask, upcast
from glassgpt.model.gpt2 import ACTIVATION, MLP, Attention

ROWS = 4
GPU_ROWS = 64
TILE = 128
FUSED = {
    "gelu_new": ("gelu", "tanh"),
    "gelu": ("gelu", "none"),
    "relu": ("relu", ""),
    "silu": ("swish", ""),
    "tanh": ("tanh", ""),
}
"""Activations that oneDNN applies while a result is still in registers."""


class PackedLinear(nn.Module):
    """x Wᵀ + b, then an activation if one is given, on weights that oneDNN has laid out for itself."""

    def __init__(self, weight: Float[Tensor, "N K"], bias: Tensor | None, activation: str | None = None) -> None:
        super().__init__()
        self.packed = torch.ops.mkldnn._reorder_linear_weight(weight.detach(), 8)
        self.bias = None if bias is None else bias.detach()
        self.post = ("none", "") if activation is None else FUSED[activation]

    def forward(self, x: Float[Tensor, "*rows K"]) -> Float[Tensor, "*rows N"]:
        """One row alone would take another kernel, so it gets company."""
        rows = x.reshape(-1, x.shape[-1])
        alone = rows.shape[0] == 1
        y = torch.ops.mkldnn._linear_pointwise(
            rows.expand(2, -1).contiguous() if alone else rows, self.packed, self.bias, self.post[0], [], self.post[1]
        )
        return (y[:1] if alone else y).unflatten(0, x.shape[:-1])


class PaddedLinear(nn.Module):
    """The same on PyTorch's own kernels, where oneDNN has none for this type or device.

    Rows are padded to a multiple of 8. So are odd widths, because the last few numbers of a tensor that does not fill
    vector registers take another path than the others; then, and only then, the matrix is a copy.
    """

    def __init__(self, weight: Float[Tensor, "N K"], bias: Tensor | None, activation: str | None = None) -> None:
        super().__init__()
        self.outside, self.inside = weight.shape
        self.more = 0 if activation is None else -self.outside % LANE
        self.weight = F.pad(weight.detach(), (0, -self.inside % LANE, 0, self.more))
        self.bias = None if bias is None else F.pad(bias.detach(), (0, self.more))
        self.act = _unchanged if activation is None else ACTIVATION[activation]

    def forward(self, x: Float[Tensor, "*rows K"]) -> Float[Tensor, "*rows N"]:
        """Zeros fill the last rows and columns."""
        rows = x.reshape(-1, self.inside)
        padded = F.pad(rows, (0, -self.inside % LANE, 0, -rows.shape[0] % 8))
        y = self.act(F.linear(padded, self.weight, self.bias))
        return y[: rows.shape[0], : self.outside].unflatten(0, x.shape[:-1])


class FixedLinear(nn.Module):
    """The same in products of one shape, for libraries that choose a kernel by shape: zeros fill the last of them."""

    def __init__(self, weight: Float[Tensor, "N K"], bias: Tensor | None, activation: str | None = None) -> None:
        super().__init__()
        self.weight, self.bias = weight.detach(), None if bias is None else bias.detach()
        self.act = _unchanged if activation is None else ACTIVATION[activation]

    def forward(self, x: Float[Tensor, "*rows K"]) -> Float[Tensor, "*rows N"]:
        """Row by row the same, in any company."""
        rows = x.reshape(-1, x.shape[-1])
        padded = F.pad(rows, (0, 0, 0, -rows.shape[0] % GPU_ROWS))
        parts = [F.linear(part, self.weight, self.bias) for part in padded.split(GPU_ROWS)]
        y = parts[0] if len(parts) == 1 else torch.cat(parts)
        return self.act(y[: rows.shape[0]]).unflatten(0, x.shape[:-1])


Kind = type[PackedLinear] | type[PaddedLinear] | type[FixedLinear]


def can_pack(weight: Tensor) -> bool:
    """Whether oneDNN has packed kernels for this type on this device."""
    if weight.device.type != "cpu" or not torch.backends.mkldnn.is_available():
        return False
    return weight.dtype == torch.float32 or (
        weight.dtype == torch.bfloat16 and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    )


class Attend:
    """softmax(Q Kᵀ · scale + mask) V for one layer; `wide` computes scores in float32 whatever the input."""

    def __init__(self, wide: bool) -> None:
        self.wide = wide

    def __call__(
        self,
        q: Float[Tensor, "B H T K"],
        k: Float[Tensor, "B H S W"],
        v: Float[Tensor, "B H S W"],
        mask: Mask,
        scale: float,
        drop_rate: float = 0.0,
    ) -> Float[Tensor, "B H T K"]:
        """The mask is never None here, and every token may look at itself."""
        assert mask is not None
        batch, _, new, width = q.shape
        q = F.pad(q, (0, k.shape[-1] - width, 0, -new % ROWS)) * scale
        if self.wide:
            q, k = q.float(), k.float()
        scores = q @ k.mT  # B H T' S
        scores = scores.masked_fill_(~mask, -torch.inf) if new == 1 else _hide(scores, mask)
        table = scores.softmax(dim=-1, dtype=torch.promote_types(scores.dtype, torch.float32)).to(v.dtype)
        mixed = _mix(table.flatten(0, 1), v.flatten(0, 1))
        return mixed.unflatten(0, (batch, -1))[:, :, :new, :width]


def efficient(
    q: Float[Tensor, "B H T K"],
    k: Float[Tensor, "B H S W"],
    v: Float[Tensor, "B H S W"],
    mask: Mask,
    scale: float,
    drop_rate: float = 0.0,
) -> Float[Tensor, "B H T K"]:
    """PyTorch's memory-efficient kernel, which takes any mask and divides no sum; elsewhere, the plain formula."""
    width = q.shape[-1]
    q = F.pad(q, (0, k.shape[-1] - width))
    with sdpa_kernel([SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH], set_priority=True):
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=scale)[..., :width]


def _hide(scores: Float[Tensor, "B H P S"], mask: Bool[Tensor, "#B #H T S"]) -> Float[Tensor, "B H P S"]:
    scores[:, :, : mask.shape[2]].masked_fill_(~mask, -torch.inf)
    return scores


def _mix(table: Float[Tensor, "N T S"], v: Float[Tensor, "N S W"]) -> Float[Tensor, "N T W"]:
    """The product of both, summed tile by tile: the library would cut a long sum where its length suggests."""
    tile = TILE if v.dtype in (torch.float32, torch.float64) else v.shape[1]
    mixed = table[..., :tile] @ v[:, :tile]
    for start in range(tile, v.shape[1], tile):
        mixed.baddbmm_(table[..., start : start + tile], v[:, start : start + tile])
    return mixed


def prepare(model: GPT2, pack: bool) -> tuple[GPT2, nn.Module]:
    """The same model with stable parts, and its head. Tensors are shared, except packed matrices: those are copies."""
    shared = {id(parameter): parameter for parameter in model.parameters()}
    stable = copy.deepcopy(model, shared).eval()
    on_gpu = model.wte.weight.device.type == "cuda"
    kind: Kind = PackedLinear if pack and can_pack(model.wte.weight) else FixedLinear if on_gpu else PaddedLinear
    for module in stable.modules():
        if isinstance(module, Attention):
            wide = module.attend is upcast
            module.attend = efficient if on_gpu and not wide else Attend(wide)
            _replace(module, kind, {"c_attn": None, "c_proj": None})
        elif isinstance(module, MLP):
            _replace(module, kind, {"c_fc": model.config.activation, "c_proj": None})
            module.act = _unchanged
    head = model.wte.weight if model.config.tie_embeddings else model.lm_head.weight
    return stable, kind(head, None)


def _replace(module: nn.Module, kind: Kind, activations: dict[str, str | None]) -> None:
    """Put stable matrices in the place of the named ones, each with the activation that follows it, if any."""
    for name, activation in activations.items():
        old = module.get_submodule(name)
        assert isinstance(old, nn.Linear)
        module.register_module(name, kind(old.weight, old.bias, activation))


def _unchanged(x: Tensor) -> Tensor:
    """In the place of an activation that the matrix before it has applied."""
    return x
