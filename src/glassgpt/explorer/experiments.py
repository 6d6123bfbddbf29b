"""The Experiment page: next words before and after a change, and every part silenced in turn."""

from collections.abc import Iterator

import numpy as np
from fastapi import APIRouter
from starlette.responses import Response

from glassgpt.explorer.asked import At, SweepAsked
from glassgpt.explorer.attention import at, traced
from glassgpt.explorer.changes import Changed
from glassgpt.explorer.models import AWorkshop
from glassgpt.explorer.spelled import token
from glassgpt.explorer.wire import event_stream, json_reply
from glassgpt.explorer.workshop import BACKGROUND, LOOKED_AT
from glassgpt.interpret import Effect, attribute, effect, sweep_layers
from glassgpt.tokens import Tokenizer

router = APIRouter()

SHOWN = 10


@router.post("/effect")
def what_changes(asked: At, workshop: AWorkshop) -> Response:
    """The next words before and after the changes."""
    subject = workshop.subject(asked.model)
    with workshop.turns.turn(LOOKED_AT):
        changed = Changed(subject, asked)
        found = effect(changed.before, changed.trace, at(asked, changed.before))
        names = [str(each) for each in changed.interventions]
    return json_reply(told(found, subject.lm.tokenizer) | {"changes": names})


def told(found: Effect, tokenizer: Tokenizer) -> dict[str, object]:
    """An effect as the page is told of it."""
    listed = list(dict.fromkeys([*found.best(SHOWN).tolist(), *found.best_after(SHOWN).tolist()]))

    def words(ids: list[int]) -> list[dict[str, object]]:
        return [
            token(tokenizer, word)
            | {"before": float(np.exp(found.before[word])), "after": float(np.exp(found.after[word]))}
            for word in ids
        ]

    return {
        "words": words(listed),
        "gains": words(found.gains(SHOWN).tolist()),
        "losses": words(found.losses(SHOWN).tolist()),
        "kl": found.kl,
        "position": found.position,
        "says": found.describe(),
    }


@router.post("/sweep")
def sweep(asked: SweepAsked, workshop: AWorkshop) -> Response:
    """Every head and network silenced, as events, a layer at a time; first what each adds directly to the word."""
    subject = workshop.subject(asked.model)

    def events() -> Iterator[tuple[str, object]]:
        with workshop.turns.turn(LOOKED_AT):
            trace = traced(asked, workshop)
            position = at(asked, trace)
            word = int(trace.logits(position).argmax()) if asked.word is None else asked.word
            direct = attribute(trace, word, position)
            layers = sweep_layers(trace, word, position, asked.how)
        yield "direct", {"word": token(subject.lm.tokenizer, word), "heads": direct.heads, "mlps": direct.mlps}
        while True:
            with workshop.turns.turn(BACKGROUND):
                found = next(layers, None)
            if found is None:
                return
            yield "layer", {"layer": found.layer, "changes": found.changes, "divergences": found.divergences}

    return event_stream(events())
