"""How a fresh model starts."""

from dataclasses import replace

import pytest
import torch

from glassgpt.model import GPT2, initialize
from tests.oracle.behaviour import WIDER, expected_first_loss, first_loss, standard_errors


def test_normalisations_start_as_one_and_zero_and_biases_as_zero(config):
    for name, weight in initialize(GPT2(config), seed=0).state_dict().items():
        if weight.dim() == 1:
            is_gain = "ln_" in name and name.endswith("weight")
            assert torch.equal(weight, torch.full_like(weight, float(is_gain))), name


def test_an_untied_head_starts_like_an_embedding():
    model = initialize(GPT2(replace(WIDER, tie_embeddings=False)), seed=1)
    assert max(standard_errors(model.lm_head.weight.double(), 0.02)) < 3


@pytest.mark.parametrize("layers", [1, 2, 8])
def test_deeper_models_write_more_softly_into_the_residual_stream(layers):
    model = initialize(GPT2(replace(WIDER, n_layers=layers)), seed=0)
    weights = model.state_dict()
    for name in ("h.0.attn.c_proj.weight", "h.0.mlp.c_proj.weight"):
        assert max(standard_errors(weights[name].double(), 0.02 / (2 * layers) ** 0.5)) < 3.5


def test_a_seed_decides_every_weight(config):
    first, again, other = (initialize(GPT2(config), seed=seed).state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["wte.weight"], other["wte.weight"])


def test_initialising_leaves_the_global_random_numbers_alone(model):
    state = torch.get_rng_state()
    initialize(model, seed=5)
    assert torch.equal(torch.get_rng_state(), state)


def test_the_first_loss_is_that_of_guessing_with_the_spread_of_the_logits():
    assert abs(first_loss(WIDER) - expected_first_loss(WIDER)) < 0.1
