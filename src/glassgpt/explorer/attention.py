"""The Attention page: all heads at a glance, one head in full, and how one score comes about."""

import numpy as np
from fastapi import APIRouter
from jaxtyping import UInt8
from starlette.responses import Response

from glassgpt.errors import InvalidParameter
from glassgpt.explorer.asked import At, HeadAsked, LayerAsked, LooksAsked, OfText
from glassgpt.explorer.changes import Changed
from glassgpt.explorer.models import AWorkshop
from glassgpt.explorer.spelled import worded
from glassgpt.explorer.wire import arrays_reply, json_reply
from glassgpt.explorer.workshop import BACKGROUND, LOOKED_AT, NEXT_WORDS, Workshop
from glassgpt.interpret import (
    Head,
    HeadView,
    Trace,
    attention,
    looks,
    pattern,
    promoted,
    score_heads,
    thumbnails,
    value_weighted,
    without_first,
)

router = APIRouter()

TABLE = 24
"""The stages of the score table are shown for so many tokens: the queried one and those before it."""
SAID_TWICE = 6
"""The shortest window in which `score_heads` can measure: three words, said twice."""


def traced(asked: OfText, workshop: Workshop) -> Trace:
    """The trace that a question is about."""
    return Changed(workshop.subject(asked.model), asked).trace


def shades(shares: np.ndarray) -> UInt8[np.ndarray, "..."]:
    """Shares as bytes on a square-root scale: a tenth of a percent is still seen."""
    return np.sqrt(np.clip(shares, 0, 1) * (255 * 255)).round().astype(np.uint8)


def at(asked: At, trace: Trace) -> int:
    """The position asked for; -1 is the last.

    Raises InvalidParameter beyond the text.
    """
    count = len(trace.ids)
    if asked.position >= count:
        raise InvalidParameter("position", asked.position, f"the text has {count} tokens, numbered from 0")
    return asked.position % count


@router.post("/heads")
def heads(asked: LayerAsked, workshop: AWorkshop) -> Response:
    """Small pictures of all heads of a layer, as bytes of √share."""
    with workshop.turns.turn(BACKGROUND):
        small = thumbnails(traced(asked, workshop), asked.layer, asked.size)
    return arrays_reply({"heads": shades(small.values)}, {"layer": asked.layer})


@router.post("/looks")
def every_look(asked: LooksAsked, workshop: AWorkshop) -> Response:
    """Where every head looks from one token: exact shares, L H S."""
    with workshop.turns.turn(NEXT_WORDS):
        trace = traced(asked, workshop)
        position = at(asked, trace)
        found = looks(trace, position)
    found = without_first(found) if asked.hide_first else found
    return arrays_reply({"looks": found.values}, {"position": position})


@router.post("/head")
def head(asked: HeadAsked, workshop: AWorkshop) -> Response:
    """One head: its whole pattern as bytes, and exactly how the queried token's row came about."""
    with workshop.turns.turn(LOOKED_AT):
        trace = traced(asked, workshop)
        query = at(asked, trace)
        view = attention(trace, asked.layer, asked.head)
        table = (value_weighted if asked.weighted else pattern)(trace, asked.layer, asked.head)
        fetched = trace.heads_at(asked.layer, query)[asked.head]
        speaks = promoted(trace, Head(asked.layer, asked.head), query)
    shown = (without_first(table) if asked.hide_first else table).values
    tokenizer = workshop.subject(asked.model).lm.tokenizer
    first, peak = max(0, query + 1 - TABLE), max(float(shown.max()), 1e-30) if asked.weighted else 1.0
    facts = {
        "layer": asked.layer,
        "head": asked.head,
        "query": query,
        "first": first,
        "scale": view.scale,
        "peak": peak,
        "says": view.describe(query),
        "speaks": speaks.describe(),
        **worded(tokenizer, speaks),
    }
    stages = _stages(view, slice(first, query + 1))
    vectors = {"q": view.q[query], "k": view.k, "v": view.v, "output": fetched}
    return arrays_reply(
        {"shown": shades(shown / peak), "row": shown[query], "raw_row": view.raw[query], **stages, **vectors}, facts
    )


@router.get("/habits")
def habits(workshop: AWorkshop, model: str = "") -> Response:
    """What each head of a model is in the habit of looking at, measured on random words said twice."""
    subject = workshop.subject(model)
    if subject.lm.config.context_length < SAID_TWICE:
        return json_reply({"heads": {}, "says": "This model reads too few tokens to show a habit."})
    with workshop.turns.turn(BACKGROUND):
        found = subject.traces.get("habits", lambda: score_heads(subject.lm.model), lambda made: 4 * made.first.nbytes)
    named = {
        f"{layer}.{head}": habit
        for layer, head in np.ndindex(*found.first.shape)
        if (habit := found.habit(layer, head)) is not None
    }
    return json_reply({"heads": named, "says": found.describe()})


def _stages(view: HeadView, window: slice) -> dict[str, np.ndarray]:
    """The four tables for the tokens of a window."""
    tables = {"raw": view.raw, "scaled": view.scaled, "masked": view.masked, "shares": view.pattern}
    return {name: table[window, window] for name, table in tables.items()}
