"""The numbers that TransformerLens defines, by its definitions written down anew, on random weights.

It splits every matrix by head ([head, width, head width]), folds each normalisation's gain and bias into the matrices
that read it, and centres what is written to the stream. Where its definitions and ours coincide the numbers do:
patterns, what each head writes, attribution of logits, the lens with the final scale, scores of heads. Its lens keeps
the final scale by default; ours computes it anew, and is checked against both.
"""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from glassgpt.interpret import attribute, lens, pattern, score_heads, trace
from glassgpt.model import GPT2, GPT2Config, initialize
from tests.interpret.test_trace import close

EPS = 1e-5


@dataclass
class Cache:
    """As `run_with_cache` keeps them; heads are H T K."""

    pattern: list
    z: list
    mlp_out: list
    resid: list
    """resid_pre of every layer, and at last resid_post."""
    scale: np.ndarray
    """ln_final.hook_scale, T 1."""


def scaled(x):
    """LNPre: centred, over the root of the variance."""
    x = x - x.mean(-1, keepdims=True)
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + EPS)


def softmax(x):
    power = np.exp(x - x.max(-1, keepdims=True))
    return power / power.sum(-1, keepdims=True)


def gelu(x):
    return x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


class Hooked:
    """A HookedTransformer with fold_ln, from GPT-2's published weights."""

    def __init__(self, w, config):
        self.w, self.n_layers, self.n_heads = w, config["n_layer"], config["n_head"]
        D = w["wte.weight"].shape[1]
        self.K = D // self.n_heads
        self.blocks = []
        for n in range(self.n_layers):
            qkv, b = w[f"h.{n}.attn.c_attn.weight"], w[f"h.{n}.attn.c_attn.bias"]
            gain, shift = w[f"h.{n}.ln_1.weight"], w[f"h.{n}.ln_1.bias"]
            W = qkv.reshape(D, 3, self.n_heads, self.K).transpose(1, 2, 0, 3)  # 3 H D K
            bias = b.reshape(3, self.n_heads, self.K) + np.einsum("d,qhdk->qhk", shift, W)
            W_in, gain_2, shift_2 = w[f"h.{n}.mlp.c_fc.weight"], w[f"h.{n}.ln_2.weight"], w[f"h.{n}.ln_2.bias"]
            self.blocks.append(
                {
                    "W": gain[:, None] * W,
                    "b": bias,
                    "W_O": w[f"h.{n}.attn.c_proj.weight"].reshape(self.n_heads, self.K, D),
                    "b_O": w[f"h.{n}.attn.c_proj.bias"],
                    "W_in": gain_2[:, None] * W_in,
                    "b_in": w[f"h.{n}.mlp.c_fc.bias"] + shift_2 @ W_in,
                    "W_out": w[f"h.{n}.mlp.c_proj.weight"],
                    "b_out": w[f"h.{n}.mlp.c_proj.bias"],
                }
            )
        self.W_U = w["ln_f.weight"][:, None] * w["wte.weight"].T  # D V
        self.b_U = w["ln_f.bias"] @ w["wte.weight"].T

    def run_with_cache(self, tokens):
        x = self.w["wte.weight"][tokens] + self.w["wpe.weight"][: len(tokens)]
        cache = Cache([], [], [], [x], np.empty(0))
        mask = np.tril(np.ones((len(tokens), len(tokens)), dtype=bool))
        for block in self.blocks:
            q, k, v = np.einsum("td,qhdk->qhtk", scaled(x), block["W"]) + block["b"][:, :, None]
            scores = np.einsum("hqk,hsk->hqs", q, k) / np.sqrt(self.K)
            cache.pattern.append(softmax(np.where(mask, scores, -1e300)))
            cache.z.append(np.einsum("hqs,hsk->hqk", cache.pattern[-1], v))
            x = x + np.einsum("htk,hkd->td", cache.z[-1], block["W_O"]) + block["b_O"]
            cache.mlp_out.append(gelu(scaled(x) @ block["W_in"] + block["b_in"]) @ block["W_out"] + block["b_out"])
            x = x + cache.mlp_out[-1]
            cache.resid.append(x)
        cache.scale = np.sqrt(x.var(-1, keepdims=True) + EPS)
        return scaled(x) @ self.W_U + self.b_U, cache

    def apply_ln_to_stack(self, part, cache, position):
        return (part - part.mean(-1, keepdims=True)) / cache.scale[position]

    def head_result(self, cache, layer, position):
        """stack_head_results: what each head writes, H D."""
        return np.einsum("hk,hkd->hd", cache.z[layer][:, position], self.blocks[layer]["W_O"])


@pytest.fixture(scope="module")
def hooked(deep):
    model = Hooked(deep.weights, deep.config)
    return model, *model.run_with_cache(np.array(deep.ids))


@pytest.fixture(scope="module")
def seen(deep):
    return trace(deep.model, deep.ids)


def test_the_folded_model_says_the_same(hooked, seen):
    _, logits, _ = hooked
    for position in (0, 4, 8):
        close(seen.logits(position), logits[position])


def test_patterns_are_those_of_its_cache(hooked, seen):
    model, _, cache = hooked
    for layer in range(model.n_layers):
        for head in range(model.n_heads):
            close(pattern(seen, layer, head).values, cache.pattern[layer][head])


def test_attribution_is_its_logit_attrs_of_heads_and_of_decomposed_residuals(hooked, seen):
    model, _, cache = hooked
    position, word, rival = 7, 40, 12
    # with centred unembeddings, as it loads them, only differences of logits keep their meaning
    W_U = model.W_U - model.W_U.mean(-1, keepdims=True)
    direction = W_U[:, word] - W_U[:, rival]
    found = attribute(seen, word, position, against=rival)
    for layer in range(model.n_layers):
        heads = model.apply_ln_to_stack(model.head_result(cache, layer, position), cache, position) @ direction
        close(found.heads[layer], heads)
        mlp = model.apply_ln_to_stack(cache.mlp_out[layer][position], cache, position) @ direction
        close(found.mlps[layer], mlp)
    embed = model.apply_ln_to_stack(model.w["wte.weight"][seen.ids[position]], cache, position) @ direction
    close(found.token, embed)


def test_its_lens_keeps_the_final_scale_and_ours_computes_it_anew(hooked, seen):
    model, logits, cache = hooked
    position = 6
    found = lens(seen, position, top=5)
    for layer, resid in enumerate(cache.resid):
        own, kept = (
            softmax(x @ model.W_U + model.b_U)
            for x in (scaled(resid[position]), model.apply_ln_to_stack(resid[position], cache, position))
        )
        best = np.argsort(-own, kind="stable")[:5]
        assert found.ids[2 * layer].tolist() == best.tolist()
        close(found.probabilities[2 * layer], own[best])
        assert (np.abs(own - kept).max() > 1e-3) == (layer < model.n_layers)
    close(found.probabilities[-1], softmax(logits[position])[found.ids[-1]])


def detection_pattern(habit, tokens):
    """`head_detector`'s, as a table of who should look at whom."""
    again = np.tril(tokens[:, None] == tokens[None], -1)
    shifted = np.zeros_like(again)
    shifted[:, 1:] = again[:, :-1]
    return {"previous": np.eye(len(tokens), k=-1, dtype=bool), "duplicate": again, "induction": np.tril(shifted)}[habit]


@pytest.mark.parametrize("habit", ["previous", "duplicate", "induction"])
def test_scores_of_heads_are_those_of_its_detection_patterns(habit):
    config = GPT2Config(vocab_size=61, context_length=24, emb_dim=24, n_heads=3, n_layers=2, drop_rate=0.0)
    model = initialize(GPT2(config), seed=4).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(1 if weight.ndim == 1 else 8)
    found = score_heads(model, seed=3, texts=1, length=10)
    half = torch.randperm(61, generator=torch.Generator().manual_seed(3))[:10].tolist()
    tokens = np.array(half + half)
    wanted = detection_pattern(habit, tokens)
    if habit == "previous":
        wanted[1] = False  # the second token's previous one is the first, which is a habit of its own
    text = trace(model, tokens.tolist())
    for layer in range(2):
        for head in range(3):
            shares = pattern(text, layer, head).values
            # its score "mul" divides by all rows; ours by those in which there is something to find
            mul = (shares * wanted).sum() / shares.sum()
            close(getattr(found, habit)[layer, head] * wanted.any(-1).sum() / len(tokens), mul)
