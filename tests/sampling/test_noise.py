"""The noise is a pure function, uniform, and independent in every direction that generation uses."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from glassgpt.sampling.noise import GOLDEN, gumbel, key, keys_like, splitmix, uniform
from tests.sampling.statistics import keys_of, p_value

WORD = st.integers(0, 2**64 - 1)
HERE = torch.empty(0)
PAIRS = 1_000_000


def test_splitmix_gives_the_published_sequence():
    state, first = 1234567, []
    for _ in range(5):
        state += GOLDEN
        first.append(splitmix(state))
    assert first == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]


@given(WORD, st.lists(st.integers(0, 60_000), min_size=1, max_size=5))
def test_tensors_hash_as_whole_numbers_do(word, tokens):
    expected = [((splitmix(word + token * GOLDEN) >> 12) + 0.5) * 2.0**-52 for token in tokens]
    assert uniform(keys_like([word], HERE), torch.tensor([tokens]))[0].tolist() == expected


@given(WORD, st.integers(0, 1023), st.integers(0, 2**31))
def test_keys_in_bulk_are_those_one_by_one(seed, sample, position):
    bulk = keys_of(np.array([seed], np.uint64), np.array([sample]), np.array([position]))
    assert bulk.tolist() == keys_like([key(seed, sample, position)], HERE).tolist()


def test_noise_does_not_depend_on_which_other_tokens_and_rows_are_asked():
    keys = keys_like([key(seed, 0, 0) for seed in range(9)], HERE)
    whole = gumbel(keys, torch.arange(1003)[None])
    tokens = torch.tensor([[3, 500, 1002]]).expand(2, -1)
    part = gumbel(keys[4:6], tokens)
    torch.testing.assert_close(part, whole[4:6][:, [3, 500, 1002]], rtol=0, atol=1e-14)


def test_extreme_words_give_finite_noise():
    ends = torch.tensor([0, 2**52 - 1]).double().add(0.5).mul(2.0**-52)
    assert bool((-(-ends.log()).log()).isfinite().all())


@pytest.mark.parametrize("which", ["positions", "seeds", "samples", "tokens"])
def test_neighbours_are_independent(which):
    count = np.arange(PAIRS + 1)
    token = torch.zeros(1, 1, dtype=torch.int64)
    if which == "tokens":
        both = uniform(keys_of(5, 0, count[:PAIRS]), torch.tensor([[17, 18]]))
        first, second = both.unbind(1)
    else:
        keys = {"positions": (5, 0, count), "seeds": (count, 0, 3), "samples": (5, count, 3)}[which]
        series = uniform(keys_of(*keys), token)[:, 0]
        first, second = series[:-1], series[1:]
    cells = (first * 16).long() * 16 + (second * 16).long()
    assert p_value(torch.bincount(cells, minlength=256), torch.full((256,), 1 / 256)) > 1e-4
