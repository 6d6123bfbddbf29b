"""The Journey page: one token's vector from the embedding to the vocabulary, and each stop in full."""

import numpy as np
import torch
from fastapi import APIRouter
from starlette.responses import Response

from glassgpt.explorer.asked import NeuronAsked, StopAsked, WordAsked
from glassgpt.explorer.attention import at, traced
from glassgpt.explorer.models import AWorkshop
from glassgpt.explorer.spelled import token, tokens, worded
from glassgpt.explorer.wire import arrays_reply
from glassgpt.explorer.workshop import BACKGROUND, LOOKED_AT
from glassgpt.interpret import Attention, Mlp, Neuron, Trace, attribute, lens, promoted, saliency, watch, way
from glassgpt.interpret.forward import block_of

router = APIRouter()

LENS_WORDS = 5
SPOKEN, NEURONS = 5, 12
"""Words that a part speaks for, and neurons, that are listed."""


@router.post("/journey")
def journey(asked: WordAsked, workshop: AWorkshop) -> Response:
    """Every stop of one token: its vector, what the lens reads there, and what each part adds to one word."""
    tokenizer = workshop.subject(asked.model).lm.tokenizer
    with workshop.turns.turn(LOOKED_AT):
        trace = traced(asked, workshop)
        position = at(asked, trace)
        path, seen = way(trace, position), lens(trace, position, LENS_WORDS)
        word = int(seen.ids[-1, 0]) if asked.word is None else asked.word
        watched, parts = watch(trace, word, position), attribute(trace, word, position, asked.against)
        meeting = _meeting(trace, word, position)
    arrays = {
        **meeting,
        "vectors": path.vectors,
        "embedding": path.embedding,
        "place": path.place,
        "lengths": path.lengths,
        "cosines": path.cosines,
        "lens": seen.probabilities,
        "ranks": watched.ranks,
        "chances": watched.probabilities,
        "heads": parts.heads,
        "mlps": parts.mlps,
        "biases": parts.biases,
    }
    facts = {
        "position": position,
        "word": token(tokenizer, word),
        "words": [tokens(tokenizer, row) for row in seen.ids],
        "token": parts.token,
        "place": parts.place,
        "norm": parts.norm,
        "interventions": parts.interventions,
        "logit": parts.logit,
        "total": parts.total,
        "says": [path.describe(), seen.describe(), watched.describe(), parts.describe()],
    }
    return arrays_reply({name: np.asarray(array) for name, array in arrays.items()}, facts)


@router.post("/stop")
def stop(asked: StopAsked, workshop: AWorkshop) -> Response:
    """One block for one token: normalised, asked, fetched, joined, projected, widened, bent, narrowed, added."""
    tokenizer = workshop.subject(asked.model).lm.tokenizer
    with workshop.turns.turn(LOOKED_AT):
        trace = traced(asked, workshop)
        position = at(asked, trace)
        arrays = _inside(trace, asked.layer, position)
        said = [promoted(trace, part(asked.layer), position, SPOKEN) for part in (Attention, Mlp)]
    facts = {name: worded(tokenizer, each) for name, each in zip(("attention_speaks", "mlp_speaks"), said, strict=True)}
    return arrays_reply(arrays, {"layer": asked.layer} | facts)


@router.post("/neurons")
def neurons(asked: NeuronAsked, workshop: AWorkshop) -> Response:
    """The neurons of a block that fire most for one token; one of them along the whole text, and what it writes."""
    tokenizer = workshop.subject(asked.model).lm.tokenizer
    with workshop.turns.turn(LOOKED_AT):
        trace = traced(asked, workshop)
        position = at(asked, trace)
        fired = trace.neurons(asked.layer)
        best = np.argsort(-np.abs(fired[position]), kind="stable")[:NEURONS]
        neuron = int(best[0]) if asked.neuron is None else asked.neuron
        said = promoted(trace, Neuron(asked.layer, neuron), position, SPOKEN)
    arrays = {"along": fired[:, neuron], "fired": fired[position][best]}
    facts = {"neurons": best, "neuron": neuron, "position": position, "says": said.describe()}
    return arrays_reply(arrays, facts | worded(tokenizer, said))


@router.post("/saliency")
def what_it_hangs_on(asked: WordAsked, workshop: AWorkshop) -> Response:
    """How much a word hangs on each token before it, by the gradient."""
    tokenizer = workshop.subject(asked.model).lm.tokenizer
    with workshop.turns.turn(BACKGROUND):
        trace = traced(asked, workshop)
        found = saliency(trace, asked.word, at(asked, trace))
    facts = {"word": token(tokenizer, found.word), "position": found.position, "says": found.describe()}
    return arrays_reply({"lengths": found.lengths, "products": found.products}, facts)


@torch.inference_mode()
def _meeting(trace: Trace, word: int, position: int) -> dict[str, np.ndarray]:
    """The last vector, normalised, and the row of the vocabulary that it is multiplied with."""
    met = {"final": trace.model.ln_f(trace.stream[-1, position]), "row": trace.model.head[word]}
    return {name: array.detach().float().cpu().numpy() for name, array in met.items()}


@torch.inference_mode()
def _inside(trace: Trace, layer: int, position: int) -> dict[str, np.ndarray]:
    queries, keys, values = (trace.qkv(layer)[part, :, position].flatten() for part in range(3))
    block = block_of(trace.model, layer)
    before, between = trace.stream[2 * layer, position], trace.stream[2 * layer + 1, position]
    arrays = {
        "before": before,
        "normalised": block.ln_1(before),
        "queries": queries,
        "keys": keys,
        "values": values,
        "between": between,
        "normalised_2": block.ln_2(between),
        "after": trace.stream[2 * layer + 2, position],
    }
    found = {name: array.detach().float().cpu().numpy() for name, array in arrays.items()}
    found["joined"] = trace.heads(layer)[:, position].reshape(-1)
    found["attention"] = trace.attention(layer)[position]
    found["neurons"] = trace.neurons(layer)[position]
    found["mlp"] = trace.mlp(layer)[position]
    return found
