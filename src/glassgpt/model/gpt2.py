"""GPT-2: token ids in, logits out (Radford et al. 2019, section 2.3; openai/gpt-2, src/model.py).

A pure function of weights, ids and past. Module names are those of the published weights, so a weight's name is the
path to the code that uses it. The order of each block is GPT-2's: normalise, then attend or compute, then add.

Shapes: B rows, T new tokens, D width (`emb_dim`), H heads, K = D / H, V vocabulary.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from glassgpt.model.attend import NOTHING, Attend, LayerPast, Mask, Past, fused, upcast
from glassgpt.model.config import GPT2Config

ACTIVATION: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu_new": lambda x: F.gelu(x, approximate="tanh"),
    "gelu": F.gelu,
    "relu": F.relu,
    "silu": F.silu,
    "tanh": torch.tanh,
}


class GPT2(nn.Module):
    """The whole model: embeddings, a stack of blocks, a last normalisation, the head."""

    def __init__(self, config: GPT2Config) -> None:
        """Build the modules; weights are PyTorch's defaults until `initialize` or a checkpoint sets them."""
        super().__init__()
        self.config = config
        self.wte = nn.Embedding(config.vocab_size, config.emb_dim)
        self.wpe = nn.Embedding(config.context_length, config.emb_dim)
        self.drop = nn.Dropout(config.drop_rate)
        self.h = nn.ModuleList(Block(config, layer) for layer in range(config.n_layers))
        self.ln_f = nn.LayerNorm(config.emb_dim, eps=config.layer_norm_eps)
        if not config.tie_embeddings:
            self.lm_head = nn.Linear(config.emb_dim, config.vocab_size, bias=False)

    def forward(self, ids: Int[Tensor, "B T"], past: Past = NOTHING) -> Float[Tensor, "B T V"]:
        """Logits for the token after each position."""
        return self.logits(self.hidden(ids, past))

    def hidden(self, ids: Int[Tensor, "B T"], past: Past = NOTHING) -> Float[Tensor, "B T D"]:
        """What the model makes of each token, just before the head."""
        x = self.drop(self.wte(ids) + self.wpe(past.positions(ids)))
        mask = past.mask(ids)
        for block, memory in zip(self.h, past.layers(len(self.h)), strict=True):
            x = block(x, memory, mask)
        return self.ln_f(x)

    def logits(self, hidden: Float[Tensor, "*rows D"]) -> Float[Tensor, "*rows V"]:
        """Score every word of the vocabulary."""
        return F.linear(hidden, self.head)

    @property
    def head(self) -> Float[Tensor, "V D"]:
        """A vector for each word of the vocabulary: the token embedding unless untied."""
        return self.wte.weight if self.config.tie_embeddings else self.lm_head.weight


class Block(nn.Module):
    """Attention, then a feed-forward network, each added to the residual stream."""

    def __init__(self, config: GPT2Config, layer: int) -> None:
        """`layer` counts from 0."""
        super().__init__()
        self.ln_1 = nn.LayerNorm(config.emb_dim, eps=config.layer_norm_eps)
        self.attn = Attention(config, layer)
        self.ln_2 = nn.LayerNorm(config.emb_dim, eps=config.layer_norm_eps)
        self.mlp = MLP(config)

    def forward(
        self, x: Float[Tensor, "B T D"], memory: LayerPast = NOTHING, mask: Mask = None
    ) -> Float[Tensor, "B T D"]:
        """The residual stream, one layer further up."""
        x = x + self.attn(self.ln_1(x), memory, mask)
        return x + self.mlp(self.ln_2(x))


class Attention(nn.Module):
    """Masked self-attention with several heads; `attend` holds one implementation of the formula."""

    def __init__(self, config: GPT2Config, layer: int) -> None:
        """`layer` counts from 0; it only matters with `scale_attn_by_inverse_layer_idx`."""
        super().__init__()
        self.n_heads, self.drop_rate = config.n_heads, config.drop_rate
        self.c_attn = nn.Linear(config.emb_dim, 3 * config.emb_dim, bias=config.qkv_bias)
        self.c_proj = nn.Linear(config.emb_dim, config.emb_dim)
        self.drop = nn.Dropout(config.drop_rate)
        self.attend: Attend = upcast if config.reorder_and_upcast_attn else fused
        self.scale = config.head_dim**-0.5 if config.scale_attn_weights else 1.0
        if config.scale_attn_by_inverse_layer_idx:
            self.scale /= layer + 1

    def forward(
        self, x: Float[Tensor, "B T D"], memory: LayerPast = NOTHING, mask: Mask = None
    ) -> Float[Tensor, "B T D"]:
        """Ask (q), match (k), fetch (v), and join what the heads fetched."""
        q, k, v = (split_heads(part, self.n_heads) for part in self.c_attn(x).chunk(3, dim=-1))
        k, v = memory.extend(k, v)
        y = self.attend(q, k, v, mask, self.scale, self.drop_rate if self.training else 0.0)
        return self.drop(self.c_proj(join_heads(y)))


class MLP(nn.Module):
    """The feed-forward network: widen, bend, narrow."""

    def __init__(self, config: GPT2Config) -> None:
        """Widths come from the config."""
        super().__init__()
        self.c_fc = nn.Linear(config.emb_dim, config.mlp_width)
        self.act = ACTIVATION[config.activation]
        self.c_proj = nn.Linear(config.mlp_width, config.emb_dim)
        self.drop = nn.Dropout(config.drop_rate)

    def forward(self, x: Float[Tensor, "B T D"]) -> Float[Tensor, "B T D"]:
        """Each token on its own."""
        return self.drop(self.c_proj(self.act(self.c_fc(x))))


def split_heads(x: Float[Tensor, "B T D"], heads: int) -> Float[Tensor, "B H T K"]:
    """One table per head; the inverse is `join_heads`."""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)  # B T H K -> B H T K


def join_heads(x: Float[Tensor, "B H T K"]) -> Float[Tensor, "B T D"]:
    """The heads side by side again."""
    return x.transpose(1, 2).flatten(-2)  # B T H K -> B T D
