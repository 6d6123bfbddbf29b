"""Training steps as other projects publish them, written anew from their descriptions, for `train_step.py`.

nanoGPT: a plain GPT-2 in PyTorch, fused attention, all logits at once over a vocabulary padded to 50,304, AdamW,
autocast, gradients clipped at 1 and set to None. A loop over transformers' GPT-2: the same around `model(ids, labels)`.
Both get the fused AdamW, which on a CPU is faster than what nanoGPT asks for there. Nothing tells the C library to keep
its memory: neither project does.
"""

from collections.abc import Callable
from contextlib import nullcontext

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from glassgpt.model import GPT2Config

Forward = Callable[[Tensor, Tensor], Tensor]
"""Ids and next tokens in, mean loss out."""
BETAS = (0.9, 0.95)


class PlainBlock(nn.Module):
    """Normalise, attend, add; normalise, compute, add."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before_attention, self.before_mlp = nn.LayerNorm(width), nn.LayerNorm(width)
        self.queries_keys_values, self.join = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.widen, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """The residual stream, one block further up."""
        rows, length, width = x.shape
        parts = self.queries_keys_values(self.before_attention(x)).split(width, dim=2)
        q, k, v = (part.view(rows, length, self.heads, width // self.heads).transpose(1, 2) for part in parts)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.join(y.transpose(1, 2).contiguous().view(rows, length, width))
        return x + self.narrow(F.gelu(self.widen(self.before_mlp(x)), approximate="tanh"))


class PlainGPT(nn.Module):
    """The model of a nanoGPT-like trainer; returns the loss."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        vocabulary = -(-config.vocab_size // 64) * 64
        self.tokens, self.places = (nn.Embedding(n, config.emb_dim) for n in (vocabulary, config.context_length))
        self.blocks = nn.ModuleList(PlainBlock(config.emb_dim, config.n_heads) for _ in range(config.n_layers))
        self.last = nn.LayerNorm(config.emb_dim)
        self.head = nn.Linear(config.emb_dim, vocabulary, bias=False)
        self.head.weight = self.tokens.weight
        for weight in self.parameters():
            if weight.dim() == 2:
                nn.init.normal_(weight, std=0.02)

    def forward(self, ids: Tensor, targets: Tensor) -> Tensor:
        """The mean loss."""
        x = self.tokens(ids) + self.places(torch.arange(ids.shape[1], device=ids.device))
        for block in self.blocks:
            x = block(x)
        logits = self.head(self.last(x))
        return F.cross_entropy(logits.view(-1, logits.shape[-1]), targets.view(-1), ignore_index=-1)


def nanogpt(config: GPT2Config, *, half: bool, fuse: bool = False) -> Callable[[Tensor, Tensor], float]:
    """A step of a nanoGPT-like trainer."""
    model = PlainGPT(config)
    forward: Forward = torch.compile(model) if fuse else model
    return loop(model, forward, half)


def transformers(config: GPT2Config, *, half: bool) -> Callable[[Tensor, Tensor], float]:
    """A step of a loop over transformers' model."""
    from transformers import GPT2Config as TheirConfig
    from transformers import GPT2LMHeadModel

    model = GPT2LMHeadModel(
        TheirConfig(
            vocab_size=config.vocab_size,
            n_positions=config.context_length,
            n_embd=config.emb_dim,
            n_head=config.n_heads,
            n_layer=config.n_layers,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            bos_token_id=0,
            eos_token_id=0,
        )
    ).train()
    return loop(model, lambda ids, targets: model(ids, labels=ids, use_cache=False).loss, half)


def loop(model: nn.Module, forward: Forward, half: bool) -> Callable[[Tensor, Tensor], float]:
    """What both do around the forward pass."""
    matrices = [weight for weight in model.parameters() if weight.dim() >= 2]
    vectors = [weight for weight in model.parameters() if weight.dim() < 2]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=6e-4, betas=BETAS, fused=True)

    def step(ids: Tensor, targets: Tensor) -> float:
        with torch.autocast(ids.device.type, dtype=torch.bfloat16) if half else nullcontext():
            loss = forward(ids, targets)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.item()

    return step
