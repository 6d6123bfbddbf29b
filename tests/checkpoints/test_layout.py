"""The tables are complete, and turning a tensor is undone by turning it back."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from glassgpt.checkpoints.layout import HUGGING_FACE, OPENAI, Form
from glassgpt.model import GPT2Config, tally


@pytest.mark.parametrize("layout", [HUGGING_FACE, OPENAI], ids=lambda layout: layout.title)
def test_every_parameter_has_its_own_place(layout):
    names = [tensor.name for tensor in tally(GPT2Config())]
    places = [layout.theirs(name) for name in names]
    assert None not in places
    assert len({place[0] for place in places}) == len(names) == 148


def test_a_table_names_layers_by_their_number():
    assert OPENAI.theirs("h.11.mlp.c_fc.weight") == ("model/h11/mlp/c_fc/w", Form.FLIPPED_IN_ONE)
    assert HUGGING_FACE.theirs("h.0.ln_1.bias") == ("h.0.ln_1.bias", Form.SAME)
    assert OPENAI.theirs("lm_head.weight") is None


@pytest.mark.parametrize("form", Form)
def test_turning_there_and_back_changes_nothing(form):
    ours = torch.arange(6.0).reshape(2, 3)
    theirs = form.to_theirs(ours)
    assert theirs.shape == form.shape((2, 3))
    assert torch.equal(form.to_ours(theirs), ours)
    assert theirs.data_ptr() == ours.data_ptr()


def test_wrappers_come_off_in_any_order():
    for prefix in ("", "transformer.", "_orig_mod.", "module.", "_orig_mod.module.transformer.", "module._orig_mod."):
        assert HUGGING_FACE.bare(f"{prefix}h.0.attn.c_attn.bias") == "h.0.attn.c_attn.bias"


@given(st.integers(0, 99), st.sampled_from(["", "masked_"]))
def test_old_mask_buffers_are_no_weights_but_biases_are(layer, masked):
    assert not HUGGING_FACE.is_weight(f"h.{layer}.attn.{masked}bias")
    assert HUGGING_FACE.is_weight(f"h.{layer}.attn.c_attn.bias")
    assert HUGGING_FACE.is_weight(f"h.{layer}.attn.c_proj.bias")


def test_the_state_of_training_is_no_weight_in_openais_files():
    for name in ("global_step", "beta1_power", "model/wte/Adam", "model/h0/ln_1/g/Adam_1"):
        assert not OPENAI.is_weight(name)
    assert all(OPENAI.is_weight(theirs.format(7)) for _, theirs, _ in OPENAI.rows)
