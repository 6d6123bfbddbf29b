"""What the optimizers remember survives saving bit for bit, and averages never disturb what they average."""

import builtins

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgpt.errors import InvalidParameter, RunError
from glassgpt.train.optimizer import Updater, groups
from glassgpt.train.settings import Optimizer
from glassgpt.train.step import gradients
from tests.train.small import Training, batch, fresh, plan

METHODS = ["adamw", "muon", "schedule_free"]


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@given(
    method=st.sampled_from(METHODS),
    precision=st.sampled_from(["float32", "bfloat16", "bfloat16_weights"]),
    ema=st.sampled_from([0.0, 0.9]),
    stop=st.integers(0, 4),
)
@settings(max_examples=12)
def test_a_restored_training_goes_on_bit_for_bit(method: str, precision: str, ema: float, stop: int):
    recipe = plan(method=method, precision=precision, ema=0.0 if method == "schedule_free" else ema)
    whole, first, second = Training(recipe), Training(recipe), Training(recipe)
    whole.go(0, 5)
    first.go(0, stop)
    memory = {name: t.clone() for name, t in first.updater.state().items()}
    second.model.load_state_dict(first.kept())
    second.updater.restore(memory)
    assert same(second.updater.state(), memory)
    second.go(stop, 5)
    assert same(second.weights(), whole.weights())
    assert same(second.kept(), whole.kept())
    assert same(second.updater.state(), whole.updater.state())


@pytest.mark.parametrize("settings", [{"ema": 0.9}, {"method": "schedule_free"}, {}])
def test_looking_at_the_average_changes_nothing(settings):
    looked, blind = Training(plan(**settings)), Training(plan(**settings))
    for step in range(4):
        kept = looked.kept()
        with looked.updater.judged():
            assert same(looked.weights(), kept)
        looked.go(step, step + 1)
        blind.go(step, step + 1)
    assert same(looked.weights(), blind.weights())
    assert same(looked.kept(), looked.weights()) == (not settings)


def test_the_weights_come_back_even_if_evaluation_fails():
    training = Training(plan(ema=0.5))
    training.go(0, 3)
    before = training.weights()
    with pytest.raises(ZeroDivisionError), training.updater.judged():
        raise ZeroDivisionError
    assert same(training.weights(), before)


def test_the_average_is_the_one_of_its_formula():
    training, share = Training(plan(ema=0.75)), 0.75
    expected = training.weights()
    for step in range(3):
        training.go(step, step + 1)
        expected = {name: share * expected[name] + (1 - share) * new for name, new in training.weights().items()}
    for name, average in training.kept().items():
        torch.testing.assert_close(average, expected[name], rtol=1e-5, atol=1e-7)


def test_the_schedule_free_average_is_the_one_its_own_optimizer_would_show():
    training = Training(plan(method="schedule_free"))
    training.go(0, 4)
    kept = training.kept()
    training.updater.optimizers[0].eval()
    assert same(training.weights(), kept)


def test_decay_touches_matrices_and_embeddings_only():
    weights = list(fresh().named_parameters())
    decayed, plain = groups(weights, 0.1)
    assert all(p.dim() == 2 for p in decayed["params"])
    assert all(p.dim() == 1 for p in plain["params"])
    assert plain["weight_decay"] == 0.0
    assert len(decayed["params"]) + len(plain["params"]) == len(weights)


@pytest.mark.parametrize("method", METHODS)
def test_a_scale_multiplies_the_learning_rate_of_the_weights_it_names(method: str):
    names = ["wte.weight", "h.0.attn.c_attn.weight", "h.1.mlp.c_fc.bias"]
    model = fresh()
    updater = Updater(dict(model.named_parameters()), Optimizer(method=method), dict.fromkeys(names, 1e-09))
    training = Training(plan(method=method))
    before = training.weights()
    gradients(training.worker, batch())
    for name, weight in model.named_parameters():
        weight.grad = training.updater.parts[name].grad
    updater.step(1.0)
    after = dict(model.named_parameters())
    for name, old in before.items():
        assert ((after[name] - old).abs().max() < 1e-7) == (name in names)


def test_muon_gets_each_third_of_the_query_key_value_matrix_and_moves_it_in_place():
    training = Training(plan(method="muon"))
    assert len(training.updater.optimizers[1].param_groups[0]["params"]) == 2 * (3 + 3)
    before = training.weights()
    training.go(0, 1)
    assert all(not torch.equal(before[name], p) for name, p in training.model.named_parameters())
    assert all(p.grad is None for p in training.model.parameters())


def test_schedule_free_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    real = builtins.__import__

    def without(name: str, *args, **kwargs):
        if name == "schedulefree":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(RunError, match="pip install 'glassgpt\\[train\\]'"):
        Training(plan(method="schedule_free"))


@pytest.mark.parametrize(("setting", "name"), [({"ema": 0.9}, "ema"), ({"beta1": 0.0}, "beta1")])
def test_schedule_free_refuses_what_it_cannot_average(setting: dict[str, float], name: str):
    with pytest.raises(InvalidParameter, match=f"{name}=.*schedule_free"):
        Optimizer(method="schedule_free", **setting)
