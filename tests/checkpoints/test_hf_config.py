"""Every key of a config.json is honoured, refused by name, or named in a warning."""

import json
import logging

import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgpt.checkpoints import config_to_hf, read_config
from glassgpt.checkpoints.hf_config import ACTIVATIONS, REFUSED, config_from_hf
from glassgpt.errors import CheckpointError
from glassgpt.model import SIZES, GPT2Config
from glassgpt.model.gpt2 import ACTIVATION

CONFIGS = st.builds(
    GPT2Config,
    vocab_size=st.integers(1, 10**6),
    context_length=st.integers(1, 10**5),
    emb_dim=st.sampled_from([12, 48, 768]),
    n_heads=st.sampled_from([1, 2, 3, 6, 12]),
    n_layers=st.integers(1, 100),
    drop_rate=st.floats(0, 0.99),
    qkv_bias=st.booleans(),
    tie_embeddings=st.booleans(),
    mlp_dim=st.none() | st.integers(1, 10**5),
    activation=st.sampled_from(["gelu_new", "gelu", "relu", "silu", "tanh"]),
    layer_norm_eps=st.floats(1e-12, 0.1),
    scale_attn_weights=st.booleans(),
    scale_attn_by_inverse_layer_idx=st.booleans(),
    reorder_and_upcast_attn=st.booleans(),
)


@pytest.fixture
def published():
    """What the config.json of the smallest published model says."""
    return {
        "activation_function": "gelu_new",
        "architectures": ["GPT2LMHeadModel"],
        "attn_pdrop": 0.1,
        "bos_token_id": 50256,
        "embd_pdrop": 0.1,
        "eos_token_id": 50256,
        "initializer_range": 0.02,
        "layer_norm_epsilon": 1e-05,
        "model_type": "gpt2",
        "n_ctx": 1024,
        "n_embd": 768,
        "n_head": 12,
        "n_layer": 12,
        "n_positions": 1024,
        "resid_pdrop": 0.1,
        "summary_activation": None,
        "summary_first_dropout": 0.1,
        "summary_proj_to_labels": True,
        "summary_type": "cls_index",
        "summary_use_proj": True,
        "task_specific_params": {"text-generation": {"do_sample": True, "max_length": 50}},
        "vocab_size": 50257,
    }


@settings(max_examples=100)
@given(config=CONFIGS)
def test_a_config_survives_the_journey_through_json(config):
    assert config_from_hf(json.loads(json.dumps(config_to_hf(config)))) == config


@settings(max_examples=25)
@given(config=CONFIGS)
def test_transformers_understands_the_same(config):
    hf = transformers.GPT2Config.from_dict(config_to_hf(config))
    assert (hf.n_positions, hf.n_ctx, hf.n_embd) == (config.context_length, config.context_length, config.emb_dim)
    assert (hf.n_inner, hf.activation_function) == (config.mlp_dim, config.activation)
    assert config_from_hf(json.loads(hf.to_json_string(use_diff=False))) == config


def test_the_published_config_is_gpt2_small_and_warns_about_nothing(published, caplog):
    assert config_from_hf(published) == SIZES["small"]
    assert caplog.records == []


def test_all_that_transformers_writes_is_known(caplog):
    assert config_from_hf(json.loads(transformers.GPT2Config().to_json_string(use_diff=False))) == SIZES["small"]
    assert caplog.records == []


def test_absent_keys_mean_the_same_as_in_transformers():
    assert config_from_hf({"model_type": "gpt2"}) == SIZES["small"]


def test_keys_of_other_models_for_the_same_sizes_are_understood():
    raw = {"model_type": "gpt2", "hidden_size": 24, "num_attention_heads": 3, "num_hidden_layers": 2}
    config = config_from_hf({**raw, "max_position_embeddings": 7})
    assert (config.emb_dim, config.n_heads, config.n_layers, config.context_length) == (24, 3, 2, 7)


def test_an_old_config_with_n_ctx_only_is_understood(published):
    del published["n_positions"], published["model_type"]
    assert config_from_hf({**published, "n_ctx": 512}).context_length == 512


def test_the_flags_of_cerebras_and_stanford_are_honoured(published):
    cerebras = config_from_hf({**published, "activation_function": "gelu", "n_inner": 3072, "n_positions": 2048})
    assert (cerebras.activation, cerebras.mlp_dim, cerebras.context_length) == ("gelu", 3072, 2048)
    stanford = config_from_hf({**published, "scale_attn_by_inverse_layer_idx": True, "reorder_and_upcast_attn": True})
    assert stanford.scale_attn_by_inverse_layer_idx
    assert stanford.reorder_and_upcast_attn


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_we_map_is_the_function_transformers_calls_so(published, name):
    if name not in transformers.activations.ACT2FN:
        pytest.skip(f"this version of transformers no longer has {name}")
    x = torch.linspace(-6, 6, 1001, dtype=torch.float64)
    ours = ACTIVATION[config_from_hf({**published, "activation_function": name}).activation]
    assert torch.allclose(ours(x), transformers.activations.ACT2FN[name](x), rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", ["quick_gelu", "gelu_10", "mish", "", None, 3, ["gelu"]])
def test_an_unknown_activation_is_refused(published, name):
    with pytest.raises(CheckpointError, match="activation_function"):
        config_from_hf({**published, "activation_function": name})


@pytest.mark.parametrize("key", REFUSED)
def test_what_makes_it_another_model_is_refused_by_name(published, key):
    with pytest.raises(CheckpointError, match=key):
        config_from_hf({**published, key: {"0": [1]}})
    for harmless in REFUSED[key]:
        assert config_from_hf({**published, key: harmless}) == SIZES["small"]


@pytest.mark.parametrize("kind", ["gpt_bigcode", "llama", "gpt_neo", None, 3, ["gpt2"]])
def test_another_model_type_is_refused(published, kind):
    del published["n_embd"]
    with pytest.raises(CheckpointError, match="model_type"):
        config_from_hf({**published, "model_type": kind})


def test_unknown_keys_are_named_in_one_warning(published, caplog):
    assert config_from_hf({**published, "frobnicate": 1, "twiddle": 2}) == SIZES["small"]
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "frobnicate, twiddle" in caplog.text


def test_the_misspelt_scaling_key_is_ignored_as_in_transformers(published, caplog):
    config = config_from_hf({**published, "scale_attn_by_layer_idx": True})
    assert not config.scale_attn_by_inverse_layer_idx
    assert "misspelling" in caplog.text


def test_different_dropout_rates_are_named(published, caplog):
    assert config_from_hf({**published, "attn_pdrop": 0.3}).drop_rate == 0.1
    assert "0.3" in caplog.text


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("n_layer", 10**12),
        ("n_layer", 0),
        ("n_layer", "12"),
        ("n_layer", True),
        ("n_layer", 12.0),
        ("n_layer", None),
        ("n_embd", 2**40),
        ("n_embd", 7),
        ("n_head", -1),
        ("n_inner", "3072"),
        ("n_inner", 2**40),
        ("vocab_size", []),
        ("resid_pdrop", 1.0),
        ("resid_pdrop", "0.1"),
        ("resid_pdrop", -1e308),
        ("layer_norm_epsilon", 0),
        ("layer_norm_epsilon", None),
        ("scale_attn_weights", 1),
        ("tie_word_embeddings", "yes"),
    ],
)
def test_a_value_no_model_can_have_is_refused(published, key, value):
    with pytest.raises(CheckpointError, match=r"config\.json"):
        config_from_hf({**published, key: value})


def test_a_folder_without_config_says_so(tmp_path):
    with pytest.raises(CheckpointError, match=r"config\.json"):
        read_config(tmp_path)
