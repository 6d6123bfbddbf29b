"""Attention: two implementations of one formula, and what a mask may and may not do."""

from itertools import repeat

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from glassgpt.model import GPT2, NOTHING, initialize
from glassgpt.model.attend import explicit, fused, pattern, upcast
from tests.oracle.twins import attentions

TIGHT = {"rtol": 0, "atol": 2e-6}


def random_qkv(rows: int, heads: int, new: int, visible: int, width: int, seed: int, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    lengths = (new, visible, visible)
    return [torch.randn(rows, heads, length, width, generator=generator).to(dtype) for length in lengths]


sizes = st.fixed_dictionaries(
    {
        "rows": st.integers(1, 3),
        "heads": st.integers(1, 3),
        "new": st.integers(1, 9),
        "visible": st.integers(9, 17),
        "width": st.sampled_from([1, 5, 8, 16]),
        "seed": st.integers(0, 2**31),
    }
)


@given(sizes)
@settings(max_examples=40)
def test_explicit_and_fused_agree_under_any_mask(size):
    q, k, v = random_qkv(**size)
    mask = torch.rand(size["rows"], 1, size["new"], size["visible"]) < 0.6
    scale = size["width"] ** -0.5
    assert_close(explicit(q, k, v, mask, scale), fused(q, k, v, mask, scale), **TIGHT)


@given(sizes)
@settings(max_examples=40)
def test_without_a_mask_each_new_token_sees_itself_and_all_before(size):
    q, k, v = random_qkv(**size)
    new, visible = size["new"], size["visible"]
    mask = (torch.arange(visible) <= torch.arange(visible - new, visible)[:, None])[None, None]
    expected = explicit(q, k, v, mask, 0.3)
    assert_close(explicit(q, k, v, None, 0.3), expected, **TIGHT)
    assert_close(fused(q, k, v, None, 0.3), expected, **TIGHT)


@given(sizes)
@settings(max_examples=40)
def test_a_row_of_the_pattern_sums_to_one_over_what_it_may_see(size):
    q, k, _ = random_qkv(**size)
    mask = torch.rand(size["rows"], 1, size["new"], size["visible"]) < 0.5
    table = pattern(q, k, mask, 0.5)
    assert torch.equal(table, table.where(mask, 0.0))
    assert_close(table.sum(-1), mask.any(-1).float().expand_as(table.sum(-1)), **TIGHT)


@pytest.mark.parametrize("attend", [fused, explicit, upcast])
def test_a_token_that_may_look_nowhere_fetches_zeros_and_sends_no_nan_back(attend):
    q, k, v = (x.requires_grad_() for x in random_qkv(2, 3, 6, 6, 8, seed=0))
    mask = torch.ones(6, 6, dtype=torch.bool).tril().repeat(2, 1, 1, 1)
    mask[0, :, :3] = False
    fetched = attend(q, k, v, mask, 0.4)
    fetched.square().sum().backward()
    assert torch.equal(fetched[0, :, :3], torch.zeros(3, 3, 8))
    assert all(x.grad is not None and x.grad.isfinite().all() for x in (q, k, v))


@pytest.mark.parametrize("attend", [fused, explicit, upcast])
def test_large_scores_do_not_overflow(attend):
    q, k, v = random_qkv(1, 2, 5, 5, 8, seed=0)
    assert attend(1e4 * q, 1e4 * k, v, None, 1.0).isfinite().all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_upcast_scores_are_nearer_to_the_truth_and_come_back_in_the_input_format(dtype):
    q, k, v = random_qkv(4, 4, 32, 32, 16, seed=0, dtype=dtype)
    exact = explicit(q.double(), k.double(), v.double(), None, 1.0)
    wide, narrow = upcast(q, k, v, None, 1.0), explicit(q, k, v, None, 1.0)
    assert wide.dtype == dtype
    assert (wide - exact).square().mean() < 0.7 * (narrow - exact).square().mean()


def test_upcast_keeps_its_precision_under_autocast():
    q, k, _ = random_qkv(2, 4, 16, 16, 16, seed=0)
    identity = torch.eye(16).expand(2, 4, -1, -1)  # as values: what is fetched is the pattern itself
    exact = pattern(q, k, None, 0.25)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        table = upcast(q, k, identity, None, 0.25)
        low = explicit(q, k, identity, None, 0.25)
    rounding = 2**-9  # of the one product that follows in bfloat16, on numbers below one
    assert (table - exact).abs().max() <= rounding
    assert (low - exact).abs().max() > rounding


@pytest.mark.parametrize("attend", [fused, explicit, upcast])
def test_dropout_keeps_the_mean_and_needs_no_switch(attend):
    q, k, v = (x.expand(4000, -1, -1, -1) for x in random_qkv(1, 1, 8, 8, 4, seed=0))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        drawn = attend(q, k, v, None, 0.5, 0.25)
    assert_close(drawn.mean(0), attend(q, k, v, None, 0.5)[0], rtol=0, atol=0.06)
    assert drawn.std(0).max() > 0.1


def test_a_bias_of_the_keys_changes_nothing(model, ids):
    before = model(ids)
    for attention in attentions(model):
        attention.c_attn.bias.data.chunk(3)[1].add_(0.5)  # adds one number to a whole row of scores
    assert_close(model(ids), before, **TIGHT)


def test_a_past_with_too_few_layers_is_refused(config, ids):
    class Short(type(NOTHING)):
        def layers(self, count):
            return repeat(self, count - 1)

    with pytest.raises(ValueError, match="shorter"):
        initialize(GPT2(config), seed=0)(ids, Short())
