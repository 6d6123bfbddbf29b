"""Costs by arithmetic equal the model that is really built."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from glassgpt.model import GPT2, SIZES, GPT2Config, parameter_count, tally
from glassgpt.model.attend import explicit
from glassgpt.model.cost import forward_flops, past_bytes, storage_bytes
from tests.oracle.twins import attentions


def built(config: GPT2Config) -> GPT2:
    with torch.device("meta"):
        return GPT2(config)


@st.composite
def configs(draw):
    heads = draw(st.integers(1, 4))
    return GPT2Config(
        vocab_size=draw(st.integers(1, 50)),
        context_length=draw(st.integers(1, 50)),
        emb_dim=heads * draw(st.integers(1, 9)),
        n_heads=heads,
        n_layers=draw(st.integers(1, 3)),
        qkv_bias=draw(st.booleans()),
        tie_embeddings=draw(st.booleans()),
        mlp_dim=draw(st.none() | st.integers(1, 40)),
    )


@given(configs())
@settings(max_examples=40)
def test_the_tally_names_every_tensor_of_the_model_with_its_shape_in_order(config):
    expected = [(name, tuple(tensor.shape)) for name, tensor in built(config).state_dict().items()]
    assert [(tensor.name, tensor.shape) for tensor in tally(config)] == expected


@given(configs())
@settings(max_examples=20)
def test_counts_and_storage_follow_from_the_tally(config):
    count = sum(parameter.numel() for parameter in built(config).parameters())
    assert parameter_count(config) == count
    assert storage_bytes(config) == 4 * count
    assert storage_bytes(config, bytes_per_parameter=2) == 2 * count


@pytest.mark.parametrize("size", SIZES)
def test_arithmetic_for_one_token_is_what_pytorch_counts(size):
    config = replace(SIZES[size], drop_rate=0.0)
    model = built(config)
    for attention in attentions(model):
        attention.attend = explicit
    with FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, 1, dtype=torch.long, device="meta"))
    assert forward_flops(config, context=1) == counter.get_total_flops()


def test_each_token_of_context_adds_two_products_a_layer():
    config = SIZES["small"]
    one_more = forward_flops(config, context=101) - forward_flops(config, context=100)
    assert one_more == config.n_layers * 2 * (2 * config.emb_dim)


def test_the_past_of_a_full_text_in_gpt2_small_takes_75_megabytes():
    assert past_bytes(SIZES["small"], tokens=1024) == 2 * 12 * 768 * 1024 * 4 == 75_497_472
