"""Every rule of sampling gives the same with NumPy's arrays as with PyTorch's tensors."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgpt.sampling import NOTHING_LEFT, Row, SamplingParams, choose, choose_greedy, key, keys_like, library, process
from glassgpt.sampling.arrays import Library
from glassgpt.sampling.noise import gumbel
from tests.sampling.test_filters import CASES, batches


@pytest.mark.parametrize("name", [name for name in CASES if name != "repetition"])
def test_a_filter_is_the_same_in_both(name):
    for logits, chances, generator in batches(name):
        texts = [torch.randint(logits.shape[1], (5,), generator=generator).tolist() for _ in logits]
        rule = CASES[name][0]
        ours, theirs = rule(logits, chances, texts), rule(logits.numpy().copy(), chances.numpy(), texts)
        assert theirs.dtype == np.float32
        np.testing.assert_array_equal(np.isfinite(theirs), ours.isfinite().numpy())
        np.testing.assert_allclose(theirs, ours.numpy(), rtol=1e-6)


SETTINGS = st.fixed_dictionaries(
    {
        "temperature": st.sampled_from([0.0, 0.5, 1.0]),
        "top_k": st.sampled_from([0, 1, 5]),
        "top_p": st.sampled_from([1.0, 0.7]),
        "min_p": st.sampled_from([0.0, 0.1]),
        "typical_p": st.sampled_from([1.0, 0.6]),
        "repetition_penalty": st.sampled_from([1.0, 1.3]),
        "presence_penalty": st.sampled_from([0.0, 0.5]),
        "no_repeat_ngram": st.sampled_from([0, 2]),
        "min_new_tokens": st.sampled_from([0, 3]),
        "logit_bias": st.sampled_from([{}, {3: -2.0}, {0: 4.0, 7: float("-inf")}]),
    }
)


@settings(max_examples=60)
@given(st.lists(SETTINGS, min_size=1, max_size=4), st.integers(0, 2**32), st.sampled_from([None, 19]))
def test_a_draw_is_the_same_in_both(chosen, seed, allowed):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(len(chosen), 23, generator=generator) * 3
    texts = torch.randint(23, (len(chosen), 6), generator=generator).tolist()
    rows = [Row(SamplingParams(**each), text, 2, (0,)) for each, text in zip(chosen, texts, strict=True)]
    numbers = [key(seed, 0, place) for place in range(len(rows))]
    drawn = []
    for form in (logits, logits.numpy()):
        processed = process(form, rows, allowed)
        keys = keys_like(numbers, form)
        drawn.append([choose_greedy(processed).tolist(), choose(processed, keys).tolist()])
        assert all(row != NOTHING_LEFT for each in drawn[-1] for row in each)
    assert drawn[0] == drawn[1]


@given(st.integers(0, 2**64 - 1), st.lists(st.integers(0, 60_000), min_size=1, max_size=9))
def test_noise_is_the_same_in_both_but_for_the_last_bits(word, tokens):
    ours = gumbel(keys_like([word], torch.empty(0)), torch.tensor([tokens]))
    theirs = gumbel(keys_like([word], np.empty(0)), np.array([tokens]))
    np.testing.assert_allclose(theirs, ours.numpy(), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("kind", [torch.tensor, np.array])
def test_rows_of_nothing_but_forbidden_tokens_are_told(kind):
    rows = kind([[-np.inf] * 3, [0.0, -np.inf, 1.0]])
    assert choose_greedy(rows).tolist() == [NOTHING_LEFT, 2]
    assert choose(rows, keys_like([1, 2], rows), most=2).tolist()[0] == NOTHING_LEFT


@given(st.integers(1, 70), st.integers(1, 300))
def test_a_row_of_numpy_has_the_same_bits_in_any_company(rows, size):
    logits = np.random.default_rng(rows).standard_normal((rows, size + 5), np.float32)[:, :size] * 5
    a = library(logits)
    for rule in (a.softmax, a.log_softmax, lambda x: a.softmax(a.flip(x)).cumsum(-1)):
        assert np.array_equal(rule(logits)[-1:], rule(logits[-1:]))
        assert np.array_equal(rule(logits)[-1:], rule(logits[-1:].copy()))


def test_both_libraries_offer_the_same():
    offered = {name for name in vars(Library) if not name.startswith("_")}
    for form in (np.zeros(1), torch.zeros(1)):
        assert offered <= {name for name in dir(library(form)) if not name.startswith("_")}
