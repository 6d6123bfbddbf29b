"""Pairs of models with the same random weights: ours and transformers', in six odd shapes.

Nothing here uses the checkpoint layer: weights are copied name by name, with the one transposition there is (published
matrices lie (in, out), PyTorch's `Linear` keeps (out, in)).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import repeat
from typing import Any

import numpy as np
import torch
import transformers
from torch import Tensor

from glassgpt.model import GPT2, NOTHING, GPT2Config, Past
from glassgpt.model.attend import LayerPast, explicit, upcast
from glassgpt.model.gpt2 import Attention

TRANSPOSED = ("c_attn.weight", "c_proj.weight", "c_fc.weight")


@dataclass(frozen=True)
class Case:
    """A shape, and the batch it reads."""

    config: GPT2Config
    rows: int
    lengths: tuple[int, ...]


def shape(**changes: Any) -> GPT2Config:
    return GPT2Config(drop_rate=0.0, **changes)


CASES = {
    "every length": Case(
        shape(vocab_size=101, context_length=17, emb_dim=48, n_heads=3, n_layers=1), 1, tuple(range(1, 18))
    ),
    "deep": Case(shape(vocab_size=257, context_length=33, emb_dim=96, n_heads=4, n_layers=6), 2, (1, 2, 20, 33)),
    "wide, no query-key-value bias": Case(
        shape(vocab_size=509, context_length=40, emb_dim=256, n_heads=8, n_layers=2, qkv_bias=False), 3, (7, 40)
    ),
    "one head, odd feed-forward width, exact GELU": Case(
        shape(vocab_size=97, context_length=24, emb_dim=80, n_heads=1, n_layers=3, mlp_dim=123, activation="gelu"),
        4,
        (1, 24),
    ),
    "scores scaled by layer and upcast": Case(
        shape(
            vocab_size=211,
            context_length=29,
            emb_dim=120,
            n_heads=5,
            n_layers=4,
            scale_attn_by_inverse_layer_idx=True,
            reorder_and_upcast_attn=True,
        ),
        2,
        (3, 29),
    ),
    "untied head, ReLU, unscaled scores, other ε": Case(
        shape(
            vocab_size=1009,
            context_length=21,
            emb_dim=192,
            n_heads=12,
            n_layers=2,
            tie_embeddings=False,
            activation="relu",
            scale_attn_weights=False,
            layer_norm_eps=1e-6,
        ),
        5,
        (2, 21),
    ),
}


def hf_config(config: GPT2Config, attention: str = "sdpa") -> transformers.GPT2Config:
    """The same shape in transformers' words."""
    return transformers.GPT2Config(
        vocab_size=config.vocab_size,
        n_positions=config.context_length,
        n_embd=config.emb_dim,
        n_layer=config.n_layers,
        n_head=config.n_heads,
        n_inner=config.mlp_dim,
        activation_function=config.activation,
        resid_pdrop=config.drop_rate,
        embd_pdrop=config.drop_rate,
        attn_pdrop=config.drop_rate,
        layer_norm_epsilon=config.layer_norm_eps,
        scale_attn_weights=config.scale_attn_weights,
        scale_attn_by_inverse_layer_idx=config.scale_attn_by_inverse_layer_idx,
        reorder_and_upcast_attn=config.reorder_and_upcast_attn,
        tie_word_embeddings=config.tie_embeddings,
        bos_token_id=None,
        eos_token_id=None,
        use_cache=False,
        attn_implementation=attention,  # pyrefly: ignore  (one of the keywords every config takes)
    )


def random_weights(config: GPT2Config, seed: int = 0) -> dict[str, np.ndarray]:
    """Weights in the published layout, none of them trivial: no zero bias, no normalisation that does nothing.

    Spread as GPT-2's own at the start of training, where 0.02 is 0.55 / √768.
    """
    draw = np.random.default_rng(seed)
    weights = {}
    with torch.device("meta"):
        names = {name: tuple(p.shape) for name, p in GPT2(replace(config, qkv_bias=True)).state_dict().items()}
    for name, (*outside, inside) in names.items():
        noise = draw.standard_normal((*outside, inside))
        if name.endswith("c_attn.bias") and not config.qkv_bias:
            weights[name] = 0 * noise
        elif not outside:
            weights[name] = 0.1 * noise + ("ln_" in name and name.endswith("weight"))
        else:
            noise *= 0.02 * (768 / inside) ** 0.5
            weights[name] = noise.T if name.endswith(TRANSPOSED) else noise
    return weights


def ours(config: GPT2Config, weights: dict[str, np.ndarray], dtype: torch.dtype, attention: str = "sdpa") -> GPT2:
    """Our model with published weights; `attention` chooses the implementation that mirrors transformers' one."""
    model = GPT2(config).to(dtype)
    wanted = model.state_dict()
    tensors = {name: torch.tensor(w.T if name.endswith(TRANSPOSED) else w, dtype=dtype) for name, w in weights.items()}
    model.load_state_dict({name: tensors[name] for name in wanted})
    if attention == "eager":
        for module in attentions(model):
            module.attend = upcast if config.reorder_and_upcast_attn else explicit
    return model.eval()


def attentions(model: GPT2) -> list[Attention]:
    """The attention of each block, in order."""
    return [module for module in model.modules() if isinstance(module, Attention)]


def theirs(
    config: GPT2Config, weights: dict[str, np.ndarray], dtype: torch.dtype, attention: str = "sdpa"
) -> transformers.GPT2LMHeadModel:
    """transformers' model with the same weights."""
    model = transformers.GPT2LMHeadModel(hf_config(config, attention)).to(dtype)  # pyrefly: ignore
    state = {
        name if name == "lm_head.weight" else f"transformer.{name}": torch.tensor(w, dtype=dtype)
        for name, w in weights.items()
    }
    state.setdefault("lm_head.weight", state["transformer.wte.weight"])
    model.load_state_dict(state)
    for name, parameter in model.named_parameters():
        if name.endswith("c_attn.bias"):  # transformers has no models without it: there it stays zero
            parameter.requires_grad_(config.qkv_bias)
    return model.eval()


def pairs(mine: GPT2, other: transformers.GPT2LMHeadModel) -> Iterator[tuple[str, Tensor, Tensor]]:
    """Each of our parameters beside theirs, both as (out, in), gradients too."""
    found = {name.removeprefix("transformer."): parameter for name, parameter in other.named_parameters()}
    for name, parameter in mine.named_parameters():
        theirs = found[name]
        if name.endswith(TRANSPOSED):
            gradient, theirs = theirs.grad, theirs.detach().T
            theirs.grad = None if gradient is None else gradient.T
        yield name, parameter, theirs


def random_ids(config: GPT2Config, rows: int, length: int, seed: int = 1) -> Tensor:
    """A batch of any tokens."""
    return torch.from_numpy(np.random.default_rng(seed).integers(config.vocab_size, size=(rows, length)))


class Placed:
    """A past that remembers nothing, but says where each token stands and what it may look at."""

    def __init__(self, positions: Tensor, mask: Tensor) -> None:
        self._positions, self._mask = positions, mask

    def positions(self, ids: Tensor) -> Tensor:
        return self._positions

    def mask(self, ids: Tensor) -> Tensor:
        return self._mask

    def layers(self, count: int) -> Iterator[LayerPast]:
        return repeat(NOTHING, count)


def padded(real: Tensor) -> Past:
    """Rows padded on any side: `real` (B, T) is True for text."""
    causal = torch.ones(real.shape[1], real.shape[1], dtype=torch.bool).tril()
    return Placed((real.long().cumsum(-1) - 1).clamp_min(0), (causal & real[:, None, :])[:, None])


def documents(owner: Tensor) -> Past:
    """Several texts in one row: `owner` (B, T) numbers them; each counts its positions from zero and stands alone."""
    causal = torch.ones(owner.shape[1], owner.shape[1], dtype=torch.bool).tril()
    same = (owner[:, :, None] == owner[:, None, :]) & causal
    return Placed(same.sum(-1) - 1, same[:, None])
