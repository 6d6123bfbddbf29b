"""The Read and Compare pages: a given text token by token, in one model, in two, or in a changed one."""

from collections.abc import Iterator

import numpy as np
from fastapi import APIRouter
from starlette.responses import Response

from glassgpt.errors import InvalidParameter
from glassgpt.explorer.asked import CompareAsked, ContrastAsked, TextAsked
from glassgpt.explorer.changes import Changed
from glassgpt.explorer.experiments import told
from glassgpt.explorer.models import AWorkshop
from glassgpt.explorer.spelled import tokens
from glassgpt.explorer.wire import arrays_reply
from glassgpt.explorer.workshop import LOOKED_AT
from glassgpt.interpret import Surprise, compare, contrast, surprise, trace
from glassgpt.language_model import LanguageModel

router = APIRouter()

MOST_READ = 4096
"""So many tokens are judged at once."""
WORST = 10


@router.post("/read")
def read(asked: TextAsked, workshop: AWorkshop) -> Response:
    """Every token of a text: how surprising it was, its rank; and the whole in nats, bits a byte and perplexity."""
    lm = workshop.subject(asked.model).lm
    ids = lm.tokenizer.encode(asked.text)
    if not 1 <= len(ids) <= MOST_READ:
        raise InvalidParameter(
            "text", f"{len(ids):,} tokens", f"must have from 1 to {MOST_READ:,} tokens to be read here"
        )
    windows = []
    with workshop.turns.turn(LOOKED_AT):
        whole = lm.score(asked.text)
    for new, judged in _windows(lm, [lm.tokenizer.end_of_text, *ids]):
        with workshop.turns.turn(LOOKED_AT):
            found = surprise(trace(lm.model, judged, keep_qkv=False, spell=lm.tokenizer.spell))
        windows.append((new, found))
    columns = {name: _joined(windows, name) for name in ("logprobs", "ranks", "entropies")}
    facts = {
        "tokens": tokens(lm.tokenizer, ids),
        "nats": whole.nats,
        "bits_per_byte": whole.bits_per_byte,
        "perplexity": whole.perplexity,
        "worst": np.argsort(columns["logprobs"], kind="stable")[:WORST],
        "says": windows[0][1].describe(),
    }
    return arrays_reply(columns, facts)


@router.post("/compare")
def two_readings(asked: CompareAsked, workshop: AWorkshop) -> Response:
    """One text read twice: by two models, or by one before and after changes."""
    with workshop.turns.turn(LOOKED_AT):
        first = workshop.subject(asked.model)
        plain, changed = Changed(first, asked.model_copy(update={"changes": []})), Changed(first, asked)
        other = changed.trace
        if asked.other:
            other = Changed(workshop.subject(asked.other), asked.model_copy(update={"changes": []})).trace
        found = compare(plain.before, other)
    tokenizer = first.lm.tokenizer
    arrays = {"one": found.one, "other": found.other, "kl": found.kl, "gained": found.gained}
    facts = {
        "tokens": tokens(tokenizer, found.ids),
        "best_one": tokens(tokenizer, found.best_one),
        "best_other": tokens(tokenizer, found.best_other),
        "farthest": found.farthest(WORST),
        "says": found.describe(),
    }
    return arrays_reply(arrays, facts)


@router.post("/contrast")
def two_texts(asked: ContrastAsked, workshop: AWorkshop) -> Response:
    """Two texts in one model: what comes after each, and where on the way up they part."""
    subject = workshop.subject(asked.model)
    with workshop.turns.turn(LOOKED_AT):
        one = Changed(subject, asked)
        other = Changed(subject, asked.model_copy(update={"ids": asked.other_ids}))
        found = contrast(one.trace, other.trace)
    facts = told(found.effect, subject.lm.tokenizer) | {"says": found.describe()}
    return arrays_reply({"cosines": found.cosines, "distances": found.distances}, facts)


def _windows(lm: LanguageModel, ids: list[int]) -> Iterator[tuple[int, list[int]]]:
    """Windows that overlap by half, each with how many of its last tokens it is to judge: those of `lm.score`."""
    limit, done, start = lm.config.context_length, 1, 0
    while done < len(ids):
        window = ids[start : start + limit]
        yield start + len(window) - done, window
        done = start + len(window)
        start = max(start + 1, done - limit // 2)


def _joined(windows: list[tuple[int, Surprise]], name: str) -> np.ndarray:
    """One column of all windows, each token once."""
    parts = [getattr(found, name) for _, found in windows]
    return np.concatenate([part[len(part) - new :] for part, (new, _) in zip(parts, windows, strict=True)])
