"""Accumulating, recomputing and clipping change memory or length, never the direction."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.train.small import batch, left_by, plan


def assert_close(parts: list[torch.Tensor], whole: list[torch.Tensor], tolerance: float = 1e-6) -> None:
    assert len(parts) == len(whole) > 0
    for a, b in zip(parts, whole, strict=True):
        assert (a - b).norm() <= tolerance * max(b.norm().item(), 1e-3)


@given(
    micro_rows=st.sampled_from([1, 2, 4]),
    masked=st.sampled_from([0.0, 0.3, 0.9]),
    documents=st.booleans(),
    loss_rows=st.sampled_from([0, 5, 512]),
)
@settings(max_examples=20)
def test_accumulated_gradients_equal_those_of_the_whole_batch(
    micro_rows: int, masked: float, documents: bool, loss_rows: int
):
    data = batch(8, masked, documents=documents)
    whole, loss = left_by(plan(loss_rows=0), data)
    parts, loss_in_parts = left_by(plan(micro_rows=micro_rows, loss_rows=loss_rows), data)
    assert loss_in_parts == pytest.approx(loss, rel=1e-6)
    assert_close(parts, whole)


def test_documents_of_a_row_do_not_teach_each_other():
    together, _ = left_by(plan(), batch(8))
    apart, _ = left_by(plan(), batch(8, documents=True))
    assert (together[0] - apart[0]).norm() > 1e-3 * together[0].norm()


def test_a_batch_in_which_nothing_counts_moves_nothing():
    data = batch(8)
    data.targets.fill_(-100)
    for recipe in (plan(), plan(loss_rows=0)):
        gradients, loss = left_by(recipe, data)
        assert loss == 0.0
        assert all(not gradient.any() for gradient in gradients)


def test_clipping_shortens_the_whole_gradient():
    clipped, _ = left_by(plan(clip=0.1), batch(8))
    assert torch.stack([g.norm() for g in clipped]).norm() == pytest.approx(0.1, rel=1e-4)


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "bfloat16_weights"])
def test_recomputing_gives_the_same_gradients(precision: str):
    again, _ = left_by(plan(precision=precision, recompute=True), batch(8))
    plain, _ = left_by(plan(precision=precision), batch(8))
    for a, b in zip(again, plain, strict=True):
        assert torch.equal(a, b)
