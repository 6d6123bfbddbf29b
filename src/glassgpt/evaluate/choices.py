"""Questions in, accuracy out: the likeliest option is the answer, and equally likely ones share the point."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from glassgpt.evaluate.continuation import continuations
from glassgpt.evaluate.passages import Report, judge_families
from glassgpt.evaluate.questions import Question, credit
from glassgpt.model import GPT2
from glassgpt.tokens import Tokenizer


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How often a model chose right, and what choosing without a model earns."""

    questions: int
    share: float
    """Of the questions that were answered right; ties count by halves, thirds …"""
    standard_error: float
    chance: float
    """What drawing lots earns."""
    floor: float
    """What the benchmark's rule of thumb earns."""


@dataclass(frozen=True, slots=True)
class Choices:
    """The score of a model on one benchmark."""

    parts: dict[str, dict[str, Accuracy]]
    """For each way of dividing the benchmark, finest first, its parts."""
    mean: Accuracy
    """Over the finest parts, each with the same weight."""


def choose(
    model: GPT2,
    tokenizer: Tokenizer,
    questions: Sequence[Question],
    *,
    report: Report = lambda done, goal: None,
) -> list[float]:
    """What the model earns on each question, 0 to 1, by the log-probabilities of all its options."""
    room = model.config.context_length
    families = [
        continuations(tokenizer, [(option.context, option.text) for option in question.options], room)
        for question in questions
    ]
    scores = iter([judgement.logprob for judgement in judge_families(model, families, report=report)])
    return [credit([next(scores) for _ in question.options], question.answer) for question in questions]


def tally(questions: Sequence[Question], earned: Sequence[float]) -> Choices:
    """Sort what was earned into the parts of the benchmark."""
    groups: dict[str, dict[str, list[int]]] = {}
    for place, question in enumerate(questions):
        for division, part in question.parts.items():
            groups.setdefault(division, {}).setdefault(part, []).append(place)
    parts = {
        division: {name: _accuracy([questions[p] for p in places], [earned[p] for p in places]) for name, places in of}
        for division, of in ((division, found.items()) for division, found in groups.items())
    }
    return Choices(parts, _mean(next(iter(parts.values())).values()))


def _accuracy(questions: Sequence[Question], earned: Sequence[float]) -> Accuracy:
    count = len(questions)
    share = sum(earned) / count
    spread = sum((points - share) ** 2 for points in earned) / max(1, count - 1)
    chance = sum(1 / len(question.options) for question in questions) / count
    return Accuracy(count, share, math.sqrt(spread / count), chance, sum(q.floor for q in questions) / count)


def _mean(parts: Iterable[Accuracy]) -> Accuracy:
    found = list(parts)
    count = len(found)
    return Accuracy(
        questions=sum(part.questions for part in found),
        share=sum(part.share for part in found) / count,
        standard_error=math.sqrt(sum(part.standard_error**2 for part in found)) / count,
        chance=sum(part.chance for part in found) / count,
        floor=sum(part.floor for part in found) / count,
    )
