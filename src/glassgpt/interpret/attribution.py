"""Direct logit attribution: which part of the model said this word, in parts that sum to its logit.

The final stream is a sum: token embedding + position embedding + what every head and every feed-forward network added
+ the biases of attention. The last normalisation divides it by one number, which is *kept as it was*, and the head is a
dot product. So the logit is the same sum, part by part (Elhage et al. 2021, "A mathematical framework for transformer
circuits"). Computed in double precision. With interventions, what they added or took away from outside any part stands
by itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

from glassgpt.errors import InvalidParameter
from glassgpt.interpret.arrays import Spell, listed, number, place, quoted
from glassgpt.interpret.forward import Step, block_of
from glassgpt.interpret.trace import Trace

NAMED = 3


@dataclass(frozen=True, slots=True, eq=False)
class Attribution:
    """What each part adds to the logit of `word`, or to its lead over `against`, at one position."""

    word: int
    against: int | None
    position: int
    token: float
    """Of the token embedding."""
    place: float
    """Of the position embedding."""
    heads: Float64[np.ndarray, "L H"]
    biases: Float64[np.ndarray, " L"]
    """Of each layer's attention projection."""
    mlps: Float64[np.ndarray, " L"]
    norm: float
    """Of the last normalisation's bias."""
    interventions: float
    """Of what interventions changed outside heads and networks; 0 without any."""
    logit: float
    """As the model computed it."""
    spell: Spell = number

    @property
    def total(self) -> float:
        """The sum of all parts: equal to `logit`, but for rounding."""
        return float(sum(value for _, value in self.parts()))

    def parts(self) -> Iterator[tuple[str, float]]:
        """Every part's name and share, from the bottom up."""
        yield "token", self.token
        yield "position", self.place
        for layer, row in enumerate(self.heads):
            yield from ((f"head {layer}.{head}", float(value)) for head, value in enumerate(row))
            yield f"bias {layer}", float(self.biases[layer])
            yield f"mlp {layer}", float(self.mlps[layer])
        yield "norm", self.norm
        yield "interventions", self.interventions

    def describe(self) -> str:
        """The parts that speak most for the word, and most against it."""
        ranked = sorted(self.parts(), key=lambda part: -part[1])
        rivals = "" if self.against is None else f" ahead of {quoted(self.spell(self.against))}"
        most = listed([f"{name} (+{value:.2f})" for name, value in ranked[:NAMED] if value > 0])
        least = listed([f"{name} ({value:.2f})" for name, value in ranked[: -NAMED - 1 : -1] if value < 0])
        spoken = [f"most for it speak {most}" if most else "", f"most against it {least}" if least else ""]
        return (
            f"{quoted(self.spell(self.word))}{rivals} has {self.logit:.2f} at position {self.position}: "
            f"{'; '.join(filter(None, spoken))}."
        )


@torch.inference_mode()
def attribute(trace: Trace, word: int, position: int = -1, against: int | None = None) -> Attribution:
    """Take a word's logit apart: the word's id, the position it would follow, and perhaps a rival's id."""
    position, model = place("position", position, len(trace.ids)), trace.model
    row, logit = _row(trace, word, "word"), trace.logits(position).astype(np.float64)
    if against is not None:
        row = row - _row(trace, against, "against")
    direction = through_norm(trace, row, position)
    token = float(model.wte.weight[trace.ids[position]].double() @ direction)
    where = float(model.wpe.weight[position].double() @ direction)
    layers = [_of_layer(trace, layer, step, direction) for layer, step in enumerate(trace.at(position))]
    heads, biases, mlps = (np.array(numbers) for numbers in zip(*layers, strict=True))
    explained = token + where + heads.sum() + biases.sum() + mlps.sum()
    final = float(trace.stream[-1, position].double() @ direction)
    return Attribution(
        word=word,
        against=against,
        position=position,
        token=token,
        place=where,
        heads=heads,
        biases=biases,
        mlps=mlps,
        norm=float(row @ model.ln_f.bias.double()),
        interventions=final - explained if trace.interventions else 0.0,
        logit=float(logit[word] - (0.0 if against is None else logit[against])),
        spell=trace.spell,
    )


def through_norm(trace: Trace, rows: Float[Tensor, "*words D"], position: int) -> Float[Tensor, "*words D"]:
    """Rows of the head, as the last normalisation at one position lets them read the stream.

    Their dot product with a part of the stream is what that part adds to a logit: the row times the normalisation's
    gain, centred, divided by the scale that the final stream has there.
    """
    final = trace.stream[-1, position].double()
    scale = (final.var(unbiased=False) + trace.config.layer_norm_eps).sqrt()
    weighted = rows.double() * trace.model.ln_f.weight.double()
    return (weighted - weighted.mean(dim=-1, keepdim=True)) / scale


def _row(trace: Trace, word: int, name: str) -> Tensor:
    if not 0 <= word < trace.config.vocab_size:
        raise InvalidParameter(name, word, f"must be from 0 to {trace.config.vocab_size - 1:,}")
    return trace.model.head[word].double()


def _of_layer(trace: Trace, layer: int, step: Step, direction: Tensor) -> tuple[list[float], float, float]:
    """Along a direction: what each head of a layer adds at one token, the projection's bias, the network."""
    project = block_of(trace.model, layer).attn.c_proj
    read = (direction @ project.weight.double()).unflatten(0, (trace.config.n_heads, -1))  # H K
    fetched = step.heads[0, 0].double().unflatten(0, (trace.config.n_heads, -1))  # H K
    heads = (fetched * read).sum(dim=-1)
    return heads.tolist(), float(project.bias.double() @ direction), float(step.mlp[0, 0].double() @ direction)
