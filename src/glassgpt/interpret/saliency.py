"""Gradient saliency: which tokens a word's logit would notice being changed a little (Simonyan et al. 2013).

Two readings of one gradient, that of the word's logit by each token's vector as it enters the first block: its length,
and its dot product with the vector itself ("gradient times input"), which has a sign. A gradient speaks of small
changes only; to know what a token really does, cut it off (`zero(Edge(...))`).
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32

from glassgpt.errors import InvalidParameter
from glassgpt.interpret.arrays import Spell, array, listed, number, place, quoted
from glassgpt.interpret.forward import embed, walk
from glassgpt.interpret.trace import Trace
from glassgpt.model import NOTHING

NAMED = 3


@dataclass(frozen=True, slots=True, eq=False)
class Saliency:
    """How much the logit of `word` after `position` hangs on each of the tokens up to there."""

    word: int
    position: int
    ids: tuple[int, ...]
    lengths: Float32[np.ndarray, " S"]
    """Of the gradient by each token's vector."""
    products: Float32[np.ndarray, " S"]
    """Gradient times input: above 0, the token speaks for the word."""
    spell: Spell = number

    def describe(self) -> str:
        """The tokens that the word hangs on most."""
        best = np.argsort(-self.lengths, kind="stable")[:NAMED]
        shares = self.lengths / max(float(self.lengths.sum()), 1e-30)
        said = listed([f"{quoted(self.spell(self.ids[at]))} ({at}, {100 * shares[at]:.0f} %)" for at in best])
        return f"{quoted(self.spell(self.word))} after position {self.position} hangs most on {said}."


def saliency(trace: Trace, word: int | None = None, position: int = -1) -> Saliency:
    """The gradient of a word's logit, by default the likeliest word's, by the tokens' vectors."""
    position = place("position", position, len(trace.ids))
    word = int(trace.logits(position).argmax()) if word is None else word
    if not 0 <= word < trace.config.vocab_size:
        raise InvalidParameter("word", word, f"must be from 0 to {trace.config.vocab_size - 1:,}")
    ids = trace.ids[: position + 1]
    model, device = trace.model, trace.stream.device
    with torch.enable_grad():
        where = torch.arange(len(ids), device=device)[None]
        start = embed(model, torch.tensor([ids], device=device), where).detach().requires_grad_()
        x = start
        for step in walk(model, x, where, NOTHING.layers(len(model.h)), None, trace.interventions):
            x = step.after
        logit = model.ln_f(x[0, -1]) @ model.head[word]
        (gradient,) = torch.autograd.grad(logit, start)
    lengths, products = gradient[0].norm(dim=-1), (gradient * start)[0].sum(dim=-1)
    return Saliency(word, position, ids, array(lengths), array(products), trace.spell)
