"""Beam search finds what transformers' finds, and the best text of all when it is wide enough."""

from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgpt.engine import Request, TorchBackend, generate
from glassgpt.engine.score import read
from glassgpt.errors import InvalidParameter
from glassgpt.sampling import SamplingParams
from tests.engine.models import sharp_model, twin_of

NEW = 10


@st.composite
def searches(draw):
    beams = draw(st.integers(1, 5))
    prompts = draw(st.lists(st.lists(st.integers(1, 60), min_size=1, max_size=8), min_size=1, max_size=3))
    return prompts, {
        "num_beams": beams,
        "n": draw(st.integers(1, beams)),
        "length_penalty": draw(st.sampled_from([-1.0, 0.0, 0.5, 1.0, 2.0])),
        "early_stopping": draw(st.sampled_from([False, True, "never"])),
        "stop_ids": draw(st.sampled_from([(0,), (0, 7, 9)])),
    }


def theirs(model, prompts, asked):
    """All prompts at once, padded on the left."""
    longest = max(map(len, prompts))
    beams = {key: asked[key] for key in ("length_penalty", "early_stopping") if asked["num_beams"] > 1}
    written = (
        twin_of(model)
        .generate(
            torch.tensor([[0] * (longest - len(prompt)) + prompt for prompt in prompts]),
            attention_mask=torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts]),
            max_new_tokens=NEW,
            do_sample=False,
            num_beams=asked["num_beams"],
            num_return_sequences=asked["n"],
            eos_token_id=list(asked["stop_ids"]),
            pad_token_id=0,
            **beams,
        )[:, longest:]
        .tolist()
    )
    return [
        [until(row, asked["stop_ids"]) for row in written[i : i + asked["n"]]]
        for i in range(0, len(written), asked["n"])
    ]


def until(ids, ends):
    place = next((place for place, token in enumerate(ids) if token in ends), len(ids))
    return ids[: place + 1]


@settings(max_examples=25)
@given(searches(), st.integers(0, 5), st.sampled_from([4.0, 8.0, 15.0]))
def test_greedy_and_beam_ids_equal_those_of_transformers(search, seed, scale):
    prompts, asked = search
    model = sharp_model(seed, scale)
    params = SamplingParams(max_new_tokens=NEW, temperature=0.0, **asked)
    written = generate(TorchBackend(model), [Request(prompt, params) for prompt in prompts])
    assert [[list(one.ids) for one in texts] for texts in written] == theirs(model, prompts, asked)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("power", [0.0, 1.0])
def test_a_beam_wide_enough_finds_the_best_of_all_texts(seed, power):
    words, length = 4, 3
    backend = TorchBackend(sharp_model(seed, vocab_size=words))
    texts = {until(ids, (0,)) for ids in product(range(words), repeat=length)}

    def score(ids):
        rows = torch.cat(list(read(backend, [1, *ids[:-1]]))).log_softmax(-1)
        return float(rows.gather(1, torch.tensor(ids)[:, None]).sum()) / len(ids) ** power

    ranked = sorted(texts, key=score, reverse=True)
    params = SamplingParams(
        max_new_tokens=length,
        num_beams=words**length,
        n=3,
        length_penalty=power,
        early_stopping="never",
        stop_ids=(0,),
    )
    written = generate(backend, [Request([1], params)])[0]
    assert [one.ids for one in written] == ranked[:3]
    assert [one.score for one in written] == pytest.approx([score(ids) for ids in ranked[:3]], abs=1e-5)


def test_filters_that_look_at_the_text_work_in_a_beam_too(backend):
    params = SamplingParams(max_new_tokens=15, num_beams=3, no_repeat_ngram=1, min_new_tokens=4, stop_ids=(0,))
    ids = generate(backend, [Request([5, 6], params)])[0][0].ids
    assert len(set(ids)) == len(ids) >= 5


def test_a_beam_reports_log_probabilities_and_ends(backend, letters):
    params = SamplingParams(max_new_tokens=6, num_beams=3, n=2, logprobs=1, length_penalty=0.0)
    for one in generate(backend, [Request([5, 6], params)], letters)[0]:
        assert sum(entry.logprob for entry in one.logprobs) == pytest.approx(one.score, abs=1e-4)
        assert one.finish_reason == ("eos" if one.ids[-1] == 0 else "length")


def test_more_beams_than_memory_are_refused(backend, monkeypatch):
    monkeypatch.setattr(TorchBackend, "most_rows", lambda self, room: 2)
    with pytest.raises(InvalidParameter, match="2 beams"):
        generate(backend, [Request([5], SamplingParams(num_beams=3))])
