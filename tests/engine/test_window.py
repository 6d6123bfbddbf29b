"""What is seen of a text that is longer than the context."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgpt.engine import Request, TorchBackend, generate
from glassgpt.engine.window import visible
from glassgpt.errors import ContextOverflow
from glassgpt.sampling import SamplingParams
from tests.engine.models import sharp_model


@given(st.integers(1, 5000), st.integers(1, 1024))
def test_half_of_the_context_or_more_is_seen_and_never_more_than_all(length, context):
    seen = visible(length, context)
    assert seen == length or context // 2 <= seen <= context
    assert 1 <= seen <= min(length, context)
    assert visible(length + 1, context) in (seen + 1, max(1, context // 2))


def plain(model, ids, count):
    """The sliding window without any memory: read what is seen, take the likeliest, again and again."""
    import torch

    text, limit = list(ids), model.config.context_length
    for _ in range(count):
        seen = text[len(text) - visible(len(text), limit) :]
        text.append(int(model(torch.tensor([seen]))[0, -1].argmax()))
    return text[len(ids) :]


@pytest.mark.parametrize("context", [1, 2, 5, 8])
@pytest.mark.parametrize("length", [1, 4, 8, 21])
def test_a_sliding_window_equals_reading_what_is_seen_each_time(context, length):
    model = sharp_model(3, context_length=context)
    prompt = [(7 * place) % 61 for place in range(length)]
    params = SamplingParams(max_new_tokens=30, temperature=0.0, window="slide")
    beside = Request([5, 6], SamplingParams(max_new_tokens=17, temperature=0.0, window="slide"))
    written = generate(TorchBackend(model), [Request(prompt, params), beside])
    assert list(written[0][0].ids) == plain(model, prompt, 30)
    assert list(written[1][0].ids) == plain(model, [5, 6], 17)


def test_to_go_on_from_a_saved_text_gives_the_same_text(backend):
    params = {"seed": 9, "window": "slide"}
    whole = generate(backend, [Request([1, 2, 3], SamplingParams(max_new_tokens=70, **params))])[0][0].ids
    for place in (10, 21, 22, 40):
        again = Request([1, 2, 3, *whole[:place]], SamplingParams(max_new_tokens=70 - place, **params))
        assert generate(backend, [again])[0][0].ids == whole[place:]


def test_without_sliding_the_text_ends_where_the_context_ends(backend):
    written = generate(backend, [Request([1, 2, 3], SamplingParams(max_new_tokens=100, seed=1))])[0][0]
    assert (len(written.ids), written.finish_reason) == (21, "length")


@pytest.mark.parametrize("length", [24, 25, 900])
def test_a_prompt_that_leaves_no_room_is_refused_with_both_numbers(backend, length):
    with pytest.raises(ContextOverflow, match=rf"{length}.*24.*slide"):
        generate(backend, [Request([1] * length)])
