"""The Words page: words as vectors, sums and differences of them, a word in its sentence, and places."""

from fastapi import APIRouter
from starlette.responses import Response

from glassgpt.errors import InvalidParameter
from glassgpt.explorer.asked import DifferenceAsked, HereAsked, TablesAsked, WordsAsked
from glassgpt.explorer.attention import at, traced
from glassgpt.explorer.models import AWorkshop
from glassgpt.explorer.spelled import tokens
from glassgpt.explorer.wire import arrays_reply, json_reply
from glassgpt.explorer.workshop import BACKGROUND, LOOKED_AT
from glassgpt.interpret import Neighbors, difference, embedding_map, nearest, neighbors, position_similarity
from glassgpt.tokens import Tokenizer

router = APIRouter()

MOST_PLACES = 256


@router.post("/neighbors")
def nearby(asked: WordsAsked, workshop: AWorkshop) -> Response:
    """The words nearest to a word, or to a sum of words."""
    lm = workshop.subject(asked.model).lm
    with workshop.turns.turn(LOOKED_AT):
        found = neighbors(lm.model, asked.plus, asked.minus, asked.top, lm.tokenizer.spell)
    return json_reply(_told(found, lm.tokenizer))


@router.post("/difference")
def between(asked: DifferenceAsked, workshop: AWorkshop) -> Response:
    """The words most along a difference, and most against it."""
    lm = workshop.subject(asked.model).lm
    with workshop.turns.turn(LOOKED_AT):
        found = difference(lm.model, asked.a, asked.b, asked.top, lm.tokenizer.spell)
    ends = {"along": _told(found.along, lm.tokenizer), "against": _told(found.against, lm.tokenizer)}
    return json_reply(ends | {"cosine": found.cosine, "says": found.describe()})


@router.post("/here")
def in_its_sentence(asked: HereAsked, workshop: AWorkshop) -> Response:
    """The words nearest to what a token has become at one stop of its way up."""
    lm = workshop.subject(asked.model).lm
    with workshop.turns.turn(LOOKED_AT):
        trace = traced(asked, workshop)
        position = at(asked, trace)
        if asked.stop >= len(trace.stream):
            raise InvalidParameter("stop", asked.stop, f"must be from 0 to {len(trace.stream) - 1}")
        name = f"‘{lm.tokenizer.spell(trace.ids[position])}’ ({position}) at stop {asked.stop}"
        found = nearest(lm.model, trace.residual(asked.stop)[position], asked.top, of=name, spell=lm.tokenizer.spell)
    return json_reply(_told(found, lm.tokenizer))


@router.post("/places")
def places(asked: TablesAsked, workshop: AWorkshop) -> Response:
    """How alike the embeddings of places are; of a long context every so many places."""
    lm = workshop.subject(asked.model).lm
    with workshop.turns.turn(LOOKED_AT):
        found = position_similarity(lm.model)
    step = -(-len(found.cosines) // MOST_PLACES)
    return arrays_reply({"cosines": found.cosines[::step, ::step]}, {"step": step, "says": found.describe()})


@router.post("/map")
def map_of_words(asked: TablesAsked, workshop: AWorkshop) -> Response:
    """Every word as a point on a plane."""
    subject = workshop.subject(asked.model)
    with workshop.turns.turn(BACKGROUND):
        found = subject.traces.get("map", lambda: embedding_map(subject.lm.model), lambda made: made.points.nbytes)
    return arrays_reply({"points": found.points}, {"share": found.share, "says": found.describe()})


def _told(found: Neighbors, tokenizer: Tokenizer) -> dict[str, object]:
    pairs = zip(tokens(tokenizer, found.ids), found.cosines.tolist(), strict=True)
    return {"words": [word | {"cosine": cosine} for word, cosine in pairs], "says": found.describe()}
