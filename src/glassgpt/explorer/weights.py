"""The Weights page, and the Cache page's bill: where the parameters are, and what each matrix looks like."""

from fastapi import APIRouter
from starlette.responses import Response

from glassgpt.explorer.asked import OfText, WeightAsked
from glassgpt.explorer.models import AWorkshop
from glassgpt.explorer.spelled import started, tokens
from glassgpt.explorer.wire import arrays_reply, json_reply
from glassgpt.explorer.workshop import LOOKED_AT, NEXT_WORDS
from glassgpt.interpret import weight, weight_change
from glassgpt.model import parameter_count, tally
from glassgpt.model.cost import forward_flops, past_bytes, storage_bytes

router = APIRouter()

TRIES, SLOW = 3, 0.1
"""A time is the best of so many; a text that takes more seconds than that is read afresh only once."""


@router.get("/weights")
def weights(workshop: AWorkshop, model: str = "") -> Response:
    """Every parameter's name, shape and count, in the order of the forward pass; counted in the model itself."""
    subject = workshop.subject(model)
    network, config = subject.lm.model, subject.lm.config
    shapes = {name: (list(value.shape), value.numel()) for name, value in network.named_parameters()}
    listed = [
        {"name": tensor.name, "shape": shapes[tensor.name][0], "count": shapes[tensor.name][1]}
        for tensor in tally(config)
        if tensor.name in shapes
    ]
    costs = {
        "bytes": sum(value.numel() * value.element_size() for value in network.parameters()),
        "bytes_float32": storage_bytes(config),
        "past_token": past_bytes(config, 1),
        "past_full": past_bytes(config, config.context_length),
        "flops_first": forward_flops(config, 1),
        "flops_last": forward_flops(config, config.context_length),
    }
    return json_reply({"total": parameter_count(config), "tensors": listed, "costs": costs})


@router.post("/weight")
def one_weight(asked: WeightAsked, workshop: AWorkshop) -> Response:
    """One matrix: a picture, a histogram, the lengths of rows and columns, singular values."""
    subject = workshop.subject(asked.model)
    with workshop.turns.turn(LOOKED_AT):
        if asked.since:
            found = weight_change(subject.lm.model, workshop.subject(asked.since).lm.model, asked.name, asked.size)
        else:
            found = weight(subject.lm.model, asked.name, asked.size)
    arrays = {name: getattr(found, name) for name in ("picture", "counts", "edges", "rows", "columns", "singular")}
    facts = {"name": found.name, "shape": found.shape, "mean": found.mean, "deviation": found.deviation}
    return arrays_reply(arrays, facts | {"says": found.describe()})


@router.post("/cache")
def cache(asked: OfText, workshop: AWorkshop) -> Response:
    """What is remembered of the texts read so far, and one text read with that memory and without, timed."""
    subject = workshop.subject(asked.model)
    ids = started(subject.lm.tokenizer, asked.ids)
    with workshop.turns.turn(NEXT_WORDS):
        held = subject.prefixes.held
        read = subject.prefixes.read(ids)
        again = [subject.prefixes.read(ids).seconds for _ in range(TRIES)]
        afresh = [subject.prefixes.read(ids, afresh=True).seconds for _ in range(1 if read.seconds > SLOW else TRIES)]
    config, size = subject.lm.config, subject.lm.model.wte.weight.element_size()
    longest = max((_shared(text, ids) for text in held), default=0)
    return json_reply(
        {
            "layers": config.n_layers,
            "context": config.context_length,
            "reused": read.reused,
            "new": read.new,
            "shared": longest,
            "seconds": min(read.seconds, *again),
            "seconds_afresh": min(afresh),
            "token_bytes": past_bytes(config, 1, size),
            "bytes": past_bytes(config, len(ids), size),
            "full_bytes": past_bytes(config, config.context_length, size),
            "held": [{"tokens": tokens(subject.lm.tokenizer, text[-12:]), "length": len(text)} for text in held],
            "traces": {"count": len(subject.traces), "bytes": subject.traces.bytes, "most": subject.traces.most_bytes},
        }
    )


def _shared(one: list[int], other: list[int]) -> int:
    pairs = zip(one, other, strict=False)
    return next((place for place, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
