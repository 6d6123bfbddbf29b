"""Accumulating, recomputing and clipping change memory or length, never the direction."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgpt.data import Batch
from glassgpt.model import GPT2, GPT2Config, initialize
from glassgpt.train.optimizer import Updater, groups
from glassgpt.train.recipe import Optimizer, Recipe, Schedule, from_json, to_json
from glassgpt.train.schedule import rate
from glassgpt.train.step import loss_sum, recompute_blocks, train_step

SHAPE = GPT2Config(vocab_size=50, context_length=16, emb_dim=16, n_heads=2, n_layers=2, drop_rate=0.0)


def fresh() -> GPT2:
    return initialize(GPT2(SHAPE), 3).train()


def batch(rows: int, masked: float = 0.0) -> Batch:
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(50, (rows, 16), generator=generator)
    targets = torch.randint(50, (rows, 16), generator=generator)
    targets[torch.rand(rows, 16, generator=generator) < masked] = -100
    targets[0, 0] = 1
    return Batch(ids, targets)


class Recorder(Updater):
    """Keeps the gradients instead of using them."""

    def __init__(self, model: GPT2) -> None:
        super().__init__(dict(model.named_parameters()), Optimizer())
        self.model = model

    def step(self, rate: float) -> None:
        self.gradients = [p.grad.clone() for p in self.model.parameters() if p.grad is not None]


def gradients(micro_rows: int, masked: float, clip: float = 0.0) -> tuple[list[torch.Tensor], float]:
    model = fresh()
    recorder = Recorder(model)
    recipe = Recipe(
        model=SHAPE, steps=1, rows=8, micro_rows=micro_rows, precision="float32", optimizer=Optimizer(clip=clip)
    )
    loss, _ = train_step(model, recorder, recipe, batch(8, masked), 1.0)
    return recorder.gradients, loss.item()


@pytest.mark.parametrize("masked", [0.0, 0.3, 0.9])
@pytest.mark.parametrize("micro_rows", [1, 2, 4])
def test_accumulated_gradients_equal_those_of_the_whole_batch(micro_rows: int, masked: float):
    whole, loss = gradients(8, masked)
    parts, loss_in_parts = gradients(micro_rows, masked)
    assert loss_in_parts == pytest.approx(loss, rel=1e-6)
    for a, b in zip(parts, whole, strict=True):
        assert (a - b).norm() <= 1e-6 * max(b.norm().item(), 1e-3)


def test_clipping_shortens_the_whole_gradient():
    clipped, _ = gradients(8, 0.0, clip=0.1)
    assert torch.stack([g.norm() for g in clipped]).norm() == pytest.approx(0.1, rel=1e-4)


def test_recomputing_gives_the_same_gradients():
    plain, again = fresh(), fresh()
    recompute_blocks(again)
    for model in (plain, again):
        loss_sum(model, batch(4).ids, batch(4).targets).backward()
    for a, b in zip(plain.parameters(), again.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=0, atol=0)


def test_decay_touches_matrices_and_embeddings_only():
    decayed, plain = groups(list(fresh().parameters()), 0.1)
    assert all(p.dim() == 2 for p in decayed["params"])
    assert all(p.dim() == 1 for p in plain["params"])
    assert plain["weight_decay"] == 0.0
    assert len(decayed["params"]) + len(plain["params"]) == len(list(fresh().parameters()))


def test_muon_gets_each_third_of_the_query_key_value_matrix_and_moves_it_in_place():
    model = fresh()
    updater = Updater(dict(model.named_parameters()), Optimizer(method="muon"))
    assert len(updater.optimizers[1].param_groups[0]["params"]) == 2 * (3 + 3)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    loss_sum(model, batch(4).ids, batch(4).targets).backward()
    updater.step(1.0)
    assert all(not torch.equal(before[name], p) for name, p in model.named_parameters())
    assert all(p.grad is None for p in model.parameters())


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
