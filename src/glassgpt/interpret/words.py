"""The space of words: token embeddings as vectors whose directions mean something.

Cosine, because a vector's length says how frequent a word is rather than what it means. Any vector of the stream can be
asked about too: "bank" in this sentence, at this layer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor

from glassgpt.errors import InvalidParameter
from glassgpt.interpret.arrays import Spell, array, listed, number, quoted
from glassgpt.model import GPT2

NAMED = 5


@dataclass(frozen=True, slots=True, eq=False)
class Neighbors:
    """The words nearest to a vector, the nearest first."""

    ids: Int64[np.ndarray, " N"]
    cosines: Float32[np.ndarray, " N"]
    of: str = "the vector"
    spell: Spell = number

    def describe(self) -> str:
        """The nearest few."""
        return f"Nearest to {self.of}: {_words(self.ids, self.cosines, self.spell)}."


@dataclass(frozen=True, slots=True, eq=False)
class Difference:
    """The words that lie most along the way from `b` to `a`, and most against it."""

    a: int
    b: int
    cosine: float
    """Of the two words themselves."""
    along: Neighbors
    against: Neighbors
    spell: Spell = number

    def describe(self) -> str:
        """What the difference means, by its ends."""
        one, other = quoted(self.spell(self.a)), quoted(self.spell(self.b))
        return (
            f"{one} - {other} points to {_words(self.along.ids, self.along.cosines, self.spell)}, and away from "
            f"{_words(self.against.ids, self.against.cosines, self.spell)}; the two are at cosine {self.cosine:.2f}."
        )


@dataclass(frozen=True, slots=True, eq=False)
class PositionSimilarity:
    """The cosine of every position embedding with every other."""

    cosines: Float32[np.ndarray, "P P"]

    def describe(self) -> str:
        """How alike neighbours are, and places far apart."""
        count = len(self.cosines)
        near = float(np.diagonal(self.cosines, 1).mean()) if count > 1 else 1.0
        far = float(np.diagonal(self.cosines, count // 2).mean())
        return f"Of {count:,} places, next ones are at cosine {near:.2f}, those {count // 2:,} apart at {far:.2f}."


@torch.inference_mode()
def neighbors(
    model: GPT2,
    plus: Sequence[int],
    minus: Sequence[int] = (),
    top: int = 10,
    spell: Spell = number,
) -> Neighbors:
    """The words nearest to a word, or to a sum: `plus=[a, c], minus=[b]` is a - b + c. Those given are left out."""
    given = [_word(model, word) for word in (*plus, *minus)]
    if not plus:
        raise InvalidParameter("plus", plus, "needs at least one word's id")
    table = model.wte.weight
    vector = table[list(plus)].sum(dim=0) - (table[list(minus)].sum(dim=0) if minus else 0.0)
    said = " + ".join(quoted(spell(word)) for word in plus) + "".join(f" - {quoted(spell(word))}" for word in minus)
    return nearest(model, vector, top, leave_out=given, of=said, spell=spell)


@torch.inference_mode()
def nearest(
    model: GPT2,
    vector: Float[Tensor, " D"] | Float[np.ndarray, " D"],
    top: int = 10,
    *,
    leave_out: Sequence[int] = (),
    of: str = "the vector",
    spell: Spell = number,
) -> Neighbors:
    """The words whose embeddings are nearest to any vector, for example one of the residual stream."""
    most = model.config.vocab_size - len(set(leave_out))
    if not 1 <= top <= most:
        raise InvalidParameter("top", top, f"must be from 1 to {most:,}")
    cosines = _cosines(model, torch.as_tensor(vector))
    cosines[list(leave_out)] = -torch.inf
    best = cosines.sort(descending=True, stable=True)
    return Neighbors(best.indices[:top].cpu().numpy(), array(best.values[:top]), of, spell)


@torch.inference_mode()
def difference(model: GPT2, a: int, b: int, top: int = 10, spell: Spell = number) -> Difference:
    """What it means to be `a` rather than `b`: the words most along their difference, and most against it."""
    one, other = (model.wte.weight[_word(model, word)] for word in (a, b))
    if a == b:
        raise InvalidParameter("b", b, "must be another word than a: their difference is nothing")
    ends = [
        nearest(model, way, top, of=name, spell=spell) for way, name in ((one - other, "a - b"), (other - one, "b - a"))
    ]
    cosine = float(torch.cosine_similarity(one.float(), other.float(), dim=0))
    return Difference(a, b, cosine, ends[0], ends[1], spell)


@torch.inference_mode()
def position_similarity(model: GPT2, first: int = 0, end: int | None = None) -> PositionSimilarity:
    """How alike the embeddings of places are, from `first` to before `end`."""
    table = model.wpe.weight[first:end].float()
    if not len(table):
        raise InvalidParameter("first", first, f"must be from 0 to {model.config.context_length - 1}, and below `end`")
    unit = table / table.norm(dim=-1, keepdim=True).clamp_min(1e-12)
    return PositionSimilarity(array(unit @ unit.mT))


def _cosines(model: GPT2, vector: Tensor) -> Float[Tensor, " V"]:
    table = model.wte.weight.float()
    vector = vector.to(table)
    return (table @ vector) / (table.norm(dim=-1) * vector.norm()).clamp_min(1e-12)


def _word(model: GPT2, word: int) -> int:
    if not 0 <= word < model.config.vocab_size:
        raise InvalidParameter("word", word, f"must be from 0 to {model.config.vocab_size - 1:,}")
    return word


def _words(ids: Int64[np.ndarray, " N"], cosines: Float32[np.ndarray, " N"], spell: Spell) -> str:
    pairs = zip(ids[:NAMED].tolist(), cosines[:NAMED].tolist(), strict=True)
    return listed([f"{quoted(spell(word))} ({cosine:.2f})" for word, cosine in pairs])
