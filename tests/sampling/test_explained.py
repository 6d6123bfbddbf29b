"""A draw explained is the draw that is made."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgpt.sampling import (
    NOTHING_LEFT,
    Row,
    SamplingParams,
    choose,
    choose_greedy,
    explain,
    key,
    keys_like,
    process,
)

PARAMS = st.builds(
    SamplingParams,
    temperature=st.sampled_from([0.0, 0.5, 1.0, 1.7]),
    top_k=st.sampled_from([0, 1, 3]),
    top_p=st.sampled_from([0.3, 0.9, 1.0]),
    min_p=st.sampled_from([0.0, 0.2]),
    typical_p=st.sampled_from([0.5, 1.0]),
    repetition_penalty=st.sampled_from([1.0, 1.5]),
    presence_penalty=st.sampled_from([0.0, 0.7]),
    no_repeat_ngram=st.sampled_from([0, 2]),
    logit_bias=st.dictionaries(st.integers(0, 9), st.floats(-3, 3), max_size=2),
)


@settings(max_examples=80)
@given(PARAMS, st.integers(0, 2**32), st.lists(st.integers(0, 9), min_size=1, max_size=6))
def test_the_last_stage_is_what_the_filters_leave_and_the_choice_is_the_engines(params, seed, text):
    logits = torch.randn(10, generator=torch.Generator().manual_seed(seed))
    row, place = Row(params, text, len(text) // 2, (9,)), key(seed, 0, len(text))
    told = explain(logits, row, place)
    left = process(logits[None], [row])
    assert torch.equal(told.stages[-1].logits, left[0])
    wanted = choose_greedy(left) if params.temperature == 0 else choose(left, keys_like([place], left))
    assert told.chosen == int(wanted)
    if not told.greedy and told.chosen != NOTHING_LEFT:
        assert int(told.times.argmin()) == told.chosen
    kept = [stage.kept for stage in told.stages]
    assert kept == sorted(kept, reverse=True)


def test_settings_that_do_nothing_are_no_stages():
    told = explain(torch.arange(5.0), Row(SamplingParams(), [0]), 1)
    assert [stage.name for stage in told.stages] == ["raw"]
    assert told.stages[0].probabilities.sum() == pytest.approx(1)


def test_numpy_and_pytorch_tell_the_same():
    scores = torch.randn(10, generator=torch.Generator().manual_seed(2))
    row = Row(SamplingParams(temperature=0.7, top_k=6, top_p=0.9), [1, 2])
    one, other = explain(scores, row, 5), explain(scores.numpy(), row, 5)
    assert one.chosen == other.chosen
    assert [stage.kept for stage in one.stages] == [stage.kept for stage in other.stages]
    assert torch.allclose(one.times, torch.from_numpy(other.times), equal_nan=True)


def test_padding_is_never_drawn():
    told = explain(torch.tensor([0.0, 0.0, 50.0]), Row(SamplingParams(temperature=0.0), [0]), 1, allowed=2)
    assert (told.chosen, told.stages[0].kept) == (0, 2)
