"""Reading passages together changes nothing: each gets what it would get alone."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgpt.errors import ContextOverflow, InvalidParameter
from glassgpt.evaluate import passages
from glassgpt.evaluate.passages import Passage, judge, judge_families

IDS = st.lists(st.integers(0, 289), min_size=2, max_size=49)


@st.composite
def some_passages(draw):
    texts = draw(st.lists(IDS, min_size=1, max_size=9))
    return [Passage(ids, draw(st.integers(1, len(ids) - 1))) for ids in texts]


def alone(model, passage):
    """Straight from the definition: all logits, one token at a time."""
    rows = model(torch.tensor([passage.ids[:-1]]))[0].log_softmax(-1)
    return [
        rows[place - 1, passage.ids[place]].item()
        for place in range(len(passage.ids) - passage.judged, len(passage.ids))
    ]


@settings(max_examples=25)
@given(
    given_passages=some_passages(), tokens=st.sampled_from([1, 60, 4096]), logits=st.sampled_from([1, 1000, 1 << 21])
)
def test_together_equals_one_by_one(small, given_passages, tokens, logits):
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(passages.TOKENS_AT_ONCE, "cpu", tokens)
        patch.setattr(passages, "LOGITS_AT_ONCE", logits)
        judged = judge(small, given_passages)
    for passage, judgement in zip(given_passages, judged, strict=True):
        assert judgement.logprobs.tolist() == pytest.approx(alone(small, passage), abs=2e-4)
        assert judgement.logprob == pytest.approx(sum(alone(small, passage)), abs=2e-3)


@settings(max_examples=20)
@given(
    start=st.lists(st.integers(0, 289), min_size=1, max_size=44),
    ends=st.lists(st.lists(st.integers(0, 289), min_size=1, max_size=5), min_size=1, max_size=6),
    worth=st.sampled_from([2, 32]),
)
def test_a_family_read_from_its_stem_equals_each_member_alone(small, start, ends, worth):
    family = [Passage([*start, *end], len(end)) for end in ends]
    other = Passage([*start, 5], 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passages, "WORTH_SHARING", worth)
        judged = judge_families(small, [[other], family])
    for passage, judgement in zip([other, *family], judged, strict=True):
        assert judgement.logprobs.tolist() == pytest.approx(alone(small, passage), abs=2e-4)


def test_a_long_beginning_that_a_family_shares_is_read_once(small, monkeypatch):
    read = []
    whole = type(small).hidden
    monkeypatch.setattr(
        type(small), "hidden", lambda model, ids, past: read.append(ids.numel()) or whole(model, ids, past)
    )
    start = list(range(40))
    judge_families(small, [[Passage([*start, 7, token], 1) for token in (1, 2, 3)]])
    assert read == [40, 3]


def test_what_is_likeliest_is_foreseen_and_nothing_else(small):
    start = [5, 9, 200]
    best = int(small(torch.tensor([start]))[0, -1].argmax())
    other = (best + 1) % 290
    hit, miss = judge(small, [Passage([*start, best], 1), Passage([*start, other], 1)])
    assert (hit.foreseen, miss.foreseen) == (True, False)
    third = (int(small(torch.tensor([[*start, best]]))[0, -1].argmax()) + 1) % 290
    assert not judge(small, [Passage([*start, best, third], 2)])[0].foreseen


def test_forbidden_first_tokens_make_room_for_the_next_best_and_leave_probabilities_alone(small):
    start = [5, 9, 200]
    first, second = small(torch.tensor([start]))[0, -1].topk(2).indices.tolist()
    asked = [Passage([*start, first], 1), Passage([*start, second], 1)]
    plain, filtered = judge(small, asked), judge(small, asked, not_first=[first])
    assert [each.foreseen for each in plain] == [True, False]
    assert [each.foreseen for each in filtered] == [False, True]
    assert [each.logprob for each in plain] == [each.logprob for each in filtered]


def test_only_the_first_place_is_filtered(small):
    for token in range(290):
        start = [token, 9]
        best = int(small(torch.tensor([start]))[0, -1].argmax())
        after = int(small(torch.tensor([[*start, best]]))[0, -1].argmax())
        if after != best:
            break
    assert after != best, "or nothing would be shown"
    assert judge(small, [Passage([*start, best, after], 2)], not_first=[after])[0].foreseen


def test_progress_ends_at_all_tokens_and_the_mode_is_restored(small):
    told = []
    small.train()
    judge(small, [Passage([1, 2, 3], 1)] * 3, report=lambda done, goal: told.append((done, goal)))
    assert small.training
    small.eval()
    assert told[-1] == (6, 6)


def test_passages_that_cannot_be_judged_are_refused(small):
    with pytest.raises(ContextOverflow, match="the model sees 48"):
        judge(small, [Passage(np.zeros(50, int), 1)])
    for judged in (0, 3):
        with pytest.raises(InvalidParameter, match="the first is only read"):
            Passage([1, 2, 3], judged)
    assert judge(small, []) == []
