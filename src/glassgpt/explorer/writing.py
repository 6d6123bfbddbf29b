"""The Write page: text to tokens, the words that may come next, how one is drawn, and writing on."""

from collections.abc import Iterator

from fastapi import APIRouter
from starlette.responses import Response

from glassgpt.engine import Reading, Request, stream
from glassgpt.explorer.asked import NextAsked, TextAsked, WriteAsked
from glassgpt.explorer.changes import Changed
from glassgpt.explorer.drawn import draw, highest, likeliest, numbers
from glassgpt.explorer.models import AWorkshop
from glassgpt.explorer.spelled import token, tokens
from glassgpt.explorer.wire import event_stream, json_reply
from glassgpt.explorer.workshop import LOOKED_AT, NEXT_WORDS, Subject
from glassgpt.sampling import Row, explain, key
from glassgpt.tokens.merge import states

router = APIRouter()

MOST_STATES = 20_000
"""So many intermediate tokens are played back."""


@router.post("/tokens")
def text_to_tokens(asked: TextAsked, workshop: AWorkshop) -> Response:
    """The tokens of a text."""
    tokenizer = workshop.subject(asked.model).lm.tokenizer
    return json_reply({"tokens": tokens(tokenizer, tokenizer.encode(asked.text))})


@router.post("/names")
def names(asked: NextAsked, workshop: AWorkshop) -> Response:
    """The tokens of some ids, as a link holds them."""
    tokenizer = workshop.subject(asked.model).lm.tokenizer
    return json_reply({"tokens": tokens(tokenizer, asked.ids), "text": tokenizer.decode(asked.ids)})


@router.post("/merges")
def merges(asked: TextAsked, workshop: AWorkshop) -> Response:
    """How byte-pair encoding arrives at the tokens: every merge of every piece, to be played back."""
    pieces: list[dict[str, object]] = []
    left = MOST_STATES
    for piece in workshop.subject(asked.model).lm.tokenizer.show(asked.text[:2000]):
        shown = []
        for state in states(piece.text.encode(), piece.steps):
            left -= len(state)
            if left < 0:
                break
            shown.append([_bytes(part) for part in state])
        ranks = [step.rank for step in piece.steps]
        pieces.append({"text": piece.text, "states": shown, "ranks": ranks[: len(shown)], "ids": piece.ids})
    return json_reply({"pieces": pieces, "cut": left < 0})


@router.post("/next")
def next_words(asked: NextAsked, workshop: AWorkshop) -> Response:
    """The likeliest next words, what the settings leave of them, and the draw."""
    subject = workshop.subject(asked.model)
    with workshop.turns.turn(NEXT_WORDS):
        changed = Changed(subject, asked)
        return json_reply(_told(subject, changed.ids, changed.read(), asked))


def _told(subject: Subject, ids: list[int], read: Reading, asked: NextAsked) -> dict[str, object]:
    tokenizer, seed = subject.lm.tokenizer, asked.sampling.seed
    row = Row(asked.sampling.params(), ids, min(asked.written, len(ids)), (tokenizer.end_of_text,))
    found = explain(read.logits, row, key(seed, 0, len(ids)), tokenizer.vocab_size)
    best = highest(numbers(read.logits), min(asked.top, subject.lm.config.vocab_size))
    list_of_words = likeliest(read.logits, best, tokenizer)
    cache = {"reused": read.reused, "new": read.new, "seconds": read.seconds}
    return list_of_words | {"ids": ids, "draw": draw(found, best, tokenizer) | {"seed": seed}, "cache": cache}


@router.post("/write")
def write(asked: WriteAsked, workshop: AWorkshop) -> Response:
    """Write on, token by token, as events; hanging up stops it."""
    subject = workshop.subject(asked.model)
    params, changed = asked.sampling.params(asked.count), Changed(subject, asked)

    def events() -> Iterator[tuple[str, object]]:
        happening = stream(changed.backend, [Request(changed.ids, params)], subject.lm.tokenizer)
        while True:
            with workshop.turns.turn(LOOKED_AT):
                event = next(happening, None)
            if event is None:
                return
            yield "token", token(subject.lm.tokenizer, event.id) | {"finish": event.finish_reason, "seed": event.seed}

    return event_stream(events())


def _bytes(raw: bytes) -> dict[str, object]:
    try:
        return {"text": raw.decode()}
    except UnicodeDecodeError:
        return {"bytes": raw.hex(" ")}
