"""Choosing by log-probability: in batches as one by one, and counted as it should be."""

import pytest
import torch

from glassgpt.evaluate import Question, choose, tally
from glassgpt.evaluate.choices import Accuracy
from glassgpt.evaluate.continuation import continuation, continuations
from glassgpt.evaluate.passages import judge
from glassgpt.evaluate.questions import Option

TEXTS = ("the dog", "the fox jumps", "a dog does not care at all", "fox", "the lazy fox and the dog")


def question(answer: int, *texts: str, context: str = "", part: str = "all") -> Question:
    return Question(tuple(Option(text, context) for text in texts), answer, {"part": part}, 0.0)


def logprob(small, tokenizer, context: str, text: str) -> float:
    """From the definition, without batches, padding or pieces."""
    start = tokenizer.encode(context) if context else [tokenizer.end_of_text]
    ids = start + tokenizer.encode(text)
    rows = small(torch.tensor([ids[:-1]]))[0].log_softmax(-1)
    return sum(rows[place - 1, ids[place]].item() for place in range(len(start), len(ids)))


@pytest.mark.parametrize("context", ["", "the quick brown fox,"])
def test_the_likeliest_option_earns_the_point(small, tokenizer, context):
    texts = [f" {text}" for text in TEXTS] if context else TEXTS
    scores = [logprob(small, tokenizer, context, text) for text in texts]
    best = scores.index(max(scores))
    questions = [question(answer, *texts, context=context) for answer in range(len(texts))]
    assert choose(small, tokenizer, questions) == [float(answer == best) for answer in range(len(texts))]


def test_equal_options_share_the_point(small, tokenizer):
    assert choose(small, tokenizer, [question(0, "the dog", "the dog")]) == [0.5]


def test_a_space_before_the_text_belongs_to_its_first_word(small, tokenizer):
    apart = continuation(tokenizer, "the quick ", "fox", 48)
    assert apart == continuation(tokenizer, "the quick", " fox", 48)
    assert tokenizer.decode(apart.ids[-apart.judged :]) == " fox"


def test_a_token_across_the_border_is_judged(tokenizer):
    passage = continuation(tokenizer, "the d", "og", 48)
    assert tokenizer.decode(passage.ids[-passage.judged :]) == " dog"


def test_a_long_context_loses_its_beginning_and_never_the_text(small, tokenizer):
    passage = continuation(tokenizer, "the lazy dog, " * 30, "fox", 48)
    assert len(passage.ids) == 49
    assert tokenizer.decode(passage.ids[-passage.judged :]) == " fox"
    longest = continuation(tokenizer, "", "zzz " * 60, 48)
    assert (len(longest.ids), longest.judged) == (49, 48)
    judge(small, [passage, longest])


def test_options_that_are_compared_lose_the_same_beginning(tokenizer):
    context = "the lazy dog, " * 30
    short, long = continuations(tokenizer, [(context, "fox"), (context, "fox and the dog")], 48)
    assert len(long.ids) == 49
    assert list(short.ids) == list(long.ids[: len(short.ids)])


def test_a_tally_is_by_part_and_its_mean_gives_each_part_the_same_weight():
    parts = ["a", "a", "a", "b"]
    questions = [Question((Option("x"), Option("y")), 0, {"fine": part, "coarse": "all"}, floor=0.25) for part in parts]
    score = tally(questions, [1.0, 1.0, 0.0, 0.0])
    assert score.parts["fine"]["a"].share == pytest.approx(2 / 3)
    assert score.parts["fine"]["b"] == Accuracy(1, 0.0, 0.0, 0.5, 0.25)
    assert score.parts["coarse"]["all"].share == 0.5
    assert score.mean.share == pytest.approx(1 / 3)
    assert score.mean.questions == 4
    error = score.parts["fine"]["a"].standard_error
    assert error == pytest.approx((1 / 3 / 3) ** 0.5)
    assert score.mean.standard_error == pytest.approx(error / 2)
