"""Parameter names are a contract: they are those of the published weights."""

from dataclasses import replace

import pytest
import torch

BLOCK = [
    f"{module}.{kind}"
    for module in ("ln_1", "attn.c_attn", "attn.c_proj", "ln_2", "mlp.c_fc", "mlp.c_proj")
    for kind in ("weight", "bias")
]


def published(layers: int) -> list[str]:
    blocks = [f"h.{layer}.{name}" for layer in range(layers) for name in BLOCK]
    return ["wte.weight", "wpe.weight", *blocks, "ln_f.weight", "ln_f.bias"]


def test_weights_have_the_published_names_in_the_published_order(model, config):
    assert list(model.state_dict()) == published(config.n_layers)


def test_every_weight_is_a_trained_parameter(model, config):
    assert [name for name, _ in model.named_parameters()] == published(config.n_layers)
    assert list(model.buffers()) == []


@pytest.mark.parametrize(
    ("change", "more", "fewer"),
    [
        ({"tie_embeddings": False}, {"lm_head.weight"}, set()),
        ({"qkv_bias": False}, set(), {"h.0.attn.c_attn.bias", "h.1.attn.c_attn.bias"}),
    ],
)
def test_variants_only_add_or_drop_their_own_weights(config, change, more, fewer):
    from glassgpt.model import GPT2

    names = set(GPT2(replace(config, **change)).state_dict())
    assert names == (set(published(config.n_layers)) | more) - fewer


@pytest.mark.parametrize("size", ["small", "medium", "large", "xl"])
def test_published_sizes_have_the_published_names(size):
    from glassgpt.model import GPT2, SIZES

    with torch.device("meta"):
        model = GPT2(SIZES[size])
    assert list(model.state_dict()) == published(SIZES[size].n_layers)
