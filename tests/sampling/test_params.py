"""Settings that cannot be meant are refused when they are made, by name."""

import dataclasses
import math

import jaxtyping
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgpt.errors import InvalidParameter
from glassgpt.sampling import SamplingParams

WRONG = {
    "max_new_tokens": [0, -1, 1.5, True, "3"],
    "min_new_tokens": [-1, 101],
    "temperature": [-0.1, math.nan, math.inf, 1e-9, "hot", True],
    "top_k": [-1, 1.0, None],
    "top_p": [0, -1, 1.01, math.nan],
    "min_p": [-0.1, 1.1],
    "typical_p": [0, 2],
    "repetition_penalty": [0, -1, math.inf],
    "presence_penalty": [math.nan],
    "frequency_penalty": [math.inf],
    "no_repeat_ngram": [-1],
    "logit_bias": [{-1: 0.0}, {1: math.inf}, {1: math.nan}, {"a": 1.0}, {True: 1.0}],
    "stop": ["a text", ("",), (1,), ("x",) * 65, ("x" * 5000,)],
    "stop_ids": [(-1,), ("a",), (1.0,), tuple(range(65))],
    "seed": [-1, 2**64, 1.0],
    "n": [0, 1025],
    "logprobs": [-1, 1001],
    "num_beams": [0, 10_000],
    "length_penalty": [math.nan, 101],
    "early_stopping": ["always", 1, 0, None],
    "window": ["half", None],
}


@pytest.fixture
def as_users_run_it():
    """Without the type checks that only tests have, so that wrong types reach our own."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.mark.usefixtures("as_users_run_it")
@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_a_wrong_setting_is_refused_by_name(name, value):
    with pytest.raises(InvalidParameter) as caught:
        SamplingParams(**{name: value})
    assert caught.value.name == name


def test_every_checked_setting_exists():
    assert set(WRONG) <= {field.name for field in dataclasses.fields(SamplingParams)}


@pytest.mark.usefixtures("as_users_run_it")
@pytest.mark.parametrize(
    "more",
    [{"top_k": 3}, {"top_p": 0.5}, {"stop": ("x",)}, {"temperature": 0.5}, {"n": 4}, {"window": "slide"}],
    ids=str,
)
def test_beam_search_refuses_what_it_would_ignore(more):
    with pytest.raises(InvalidParameter):
        SamplingParams(num_beams=3, **more)


@given(st.dictionaries(st.integers(0, 99), st.floats(-9, 9)), st.lists(st.text(min_size=1, max_size=3), max_size=3))
def test_settings_do_not_change_with_what_they_were_made_of(bias, stop):
    params = SamplingParams(logit_bias=bias, stop=tuple(stop))
    kept = dict(bias)
    bias[100] = 1.0
    assert dict(params.logit_bias) == kept
    with pytest.raises(dataclasses.FrozenInstanceError):
        params.top_k = 3
