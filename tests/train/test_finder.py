"""The finder: it climbs, stops where the loss breaks, and suggests a rate that trains."""

import math
from dataclasses import replace

import pytest

from glassgpt.data import open_data
from glassgpt.errors import InvalidParameter, RunError
from glassgpt.train import Optimizer
from glassgpt.train.finder import find_lr, finding


@pytest.fixture
def data(prepared, recipe):
    return open_data(prepared, context=recipe.model.context_length, rows=recipe.rows, seed=0)


def test_a_climb_stops_where_the_loss_breaks_and_suggests_less(data, recipe):
    found = find_lr(recipe, data, low=1e-5, high=100.0, climb_steps=60, device="cpu")
    assert found.diverged
    assert len(found.rates) == len(found.losses) == len(found.smoothed) < 60
    assert found.rates == sorted(found.rates)
    assert found.steepest <= found.lowest < found.rates[-1]
    assert found.suggestion == pytest.approx(found.lowest / 4, rel=0.06)
    assert 1e-4 < found.suggestion < 1
    assert f"{found.lowest:.2g}" in found.reason


def test_a_climb_that_ends_too_early_says_so(data, recipe):
    found = find_lr(recipe, data, low=1e-4, high=3e-3, climb_steps=40, device="cpu")
    assert not found.diverged
    assert "had not broken" in found.reason


def test_muons_rate_keeps_its_ratio(data, recipe):
    muon = replace(recipe, optimizer=Optimizer(method="muon", lr=1e-3, muon_lr=0.01))
    found = find_lr(muon, data, low=1e-5, high=100.0, climb_steps=40, device="cpu")
    assert found.muon_suggestion == pytest.approx(10 * found.suggestion, rel=0.06)


def test_the_fastest_fall_and_the_lowest_point_are_those_of_the_curve(recipe):
    rates = [10.0**k for k in range(-6, 1)]
    found = finding(recipe, rates, [0.0] * 7, [5.0, 4.9, 4.0, 3.5, 3.4, 3.6, 5.0], diverged=True)
    assert (found.steepest, found.lowest) == (rates[1], rates[4])


@pytest.mark.parametrize("curve", [[], [3.0, 4.0, 5.0], [5.0, 4.9, 6.0]])
def test_a_loss_that_never_falls_gives_no_rate(recipe, curve):
    with pytest.raises(RunError, match="nothing to find"):
        finding(recipe, [10.0**-k for k in range(len(curve))], curve, curve, diverged=True)


@pytest.mark.parametrize("wrong", [{"low": 0.0}, {"low": 2.0, "high": 1.0}, {"climb_steps": 3}])
def test_climbs_that_cannot_be_are_refused(data, recipe, wrong):
    with pytest.raises(InvalidParameter):
        find_lr(recipe, data, **wrong)


def test_a_climb_leaves_the_data_and_the_seed_alone(data, recipe):
    first, second = (find_lr(recipe, data, low=1e-4, high=1e-2, climb_steps=12, device="cpu") for _ in range(2))
    assert first.losses == second.losses
    assert all(math.isfinite(loss) for loss in first.losses)
