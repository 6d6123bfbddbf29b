"""The table kept for the way back gives what the plain formula gives, forward and backward."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgpt.model.attend import explicit
from glassgpt.model.isolated import Isolated
from glassgpt.train.attention import LONGEST, Table, tabled


def tensors(rows: int, heads: int, length: int, dtype=torch.float64):
    generator = torch.Generator().manual_seed(rows + 10 * heads + 100 * length)
    parts = torch.randn(3, rows, heads, length, 4, generator=generator, dtype=dtype)
    return [part.detach().requires_grad_() for part in parts]


def mask_of(rows: int, length: int, documents: bool):
    if not documents:
        return None
    numbers = torch.arange(length).expand(rows, -1) // 3
    return Isolated(numbers).mask(numbers)


@given(rows=st.integers(1, 3), heads=st.integers(1, 3), length=st.integers(1, 9), documents=st.booleans())
@settings(max_examples=30)
def test_values_and_gradients_are_those_of_the_plain_formula(rows: int, heads: int, length: int, documents: bool):
    mask, found = mask_of(rows, length, documents), []
    for attend in (Table.apply, explicit):
        q, k, v = tensors(rows, heads, length)
        y = attend(q, k, v, mask, 0.3)
        (y * torch.arange(y.numel(), dtype=y.dtype).sin().view(y.shape)).sum().backward()
        found.append((y, q.grad, k.grad, v.grad))
    for ours, plain in zip(*found, strict=True):
        torch.testing.assert_close(ours, plain, rtol=1e-9, atol=1e-9)


def test_the_gradient_is_the_derivative():
    q, k, v = tensors(1, 2, 5)
    assert torch.autograd.gradcheck(lambda q, k, v: Table.apply(q, k, v, None, 0.5), (q, k, v))


@pytest.mark.parametrize("documents", [False, True])
def test_in_bfloat16_it_is_as_near_to_the_truth_as_rounding_allows(documents: bool):
    q, k, v = tensors(2, 3, 40, torch.bfloat16)
    exact = explicit(q.double(), k.double(), v.double(), mask_of(2, 40, documents), 0.5)
    assert (tabled(q, k, v, mask_of(2, 40, documents), 0.5) - exact).norm() <= 0.01 * exact.norm()


def test_what_the_table_does_not_pay_for_goes_to_the_kernel():
    for case in (tensors(1, 1, LONGEST + 1, torch.bfloat16), tensors(1, 1, 8, torch.float32)):
        assert type(tabled(*case, None, 0.5).grad_fn).__name__ != "TableBackward"
    assert type(tabled(*tensors(1, 1, 8, torch.bfloat16), None, 0.5).grad_fn).__name__ == "TableBackward"
