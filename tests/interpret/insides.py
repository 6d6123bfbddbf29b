"""Everything that happens inside GPT-2, in plain NumPy and double precision, kept under its name.

Built on `tests.oracle.numpy_gpt2`, which shares nothing with the package. One text, T tokens; H heads of width K.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.oracle.numpy_gpt2 import ACTIVATION, Array, Weights, linear, normalize


@dataclass
class Insides:
    """Lists have an entry for each layer."""

    stream: list[Array] = field(default_factory=list)
    """2 L + 1 stops, T D."""
    q: list[Array] = field(default_factory=list)
    k: list[Array] = field(default_factory=list)
    v: list[Array] = field(default_factory=list)
    raw: list[Array] = field(default_factory=list)
    scaled: list[Array] = field(default_factory=list)
    masked: list[Array] = field(default_factory=list)
    pattern: list[Array] = field(default_factory=list)
    heads: list[Array] = field(default_factory=list)
    """H T K."""
    attention: list[Array] = field(default_factory=list)
    neurons: list[Array] = field(default_factory=list)
    mlp: list[Array] = field(default_factory=list)
    logits: Array = field(default_factory=lambda: np.empty(0))


def insides(w: Weights, config: dict[str, Any], ids: np.ndarray) -> Insides:
    found, H = Insides(), config["n_head"]
    x = w["wte.weight"][ids] + w["wpe.weight"][: len(ids)]  # T D
    allowed = np.tril(np.ones((len(ids), len(ids)), dtype=bool))
    for layer in range(config["n_layer"]):
        found.stream.append(x)
        qkv = linear(w, f"h.{layer}.attn.c_attn", normalize(w, f"h.{layer}.ln_1", config, x))
        q, k, v = (part.reshape(len(ids), H, -1).transpose(1, 0, 2) for part in np.split(qkv, 3, axis=-1))  # H T K
        raw = q @ k.transpose(0, 2, 1)
        scale = (q.shape[-1] ** -0.5 if config["scale_attn_weights"] else 1.0) / (
            layer + 1 if config["scale_attn_by_inverse_layer_idx"] else 1
        )
        masked = np.where(allowed, raw * scale, -np.inf)
        power = np.exp(masked - masked.max(-1, keepdims=True))
        pattern = power / power.sum(-1, keepdims=True)
        heads = pattern @ v
        attention = linear(w, f"h.{layer}.attn.c_proj", np.concatenate(list(heads), axis=-1))
        x = x + attention
        found.stream.append(x)
        wide = linear(w, f"h.{layer}.mlp.c_fc", normalize(w, f"h.{layer}.ln_2", config, x))
        neurons = ACTIVATION[config["activation_function"]](wide)
        mlp = linear(w, f"h.{layer}.mlp.c_proj", neurons)
        x = x + mlp
        named = {"q": q, "k": k, "v": v, "raw": raw, "scaled": raw * scale, "masked": masked, "pattern": pattern}
        for name, value in (named | {"heads": heads, "attention": attention, "neurons": neurons, "mlp": mlp}).items():
            getattr(found, name).append(value)
    found.stream.append(x)
    found.logits = normalize(w, "ln_f", config, x) @ head_of(w, config).T
    return found


def head_of(w: Weights, config: dict[str, Any]) -> Array:
    return w["wte.weight"] if config["tie_word_embeddings"] else w["lm_head.weight"]
