"""The next words as the page is told of them: the list, what each setting left of it, the ruler, and the race."""

from math import inf

import numpy as np
from jaxtyping import Float, Int64

from glassgpt.explorer.spelled import token
from glassgpt.sampling import Array, Drawn, Stage, library
from glassgpt.tokens import Tokenizer

RULER = 60
"""So many words are told apart on the ruler of probability; the others are one stretch."""
CURVE = 160
"""Points of the curve of all probabilities: every rank at first, further down ever fewer."""


def highest(scores: Float[np.ndarray, " V"], top: int) -> list[int]:
    """The places of the greatest scores, best first, of equal ones the first: without putting all of them in order."""
    least = np.partition(scores, len(scores) - top)[len(scores) - top]
    able = np.flatnonzero(scores >= least)
    return able[np.argsort(-scores[able], kind="stable")][:top].tolist()


def likeliest(logits: Float[Array, " V"], best: list[int], tokenizer: Tokenizer) -> dict[str, object]:
    """The words most likely to come next (`best`), all others together, and how undecided the model is, in nats."""
    a, scores = library(logits), numbers(logits)
    chances = numbers(a.softmax(logits[None])[0])
    words = [
        token(tokenizer, word) | {"probability": float(chances[word]), "logit": float(scores[word])} for word in best
    ]
    logprobs = a.log_softmax(a.float64(logits[None]))
    return {
        "words": words,
        "others": {"count": len(chances) - len(best), "probability": float(1 - chances[best].sum(dtype=np.float64))},
        "entropy": float(a.entropy(logprobs)[0, 0]),
        "all": np.sort(chances)[::-1][_ranks(len(chances))],
    }


def draw(drawn: Drawn, best: list[int], tokenizer: Tokenizer) -> dict[str, object]:
    """How one of them is drawn: stages for the words on the list, the ruler of what is left, the race."""
    last = drawn.stages[-1]
    left, scores = numbers(last.probabilities), numbers(last.logits)
    kept = np.flatnonzero(scores > -inf)
    order = kept[np.argsort(-scores[kept], kind="stable")]
    ruler = [token(tokenizer, int(word)) | {"probability": float(left[word])} for word in order[:RULER]]
    ranks = _ranks(len(left))
    told: dict[str, object] = {
        "curve": {"ranks": ranks + 1, "left": np.sort(left)[::-1][ranks]},
        "greedy": drawn.greedy,
        "stages": [_stage(stage, best) for stage in drawn.stages],
        "ruler": ruler,
        "chosen": None,
        "before": 0.0,
    }
    racers = best
    if drawn.chosen >= 0:
        racers = list(dict.fromkeys([*best, drawn.chosen]))
        ahead = order[: int(np.flatnonzero(order == drawn.chosen)[0])]
        told["chosen"] = token(tokenizer, drawn.chosen) | {"probability": float(left[drawn.chosen])}
        told["before"] = float(left[ahead].sum(dtype=np.float64))
    luck, times = numbers(drawn.luck), numbers(drawn.times)
    return told | {"race": [{"id": word, "luck": float(luck[word]), "time": float(times[word])} for word in racers]}


def numbers(array: Array) -> np.ndarray:
    """An array of either library as NumPy's."""
    return library(array).to_numpy(array)


def _ranks(count: int) -> Int64[np.ndarray, " N"]:
    """Ranks from 0 to the last word's, evenly spread on a scale of powers."""
    return np.unique(np.geomspace(1, count, min(CURVE, count)).round().astype(np.int64)) - 1


def _stage(stage: Stage, best: list[int]) -> dict[str, object]:
    chances, scores = numbers(stage.probabilities), numbers(stage.logits)
    shown = [float(chances[word]) if scores[word] > -inf else None for word in best]
    return {"name": stage.name, "kept": stage.kept, "words": shown}
