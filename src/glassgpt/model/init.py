"""How GPT-2's weights start: a fresh model in, the same model with OpenAI's initial values out."""

import math

import torch
from torch import nn

from glassgpt.model.gpt2 import GPT2

WEIGHT_STD = 0.02
"""Embeddings and matrices (openai/gpt-2, src/model.py: `wte` and `conv1d`, `w_init_stdev`)."""
POSITION_STD = 0.01
"""Position embedding (the same file, `wpe`)."""


def residual_std(n_layers: int) -> float:
    """The two projections of each block that write into the residual stream start smaller, by 1/√(2L).

    Radford et al. 2019, section 2.3: scaled by 1/√N, where N counts the residual layers, two a block.
    """
    return WEIGHT_STD / math.sqrt(2 * n_layers)


@torch.no_grad()
def initialize(model: GPT2, seed: int) -> GPT2:
    """Set every weight in place; the same seed gives the same weights, bit for bit on one kind of CPU.

    CPUs with other vector instructions compute the normal distribution differently in the last bit.
    """
    generator = torch.Generator(device=model.wte.weight.device).manual_seed(seed)
    for name, module in model.named_modules():
        if isinstance(module, nn.LayerNorm):
            module.weight.fill_(1.0)
            module.bias.zero_()
        elif isinstance(module, nn.Linear | nn.Embedding):
            module.weight.normal_(0.0, _std(name, model.config.n_layers), generator=generator)
        if isinstance(module, nn.Linear) and module.bias is not None:
            module.bias.zero_()
    return model


def _std(name: str, n_layers: int) -> float:
    if name == "wpe":
        return POSITION_STD
    return residual_std(n_layers) if name.endswith("c_proj") else WEIGHT_STD
