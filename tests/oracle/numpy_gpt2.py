"""GPT-2 a second time, in plain NumPy and double precision: weights and ids in, logits out.

Written from the paper and openai/gpt-2's src/model.py alone, to share nothing with `glassgpt.model`: weights carry the
published names and lie as published (in, out), the config is a checkpoint's config.json. Slow and short on purpose.

Shapes: B rows, T tokens, D width, H heads, K = D / H, W feed-forward width, V vocabulary.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Weights = Mapping[str, Array]


def logits(
    weights: Weights,
    config: Mapping[str, Any],
    ids: NDArray[np.int64],
    positions: NDArray[np.int64] | None = None,
    allowed: NDArray[np.bool_] | None = None,
) -> Array:
    """Score every word after each token; `positions` (B, T) and `allowed` (B, T, T) default to one text a row."""
    T = ids.shape[1]
    positions = np.arange(T)[None] if positions is None else positions  # B T
    allowed = np.tril(np.ones((1, T, T), dtype=bool)) if allowed is None else allowed  # B T T
    x = weights["wte.weight"][ids] + weights["wpe.weight"][positions]  # B T D
    for layer in range(config["n_layer"]):
        x = block(weights, f"h.{layer}.", config, layer, x, allowed)  # B T D
    x = normalize(weights, "ln_f", config, x)  # B T D
    head = weights["wte.weight"] if config["tie_word_embeddings"] else weights["lm_head.weight"]  # V D
    return x @ head.T  # B T V


def block(w: Weights, at: str, config: Mapping[str, Any], layer: int, x: Array, allowed: NDArray[np.bool_]) -> Array:
    x = x + attention(w, f"{at}attn.", config, layer, normalize(w, f"{at}ln_1", config, x), allowed)  # B T D
    wide = ACTIVATION[config["activation_function"]](linear(w, f"{at}mlp.c_fc", normalize(w, f"{at}ln_2", config, x)))
    return x + linear(w, f"{at}mlp.c_proj", wide)  # B T W -> B T D


def attention(
    w: Weights, at: str, config: Mapping[str, Any], layer: int, x: Array, allowed: NDArray[np.bool_]
) -> Array:
    B, T, D = x.shape
    H = config["n_head"]
    qkv = linear(w, f"{at}c_attn", x)  # B T 3D
    q, k, v = qkv.reshape(B, T, 3, H, D // H).transpose(2, 0, 3, 1, 4)  # each B H T K
    scores = q @ k.transpose(0, 1, 3, 2)  # B H T T
    if config["scale_attn_weights"]:
        scores = scores / math.sqrt(D // H)  # B H T T
    if config["scale_attn_by_inverse_layer_idx"]:
        scores = scores / (layer + 1)  # B H T T
    scores = np.where(allowed[:, None], scores, -np.finfo(np.float64).max)  # B H T T
    power = np.exp(scores - scores.max(-1, keepdims=True))  # B H T T
    mixed = power / power.sum(-1, keepdims=True) @ v  # B H T K
    return linear(w, f"{at}c_proj", mixed.transpose(0, 2, 1, 3).reshape(B, T, D))  # B T D


def linear(w: Weights, name: str, x: Array) -> Array:
    return x @ w[f"{name}.weight"] + w[f"{name}.bias"]  # (B T in) @ (in out) -> B T out


def normalize(w: Weights, name: str, config: Mapping[str, Any], x: Array) -> Array:
    centred = x - x.mean(-1, keepdims=True)  # B T D
    variance = (centred**2).mean(-1, keepdims=True)  # B T 1
    return centred / np.sqrt(variance + config["layer_norm_epsilon"]) * w[f"{name}.weight"] + w[f"{name}.bias"]


ACTIVATION: dict[str, Callable[[Array], Array]] = {  # B T W -> B T W
    "gelu_new": lambda x: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "gelu": lambda x: 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))),
    "relu": lambda x: np.maximum(x, 0.0),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "tanh": np.tanh,
}
