"""Two traces side by side: one text in two models or under interventions, or two texts in one model."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from glassgpt.errors import InvalidParameter
from glassgpt.interpret.arrays import Spell, array, number, quoted, share
from glassgpt.interpret.effect import Effect, effect
from glassgpt.interpret.surprise import distributions
from glassgpt.interpret.trace import Trace


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """One text read twice. Entry n of the arrays is about the word after position n."""

    ids: tuple[int, ...]
    one: Float32[np.ndarray, " N"]
    """Log-probability of the token that does come next, in the first trace; N is one less than there are tokens."""
    other: Float32[np.ndarray, " N"]
    kl: Float32[np.ndarray, " T"]
    """From the first distribution to the second, in nats."""
    best_one: Int64[np.ndarray, " T"]
    best_other: Int64[np.ndarray, " T"]
    spell: Spell = number

    @property
    def gained(self) -> Float32[np.ndarray, " N"]:
        """How much better the second foresees each token, in nats."""
        return self.other - self.one

    def farthest(self, top: int = 10) -> Int64[np.ndarray, " K"]:
        """The positions where the two disagree most."""
        return np.argsort(-self.kl, kind="stable")[:top]

    def describe(self) -> str:
        """Who foresees the text better, and where they differ most."""
        total, at = float(self.gained.sum()), int(self.farthest(1)[0])
        better = "the second" if total > 0 else "the first"
        one, other = (quoted(self.spell(int(best[at]))) for best in (self.best_one, self.best_other))
        said = f"both say {one}" if one == other else f"one says {one} and the other {other}"
        agree = share(float((self.best_one == self.best_other).mean()))
        return (
            f"By {abs(total):.2f} nats {better} foresees the text better; they agree on the likeliest word at {agree} "
            f"of positions and differ most after {quoted(self.spell(self.ids[at]))} ({at}), where {said} "
            f"(KL {self.kl[at]:.3g})."
        )


@dataclass(frozen=True, slots=True, eq=False)
class Contrast:
    """Two texts in one model, seen at one position of each: the next words, and where on the way up they part."""

    effect: Effect
    cosines: Float32[np.ndarray, " P"]
    """Of the two vectors at each stop of the stream."""
    distances: Float32[np.ndarray, " P"]
    """Their distance, divided by the mean of their lengths."""

    def describe(self) -> str:
        """Where they part, and what becomes of the likeliest word."""
        widest = int(np.abs(np.diff(self.distances)).argmax()) + 1 if len(self.distances) > 1 else 0
        return (
            f"From the embedding to the end the two vectors go from cosine {self.cosines[0]:.2f} to "
            f"{self.cosines[-1]:.2f}; their distance changes most at stop {widest}. {self.effect.describe()}"
        )


@torch.inference_mode()
def compare(one: Trace, other: Trace) -> Comparison:
    """Compare two traces of the same text: of two checkpoints, or before and after interventions."""
    if one.ids != other.ids:
        raise InvalidParameter("ids", (len(one.ids), len(other.ids)), "both must be of one text; for two use contrast")
    if one.config.vocab_size != other.config.vocab_size:
        sizes = (one.config.vocab_size, other.config.vocab_size)
        raise InvalidParameter("vocab_size", sizes, "both models must share one vocabulary")
    count, columns = len(one.ids), [_Columns(one.ids) for _ in range(2)]
    divergences: list[Tensor] = []
    for (first, a), (_, b) in zip(distributions(one, count), distributions(other, count), strict=True):
        divergences.append((a.exp() * (a - b)).nan_to_num(0.0).sum(dim=-1).clamp_min(0.0))
        for column, table in zip(columns, (a, b), strict=True):
            column.add(first, table)
    return Comparison(
        ids=one.ids,
        one=array(torch.cat(columns[0].said)),
        other=array(torch.cat(columns[1].said)),
        kl=array(torch.cat(divergences)),
        best_one=torch.cat(columns[0].best).cpu().numpy(),
        best_other=torch.cat(columns[1].best).cpu().numpy(),
        spell=one.spell,
    )


@torch.inference_mode()
def contrast(one: Trace, other: Trace, position: int = -1) -> Contrast:
    """Compare what a model makes of two texts, at a position of each; a negative one counts from each text's end."""
    if one.stream.shape[::2] != other.stream.shape[::2]:
        raise InvalidParameter("other", other.config, "both texts must be read by models of one depth and width")
    a, b = (trace.stream[:, position].float() for trace in (one, other))
    lengths = (a.norm(dim=-1) + b.norm(dim=-1)) / 2
    distances = (a - b).norm(dim=-1) / lengths.clamp_min(1e-12)
    return Contrast(effect(one, other, position), array(torch.cosine_similarity(a, b, dim=-1)), array(distances))


class _Columns:
    """What is kept of one trace's distributions, chunk by chunk."""

    def __init__(self, ids: tuple[int, ...]) -> None:
        self.ids = ids
        self.said: list[Tensor] = []
        self.best: list[Tensor] = []

    def add(self, first: int, table: Tensor) -> None:
        """Keep the likeliest word after each position, and how likely the token is that comes."""
        coming = torch.tensor(self.ids[first + 1 : first + 1 + len(table)], device=table.device, dtype=torch.long)
        self.said.append(table[: len(coming)].gather(1, coming[:, None])[:, 0])
        self.best.append(table.argmax(dim=-1))
