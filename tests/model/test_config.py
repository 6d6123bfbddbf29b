"""A config is a shape that can be built, or an error that says why not."""

from dataclasses import FrozenInstanceError, fields, replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from glassgpt.errors import InvalidParameter
from glassgpt.model import GPT2, SIZES, GPT2Config
from glassgpt.model.config import ACTIVATIONS

COUNTS = ["vocab_size", "context_length", "emb_dim", "n_heads", "n_layers", "mlp_dim"]


@pytest.mark.parametrize("name", COUNTS)
@given(value=st.integers(max_value=0) | st.booleans())
def test_counts_are_whole_numbers_from_one(name, value):
    with pytest.raises(InvalidParameter, match=rf"{name}=.* must be a whole number ≥ 1"):
        GPT2Config(**{name: value})


@given(st.integers(1, 64), st.integers(1, 64))
def test_heads_share_the_width_evenly_or_are_refused(width, heads):
    if width % heads:
        with pytest.raises(InvalidParameter, match=f"must divide emb_dim={width}"):
            GPT2Config(emb_dim=width, n_heads=heads)
    else:
        assert GPT2Config(emb_dim=width, n_heads=heads).head_dim * heads == width


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("drop_rate", 1.0, "must be in"),
        ("drop_rate", -0.1, "must be in"),
        ("drop_rate", float("nan"), "must be in"),
        ("layer_norm_eps", 0.0, "must be in"),
        ("layer_norm_eps", float("nan"), "must be in"),
        ("activation", "gelu_typo", "must be one of gelu_new, gelu"),
    ],
)
def test_a_setting_out_of_range_is_refused_with_the_rule(name, value, rule):
    with pytest.raises(InvalidParameter, match=rf"{name}={value!r} is not allowed: {rule}"):
        GPT2Config(**{name: value})


def test_an_unknown_setting_is_refused_by_name():
    with pytest.raises(TypeError, match="n_hedas"):
        GPT2Config(n_hedas=12)  # pyrefly: ignore


def test_a_config_cannot_change():
    with pytest.raises(FrozenInstanceError):
        GPT2Config().n_layers = 3  # pyrefly: ignore


def test_equal_configs_are_one_key():
    assert len({GPT2Config(), GPT2Config(n_layers=12), GPT2Config(n_layers=13)}) == 2


def test_the_default_is_gpt2_small():
    assert GPT2Config() == SIZES["small"]


def test_feed_forward_width_defaults_to_four_times_the_model_width():
    assert GPT2Config(emb_dim=48, n_heads=3).mlp_width == 192
    assert GPT2Config(emb_dim=48, n_heads=3, mlp_dim=50).mlp_width == 50


def test_every_setting_is_documented():
    from inspect import getsource

    source = getsource(GPT2Config)
    for field in fields(GPT2Config):
        line = source.index(f"\n    {field.name}: ")
        assert source[line:].split("\n")[2].lstrip().startswith('"""'), field.name


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_named_can_be_built_and_run(config, activation):
    model = GPT2(replace(config, activation=activation)).eval()
    assert model(torch.zeros(1, 2, dtype=torch.long)).isfinite().all()
