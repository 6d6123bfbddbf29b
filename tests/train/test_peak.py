"""The measure of speed: what a machine can do, and what a token costs."""

import pytest
import torch

from glassgpt.model import SIZES, parameter_count
from glassgpt.train.peak import measure_peak, training_flops, utilisation


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "bfloat16_weights"])
def test_the_peak_is_measured_once_and_leaves_the_random_numbers_alone(precision: str):
    torch.random.manual_seed(3)
    before = torch.random.get_rng_state()
    peak = measure_peak("cpu", precision)
    assert 1e8 < peak < 1e16
    assert measure_peak("cpu", precision) == peak
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_token_costs_six_operations_a_parameter_and_a_little_for_attention():
    small = SIZES["small"]
    matrices = parameter_count(small) - small.context_length * small.emb_dim
    assert 1.0 < training_flops(small) / (6 * matrices) < 1.15


def test_the_speed_that_fills_the_machine_is_all_of_it():
    small = SIZES["small"]
    assert utilisation(small, 1e12 / training_flops(small), 1e12) == pytest.approx(1.0)
