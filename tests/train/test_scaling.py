"""The fit of a power law: exact points, noisy points, floors, and what it refuses."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgpt.errors import InvalidParameter
from glassgpt.model import SIZES, GPT2Config, parameter_count
from glassgpt.train.scaling import body_parameters, fit, student

N = np.array([1e5, 2.2e5, 5.9e5, 1.3e6, 3.1e6])


@given(scale=st.floats(1, 100), exponent=st.floats(0.02, 1.0))
@settings(max_examples=20)
def test_exact_points_give_the_law_back(scale, exponent):
    law = fit(N.tolist(), (scale * N**-exponent).tolist())
    assert law.exponent == pytest.approx(exponent, rel=3e-3)
    assert law.scale == pytest.approx(scale, rel=0.05)
    assert law.low <= law.exponent <= law.high


def test_a_floor_is_found_where_there_is_one_and_only_there():
    noise = np.random.default_rng(0).normal(0, 0.002, len(N))
    floored = fit(N.tolist(), ((30 * N**-0.34 + 1.2) * np.exp(noise / 10)).tolist())
    assert floored.floor == pytest.approx(1.2, abs=0.1)
    assert floored.exponent == pytest.approx(0.34, abs=0.06)
    assert fit(N.tolist(), (8 * N**-0.1 * np.exp(noise)).tolist()).floor == 0


def test_the_interval_is_the_textbook_one_and_covers_the_truth_about_as_often_as_it_says():
    random, covered = np.random.default_rng(1), 0
    for trial in range(60):
        losses = 10 * N**-0.12 * np.exp(random.normal(0, 0.01, len(N)))
        law = fit(N[:4].tolist(), losses[:4].tolist())  # four points never get a floor
        covered += law.low <= 0.12 <= law.high
        if trial == 0:
            x, y = np.log(N[:4]), np.log(losses[:4])
            slope, start = np.polyfit(x, y, 1)
            error = np.sqrt(((y - start - slope * x) ** 2).sum() / 2 / ((x - x.mean()) ** 2).sum())
            assert law.exponent == pytest.approx(-slope, rel=5e-3)
            assert law.high - law.low == pytest.approx(2 * student(2) * error, rel=0.02)
    assert 52 <= covered <= 60


@pytest.mark.parametrize(("freedom", "t"), [(1, 12.706), (2, 4.303), (3, 3.182), (10, 2.228)])
def test_students_t_is_that_of_the_tables(freedom, t):
    assert student(freedom) == pytest.approx(t, abs=2e-3)


@pytest.mark.parametrize(("sizes", "losses"), [([1, 2], [1, 2]), ([1, 2, 2], [3, 2, 1]), ([1, 2, 3], [1, 0, 1])])
def test_points_that_make_no_law_are_refused(sizes, losses):
    with pytest.raises(InvalidParameter):
        fit(sizes, losses)


def test_the_size_is_counted_without_embeddings():
    config = GPT2Config(vocab_size=257, context_length=64, emb_dim=128, n_heads=4, n_layers=4)
    assert body_parameters(config) == parameter_count(config) - (257 + 64) * 128
    assert body_parameters(SIZES["small"]) == 124_439_808 - (50_257 + 1_024) * 768
