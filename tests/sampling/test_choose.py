"""The draw has the distribution it claims; and these tests would notice if it had not."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from glassgpt.sampling import NOTHING_LEFT, choose, choose_greedy
from glassgpt.sampling.filters import keep_top_k
from tests.sampling.statistics import draws, keys_of, p_value

ENOUGH = 1e-4
INF = math.inf


def gpt2_like(size: int) -> torch.Tensor:
    """Logits as a language model has them: a few strong ones on a broad, noisy floor."""
    generator = torch.Generator().manual_seed(3)
    return torch.randn(size, generator=generator) * 2 - 1.2 * torch.arange(1, size + 1).log()


DISTRIBUTIONS = {
    "uniform": torch.zeros(20),
    "peaked": torch.tensor([9.0, 4.0, *[0.0] * 18]),
    "Zipf": -torch.arange(1, 31).float().log(),
    "ties": torch.tensor([1.0, 1.0, 0.0, 0.0, 0.0, 2.0, 2.0, -1.0]),
    "two tokens": torch.tensor([0.3, -0.3]),
    "masked": torch.tensor([0.5, -INF, 0.1, -INF, -INF, 1.0, 0.0, -INF]),
    "one left": torch.tensor([-INF, -INF, 0.7, -INF]),
    "far below zero": torch.linspace(-1000, -998, 12),
    "far above zero": torch.linspace(998, 1000, 12),
    "geometric": -0.5 * torch.arange(24).float(),
    "one in ten thousand": torch.tensor([0.0, math.log(1e-4), math.log(0.01)]),
    "a small language model": gpt2_like(40),
}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_draws_have_the_claimed_distribution(name):
    logits = DISTRIBUTIONS[name]
    assert p_value(draws(logits, 30_000, seed=11), logits.softmax(0)) > ENOUGH


@pytest.mark.slow
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_two_million_draws_have_the_claimed_distribution(name):
    logits = DISTRIBUTIONS[name]
    assert p_value(draws(logits, 2_000_000, seed=12), logits.softmax(0)) > ENOUGH


@pytest.mark.slow
def test_draws_from_a_whole_vocabulary_have_the_claimed_distribution():
    logits = gpt2_like(50257)
    assert p_value(draws(logits, 4_000, seed=13), logits.softmax(0)) > ENOUGH


TWENTY = torch.cat([torch.tensor([0.1]), torch.full((19,), 0.9 / 19)]).log()
"""One token of probability 0.1 and nineteen equal ones."""


def biased(logits):
    """One token of probability 0.1 is 2 % too likely."""
    return logits + torch.tensor([math.log(1.02), *[0.0] * 19])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("logits", "bug"),
    [(TWENTY, biased), (DISTRIBUTIONS["geometric"], lambda logits: logits / 1.02)],
    ids=["2 % bias", "temperature 1.02"],
)
def test_two_million_draws_tell_a_slightly_wrong_distribution(logits, bug):
    assert p_value(draws(logits, 2_000_000, seed=14), logits.softmax(0)) > ENOUGH
    assert p_value(draws(bug(logits), 2_000_000, seed=14), logits.softmax(0)) < ENOUGH


def test_few_draws_tell_an_off_by_one_top_k():
    logits = DISTRIBUTIONS["geometric"]
    kept = keep_top_k(logits[None], [5])[0]
    assert p_value(draws(kept, 20_000, seed=15), kept.softmax(0)) > ENOUGH
    assert p_value(draws(keep_top_k(logits[None], [6])[0], 20_000, seed=15), kept.softmax(0)) < ENOUGH
    assert p_value(draws(keep_top_k(logits[None], [4])[0], 20_000, seed=15), kept.softmax(0)) < ENOUGH


def test_pairs_of_draws_tell_noise_that_is_used_twice():
    count = 20_000
    logits, chances = torch.zeros(count, 8), torch.full((64,), 1 / 64)
    keys = keys_of(1, 0, np.arange(count))
    halves = keys_of(1, 0, np.arange(count) // 2)  # the bug: two positions share a key
    for used, fine in ((keys, True), (halves, False)):
        ids = choose(logits, used)
        pairs = torch.bincount(ids[::2] * 8 + ids[1::2], minlength=64)
        assert (p_value(pairs, chances) > ENOUGH) == fine


@given(st.integers(0, 2**64 - 1), st.integers(1, 12))
def test_a_promise_about_the_number_of_candidates_changes_nothing(seed, k):
    logits = gpt2_like(50).expand(4, -1)
    kept = keep_top_k(logits, [k, 1, k, 2 if k > 1 else 1])
    keys = keys_of(np.array([seed] * 4, np.uint64), np.arange(4), 0)
    assert choose(kept, keys, most=k).tolist() == choose(kept, keys).tolist()


def test_greedy_takes_the_lowest_of_equal_ids():
    assert choose_greedy(torch.tensor([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]])).tolist() == [1, 0]


def test_rows_with_nothing_left_or_broken_logits_are_told():
    rows = torch.tensor([[-INF, -INF], [0.0, -INF], [math.nan, 0.0]])
    keys = keys_of(1, 0, np.arange(3))
    assert choose(rows, keys).tolist() == [NOTHING_LEFT, 0, NOTHING_LEFT]
    assert choose_greedy(rows).tolist() == [NOTHING_LEFT, 0, NOTHING_LEFT]
    assert choose(rows, keys, most=1).tolist()[:2] == [NOTHING_LEFT, 0]
