"""What computes may be a copy in bfloat16; what is updated, evaluated and saved is in float32."""

import pytest
import torch

from glassgpt.train.step import gradients
from tests.train.small import Training, batch, left_by, plan


def test_gradients_of_bfloat16_copies_arrive_in_float32_and_point_the_same_way():
    exact, loss = left_by(plan(), batch())
    rough, rough_loss = left_by(plan(precision="bfloat16_weights"), batch())
    assert rough_loss == pytest.approx(loss, rel=0.01)
    assert all(gradient.dtype == torch.float32 for gradient in rough)
    for a, b in zip(rough, exact, strict=True):
        assert (a - b).norm() <= 0.03 * b.norm()


def test_accumulating_in_many_parts_is_no_less_exact_than_the_whole():
    """Sixteen parts added up in bfloat16 would be."""
    exact, whole, parts = (
        torch.cat([gradient.flatten() for gradient in left_by(recipe, batch(64))[0]])
        for recipe in (
            plan(rows=64, micro_rows=64),
            plan(rows=64, micro_rows=64, precision="bfloat16_weights"),
            plan(rows=64, micro_rows=4, precision="bfloat16_weights"),
        )
    )
    assert (parts - exact).norm() <= 1.1 * (whole - exact).norm()


def test_copies_follow_the_weights_whoever_changes_them_and_keep_no_gradient():
    training = Training(plan(precision="bfloat16_weights"))
    training.go(0, 2)
    with torch.no_grad():
        training.model.wpe.weight.add_(1.0)
    gradients(training.worker, batch())
    for (name, weight), copy in zip(training.model.named_parameters(), training.worker.copy.parameters(), strict=True):
        assert copy.dtype == (torch.bfloat16 if "ln_" not in name else torch.float32)
        assert torch.equal(copy, weight.to(copy.dtype))
        assert copy.grad is None
        assert weight.grad is not None


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_without_copies_the_model_itself_computes(precision: str):
    training = Training(plan(precision=precision))
    assert training.worker.copy is training.model


@pytest.mark.parametrize("method", ["adamw", "muon", "schedule_free"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "bfloat16_weights"])
def test_every_precision_learns(precision: str, method: str):
    pytest.importorskip("schedulefree")
    losses = Training(plan(precision=precision, method=method, lr=1e-2)).learn(12)
    assert losses[-1] < losses[0] - 0.5
