"""Which models there are, and what one is: shape, fingerprint, where its parameters are."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from glassgpt.explorer.wire import json_reply
from glassgpt.explorer.workshop import Subject, Workshop
from glassgpt.model import parameter_count

router = APIRouter()


def the_workshop(request: Request) -> Workshop:
    """The workshop of this application."""
    found = request.app.state.workshop
    assert isinstance(found, Workshop)
    return found


AWorkshop = Annotated[Workshop, Depends(the_workshop)]


@router.get("/models")
def models(workshop: AWorkshop) -> Response:
    """Every model that may be opened; the first is open."""
    offers = [
        {"name": each.name, "where": each.where, "run": each.run, "step": each.step} for each in workshop.offered()
    ]
    return json_reply({"first": workshop.first, "models": offers})


@router.get("/model")
def model(workshop: AWorkshop, name: str = "") -> Response:
    """One model; opens it."""
    return json_reply(facts(workshop.subject(name)))


def facts(subject: Subject) -> dict[str, object]:
    """A model's shape and identity."""
    lm = subject.lm
    return {
        "name": subject.name,
        "where": subject.where,
        "fingerprint": subject.fingerprint,
        "parameters": parameter_count(lm.config),
        "config": asdict(lm.config) | {"mlp_width": lm.config.mlp_width, "head_dim": lm.config.head_dim},
        "end_of_text": lm.tokenizer.end_of_text,
        "words": lm.tokenizer.vocab_size,
        "tokenizer": lm.tokenizer.fingerprint[:12],
        "device": str(lm.model.wte.weight.device),
        "dtype": str(lm.model.wte.weight.dtype).removeprefix("torch."),
    }
