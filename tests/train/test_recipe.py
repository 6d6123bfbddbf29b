"""Recipes survive JSON and refuse what cannot be; schedules stay in their bounds."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgpt.model import GPT2Config
from glassgpt.train.recipe import Optimizer, Recipe, Schedule, from_json, to_json
from glassgpt.train.schedule import rate

SHAPE = GPT2Config(vocab_size=50, context_length=16, emb_dim=16, n_heads=2, n_layers=2, drop_rate=0.0)


@given(
    shape=st.sampled_from(["cosine", "trapezoid"]),
    steps=st.integers(2, 500),
    warmup=st.integers(0, 100),
    final=st.floats(0, 1),
    cooldown=st.floats(0.01, 1),
)
def test_the_rate_stays_between_nothing_and_the_peak_and_falls_after_the_warm_up(
    shape: str, steps: int, warmup: int, final: float, cooldown: float
):
    schedule = Schedule(shape=shape, warmup_steps=warmup, final=final, cooldown=cooldown)
    rates = [rate(schedule, step, steps) for step in range(steps)]
    after = rates[warmup:]
    assert all(0 < value <= 1 for value in rates[:warmup])
    assert all(final - 1e-9 <= value <= 1 + 1e-9 for value in after)
    assert all(a >= b - 1e-9 for a, b in pairwise(after))


@given(lr=st.floats(1e-6, 1), method=st.sampled_from(["adamw", "muon"]), rows=st.integers(1, 64))
@settings(max_examples=20)
def test_a_recipe_survives_json(lr: float, method: str, rows: int):
    recipe = Recipe(model=SHAPE, steps=5, rows=rows, micro_rows=rows, optimizer=Optimizer(lr=lr, method=method))
    assert from_json(to_json(recipe)) == recipe


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"steps": 0}, "steps"),
        ({"micro_rows": 0}, "micro_rows"),
        ({"precision": "int3"}, "precision"),
    ],
)
def test_an_impossible_recipe_names_the_setting(change: dict[str, Any], name: str):
    with pytest.raises(ValueError, match=name):
        replace(Recipe(model=SHAPE, steps=5, rows=4, micro_rows=2), **change)
