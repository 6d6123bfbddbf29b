"""Quantizing: each method against what it must not be worse than, and against an oracle where there is one."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgpt.errors import InvalidParameter
from glassgpt.kernels import FORMATS, round_to_nearest
from glassgpt.kernels.integers import group_slices
from glassgpt.quantize import SCHEMES, Scheme, quantize
from glassgpt.quantize.balance import balancing, move_from_norm, move_from_values
from glassgpt.quantize.gptq import compensate, inverse_factor
from glassgpt.quantize.inputs import matrices_of, watching
from glassgpt.quantize.scales import best_scales, rounded
from glassgpt.quantize.transform import to_integers
from tests.engine.models import sharp_model

INT8, INT4 = FORMATS["int8"], FORMATS["int4"]
SHAPE = {"vocab_size": 80, "context_length": 20, "emb_dim": 40, "n_heads": 5, "n_layers": 2}


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def correlated(inner, count=400, seed=1):
    """Inputs of which a few directions hold most."""
    return normal(count, 6, seed=seed) @ normal(6, inner, seed=seed + 1) + 0.2 * normal(count, inner, seed=seed + 2)


def cost(weight, found, x):
    """The error of the outputs."""
    return float(((torch.from_numpy(found.floats()) - weight) @ x.T).square().sum())


def texts(count=6):
    return torch.randint(0, 80, (count, 20), generator=torch.Generator().manual_seed(5))


@settings(max_examples=20)
@given(st.integers(1, 9), st.integers(1, 4), st.integers(1, 50), st.sampled_from([INT8, INT4]))
def test_nearest_without_a_text_is_what_kernels_do_by_themselves(outputs, parts, segment, form):
    weight = normal(outputs, parts * segment, seed=segment)
    found = to_integers(weight, form, "nearest", segment, None)
    wanted = round_to_nearest(weight.numpy(), form, segment)
    assert (found.numbers == wanted.numbers).all()
    assert (found.scales == wanted.scales).all()


@settings(max_examples=15)
@given(st.integers(1, 40), st.sampled_from([INT8, INT4]), st.integers(0, 99))
def test_searched_scales_never_cost_more(inner, form, seed):
    weight, importance = normal(7, inner, seed=seed), normal(inner, seed=seed + 1).square()

    def lost(scales):
        return (weight - rounded(weight, scales[:, None], form)).square() @ importance

    assert (lost(best_scales(weight, form, importance)) <= lost(best_scales(weight, form))).all()


def test_the_factor_is_that_of_the_inverse():
    x = correlated(12)
    hessian = x.T @ x
    upper = inverse_factor(hessian)
    damped = hessian + 0.01 * hessian.diagonal().mean() * torch.eye(12)
    assert not upper.tril(-1).any()
    torch.testing.assert_close(upper.T @ upper @ damped, torch.eye(12), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("form", [INT8, INT4], ids=lambda form: form.name)
def test_errors_that_are_made_up_for_cost_less(form):
    weight, x = normal(30, 96), correlated(96)
    hessian = x.T @ x
    found = {m: cost(weight, to_integers(weight, form, m, 96, hessian), x) for m in ("nearest", "clip", "gptq")}
    assert found["gptq"] < 0.5 * found["clip"]
    assert found["clip"] <= 1.01 * found["nearest"]


def test_columns_are_made_up_for_as_by_the_plain_formula():
    """Each error is spread by the inverse of what is left: the method before it was made fast."""
    weight, x = normal(5, 48), correlated(48)
    hessian = x.T @ x
    numbers, scales = compensate(weight, hessian, INT4, group_slices(48, 48, INT4))
    damped = hessian.double() + 0.01 * hessian.double().diagonal().mean() * torch.eye(48)
    left, w = torch.arange(48), weight.double().clone()
    for j in range(48):
        inverse = torch.linalg.inv(damped[left][:, left])
        scale = scales[:, j // 32].double()
        assert (numbers[:, j] == (w[:, j] / scale).round().clamp(-8, 7)).all()
        error = (w[:, j] - numbers[:, j] * scale) / inverse[0, 0]
        w[:, left] -= error[:, None] * inverse[0]
        left = left[1:]


def test_inputs_that_never_come_do_no_harm():
    weight = normal(4, 32)
    numbers, scales = compensate(weight, torch.zeros(32, 32), INT4, [slice(0, 32)])
    assert numbers.isfinite().all()
    assert scales.isfinite().all()


def outlying(model, factor=60.0):
    """The same model with a few inputs that are far larger than all others, as the published weights have them."""
    for block in model.h:
        for norm, linear in ((block.ln_1, block.attn.c_attn), (block.ln_2, block.mlp.c_fc)):
            factors = torch.ones(linear.in_features)
            factors[[3, 17]] = 1 / factor
            move_from_norm(norm, linear, factors)
    return model


@pytest.mark.parametrize("shape", [{}, {"qkv_bias": False}], ids=str)
def test_moving_sizes_changes_nothing(shape):
    model, ids = sharp_model(1, scale=4.0, **SHAPE, **shape), texts(2)
    wanted = model(ids)
    outlying(model, 7.0)
    with torch.no_grad():
        for block in model.h:
            move_from_values(block.attn.c_attn, block.attn.c_proj, torch.linspace(0.5, 3, 40))
    torch.testing.assert_close(model(ids), wanted, rtol=1e-4, atol=1e-4)


def test_balance_finds_large_inputs():
    weight, x = normal(20, 64), correlated(64)
    x[:, 5] *= 100
    hessian = x.T @ x

    def rounding(w, importance):
        return torch.from_numpy(to_integers(w, INT4, "nearest", 64, None).floats())

    factors = balancing(weight, hessian, rounding)
    assert int(factors.argmax()) == 5

    def lost(found):
        return float(((found - weight) @ x.T).square().sum())

    assert lost(rounding(weight * factors, None) / factors) < 0.5 * lost(rounding(weight, None))


def test_hessians_are_those_of_the_inputs():
    model, ids = sharp_model(**SHAPE), texts(3)
    seen = {}
    block = model.h[1]
    hooks = [
        m.register_forward_pre_hook(lambda m, i, n=n: seen.update({n: i[0]})) for n, m in matrices_of(block).items()
    ]
    with torch.no_grad(), watching(matrices_of(block)) as hessians:
        model(ids)
    for hook in hooks:
        hook.remove()
    for name, x in seen.items():
        torch.testing.assert_close(hessians[name], x.flatten(0, 1).T @ x.flatten(0, 1), rtol=1e-4, atol=1e-3)
    before = {name: hessian.clone() for name, hessian in hessians.items()}
    model(ids)
    assert all(torch.equal(before[name], hessians[name]) for name in before)


@pytest.mark.parametrize("scheme", [SCHEMES["int4"], Scheme("int8", "float", "clip", False)])
@pytest.mark.parametrize("shape", [{}, {"tie_embeddings": False, "qkv_bias": False}], ids=["tied", "untied"])
def test_the_model_has_the_numbers_that_its_integers_stand_for(scheme, shape):
    model = sharp_model(2, scale=3.0, **SHAPE, **shape)
    before = copy.deepcopy(model.state_dict())
    steps = []
    found = quantize(model, scheme, texts(), report=lambda *step: steps.append(step))
    after = found.model.state_dict()
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert len(found.integers) == 8 + (scheme.head != "float")
    for name, integers in found.integers.items():
        assert np.array_equal(after[name].numpy(), integers.floats())
        assert integers.format.name == (scheme.body if name.startswith("h.") else scheme.head)
        assert integers.segment == (8 if "attn.c_proj" in name else integers.numbers.shape[1])
    assert torch.equal(before["wpe.weight"], after["wpe.weight"])
    assert steps == [(n, len(steps)) for n in range(1, len(steps) + 1)]
    wanted, got = model(texts(2)), found.model(texts(2))
    assert (got - wanted).square().mean().sqrt() < 0.5 * wanted.std()


def test_large_inputs_cost_little_with_balance():
    model, ids = outlying(sharp_model(2, scale=3.0, **SHAPE)), texts()
    wanted = model(ids).detach()

    def lost(scheme):
        return float((quantize(model, scheme, ids).model(ids).detach() - wanted).square().mean())

    assert lost(Scheme("int4", "float", "clip", True)) < 0.7 * lost(Scheme("int4", "float", "clip", False))


def test_schemes_that_need_a_text_say_so():
    model = sharp_model(**SHAPE)
    with pytest.raises(InvalidParameter, match="text"):
        quantize(model, SCHEMES["int4"])
    quantize(model, Scheme("int4", "int8", "nearest", False))
