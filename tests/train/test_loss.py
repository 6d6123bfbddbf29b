"""The chunked loss is the plain loss: value and gradients, whatever the chunk, the mask and the type."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgpt.train.loss import cross_entropy_sum, losses_and_slope


def problem(tokens: int, vocabulary: int, masked: float, dtype=torch.float32):
    generator = torch.Generator().manual_seed(tokens * 1000 + vocabulary)
    hidden = torch.randn(tokens, 8, generator=generator).to(dtype).requires_grad_()
    head = torch.randn(vocabulary, 8, generator=generator).to(dtype).requires_grad_()
    targets = torch.randint(vocabulary, (tokens,), generator=generator)
    targets[torch.rand(tokens, generator=generator) < masked] = -100
    return hidden, head, targets


def loss_and_gradients(hidden, head, targets, rows: int, share: float = 1.0):
    hidden, head = hidden.detach().requires_grad_(), head.detach().requires_grad_()
    loss = cross_entropy_sum(hidden, head, targets, rows) * share
    loss.backward()
    return loss.detach(), hidden.grad, head.grad


@given(
    tokens=st.integers(1, 20),
    vocabulary=st.integers(2, 40),
    rows=st.integers(1, 24),
    masked=st.sampled_from([0.0, 0.4, 1.0]),
    share=st.sampled_from([1.0, 0.03]),
)
@settings(max_examples=60)
def test_the_chunked_loss_equals_the_plain_one(tokens: int, vocabulary: int, rows: int, masked: float, share: float):
    case = problem(tokens, vocabulary, masked)
    for chunked, plain in zip(loss_and_gradients(*case, rows, share), loss_and_gradients(*case, 0, share), strict=True):
        assert chunked.dtype == plain.dtype
        assert (chunked - plain).norm() <= 1e-6 * max(1.0, plain.norm().item())


def test_double_precision_stays_double():
    case = problem(7, 11, 0.3, torch.float64)
    for chunked, plain in zip(loss_and_gradients(*case, 3), loss_and_gradients(*case, 0), strict=True):
        torch.testing.assert_close(chunked.double(), plain.double(), rtol=1e-6, atol=1e-6)
    assert loss_and_gradients(*case, 3)[1].dtype == torch.float64


@pytest.mark.parametrize("autocast", [False, True])
def test_in_bfloat16_the_chunks_are_added_up_in_float32(autocast: bool):
    """With 64 chunks of one token, gradients added up in bfloat16 would be off by far more than one rounding."""
    hidden, head, targets = problem(64, 5, 0.0)
    exact = loss_and_gradients(hidden.bfloat16().float(), head.bfloat16().float(), targets, 0)
    if autocast:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rough = loss_and_gradients(hidden.bfloat16().float(), head.bfloat16().float(), targets, 1)
    else:
        rough = loss_and_gradients(hidden.bfloat16(), head.bfloat16(), targets, 1)
    assert rough[0].dtype == torch.float32
    assert rough[2].dtype == (torch.float32 if autocast else torch.bfloat16)
    for a, b in zip(rough, exact, strict=True):
        assert (a - b).norm() <= 0.01 * b.norm()


def test_a_word_that_seemed_impossible_has_a_finite_loss():
    hidden = torch.tensor([[200.0, -200.0]])
    head = torch.eye(2)
    assert cross_entropy_sum(hidden, head, torch.tensor([1]), 1).item() == pytest.approx(400.0)


def test_gradients_are_taken_once():
    hidden, head, targets = problem(4, 6, 0.0)
    loss = cross_entropy_sum(hidden, head, targets, 2)
    loss.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("vocabulary", [1, 63, 50_257])
def test_the_slope_takes_the_place_of_the_logits(dtype: torch.dtype, vocabulary: int):
    logits = torch.randn(5, vocabulary, generator=torch.Generator().manual_seed(vocabulary)).to(dtype)
    targets = torch.arange(5) % vocabulary
    likelihood = logits.softmax(-1)
    wanted = torch.nn.functional.cross_entropy(logits.float(), targets, reduction="none")
    losses, slope = losses_and_slope(logits, targets)
    torch.testing.assert_close(losses, wanted, rtol=1e-2 if dtype == torch.bfloat16 else 1e-5, atol=1e-5)
    torch.testing.assert_close(slope, likelihood - torch.nn.functional.one_hot(targets, vocabulary).to(dtype))
    assert slope.data_ptr() == logits.data_ptr()
