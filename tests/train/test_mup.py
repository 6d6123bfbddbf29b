"""muP: what changes with the width, and that activations keep their size by it."""

from dataclasses import replace

import pytest
import torch

from glassgpt.model import GPT2, GPT2Config, initialize
from glassgpt.train import Optimizer
from glassgpt.train.coordinates import NAMES, check, spread
from glassgpt.train.mup import rates, rescale, starts

SHAPE = GPT2Config(vocab_size=40, context_length=8, emb_dim=64, n_heads=2, n_layers=2, drop_rate=0.0)


@pytest.mark.parametrize("optimizer", [Optimizer(), Optimizer(mup_base=64), Optimizer(method="muon", mup_base=64)])
def test_at_the_width_of_the_base_nothing_changes(optimizer):
    assert starts(SHAPE, optimizer) == rates(SHAPE, optimizer) == {}


def test_every_weight_that_is_named_is_there_and_follows_its_class():
    model, adamw = GPT2(SHAPE), Optimizer(mup_base=16)
    named = dict(model.named_parameters())
    assert starts(SHAPE, adamw).keys() == rates(SHAPE, adamw).keys() <= named.keys()
    for name in named:
        inside = name.startswith("h.") and named[name].dim() == 2
        factor = 1 / 4 if inside or name.startswith("ln_f.") else 1.0
        assert rates(SHAPE, adamw).get(name, 1.0) == factor
        start = 0.5 if inside else 1 / 4 if name.startswith("ln_f.") else 1.0
        assert starts(SHAPE, adamw).get(name, 1.0) == start
    assert rates(SHAPE, replace(adamw, method="muon")).keys() == {"ln_f.weight", "ln_f.bias"}


def test_the_factor_of_the_head_lives_in_the_last_normalisation():
    """Logits with it are those of a model whose head's input is multiplied: a plain GPT-2 all the same."""
    plain = initialize(GPT2(SHAPE), seed=1)
    scaled = initialize(GPT2(SHAPE), seed=1)
    with torch.no_grad():
        for name in ("ln_f.weight", "ln_f.bias"):
            scaled.get_parameter(name).mul_(0.25)
    ids = torch.arange(8)[None]
    assert torch.allclose(scaled(ids), plain.logits(0.25 * plain.hidden(ids)), atol=1e-6)
    assert torch.equal(rescale(initialize(GPT2(SHAPE), 1), Optimizer(mup_base=16)).ln_f.weight, scaled.ln_f.weight)


def test_a_run_trains_with_it(tmp_path, prepared, recipe):
    from glassgpt.train import train

    wide = replace(recipe, steps=2, optimizer=replace(recipe.optimizer, mup_base=recipe.model.emb_dim // 2))
    assert train(wide, tmp_path / "run", prepared, device="cpu").steps == 2


@pytest.mark.slow
@pytest.mark.parametrize("lr", [1e-3, 4e-3])
def test_activations_keep_their_size_with_mup_and_only_with_it(lr):
    mup, usual = (Optimizer(lr=lr, weight_decay=0.0, mup_base=base) for base in (64, 0))
    with_it, without = (check(optimizer, (64, 128, 256, 512), steps=10) for optimizer in (mup, usual))
    assert all(spread(with_it, name) < 2 for name in NAMES)
    assert all(spread(without, name) > 2 for name in NAMES)


@pytest.mark.slow
def test_muons_steps_need_no_change_of_rate():
    muon = Optimizer(method="muon", lr=1e-3, muon_lr=0.02, weight_decay=0.0, mup_base=64)
    found = check(muon, (64, 256), steps=6)
    assert all(spread(found, name) < 2 for name in NAMES)
