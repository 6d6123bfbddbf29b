"""muP: learning rates tuned on a narrow model serve a wide one (Yang, Hu et al. 2022, "Tensor Programs V", table 8).

In the usual parametrisation the best learning rate falls as a model widens, because each step moves its activations
further. Three rules keep that movement the same at every width; m is the width divided by `mup_base`, the width the
rates were tuned at:

    matrices inside the blocks   start at 1/√m of the usual deviation, AdamW's rate divided by m
    the head                     its input multiplied by 1/m
    embeddings, biases, gains    as ever

The head is the token embedding, so it must start and step as an embedding; that is why its *input* is multiplied. The
factor needs no place in the forward pass: it is part of the last normalisation, whose gain starts at 1/m and steps at
1/m of the rate. What is saved is therefore a plain GPT-2. At m = 1 nothing changes.

Attention: muP divides scores by the width of a head, not by its root. Both are constants while a wider model has more
heads of one width, as GPT-2's own sizes do (64), so widen with `n_heads` and there is nothing to do.

Muon's steps are of one spectral length at any width, which is the same condition (Yang, Simon and Bernstein 2023, "A
spectral condition for feature learning"): its rate stays.
"""

import torch

from glassgpt.model import GPT2, GPT2Config
from glassgpt.train.settings import Optimizer

LAST_NORM = ("ln_f.weight", "ln_f.bias")


def starts(config: GPT2Config, settings: Optimizer) -> dict[str, float]:
    """By how much each weight's first values are multiplied; weights that are not named keep theirs."""
    m = _times_wider(config, settings)
    return {} if m == 1 else {**dict.fromkeys(_matrices(config), m**-0.5), **dict.fromkeys(LAST_NORM, 1 / m)}


def rates(config: GPT2Config, settings: Optimizer) -> dict[str, float]:
    """By how much each weight's learning rate is multiplied; weights that are not named keep theirs."""
    m = _times_wider(config, settings)
    if m == 1:
        return {}
    inside = {} if settings.method == "muon" else dict.fromkeys(_matrices(config), 1 / m)
    return {**inside, **dict.fromkeys(LAST_NORM, 1 / m)}


@torch.no_grad()
def rescale(model: GPT2, settings: Optimizer) -> GPT2:
    """Bring freshly initialised weights to where muP starts them, in place."""
    for name, factor in starts(model.config, settings).items():
        model.get_parameter(name).mul_(factor)
    return model


def _times_wider(config: GPT2Config, settings: Optimizer) -> float:
    return config.emb_dim / settings.mup_base if settings.mup_base else 1.0


def _matrices(config: GPT2Config) -> list[str]:
    each = ("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj")
    return [f"h.{layer}.{name}.weight" for layer in range(config.n_layers) for name in each]
