"""Which words a part speaks for, and against: what it adds to every logit at one position.

The same arithmetic as direct attribution, for all words at once: the last normalisation's scale stays what it was.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor

from glassgpt.errors import InvalidParameter
from glassgpt.interpret.arrays import Spell, array, listed, number, place, quoted
from glassgpt.interpret.attention import output_matrix
from glassgpt.interpret.forward import block_of
from glassgpt.interpret.part import Attention, Block, Head, Mlp, Neuron, Part, Stream, check
from glassgpt.interpret.trace import Trace

NAMED = 5


@dataclass(frozen=True, slots=True, eq=False)
class Promoted:
    """The words whose logits one part raises most, and lowers most, at one position."""

    part: Part
    position: int
    raised: Int64[np.ndarray, " N"]
    gains: Float32[np.ndarray, " N"]
    lowered: Int64[np.ndarray, " N"]
    losses: Float32[np.ndarray, " N"]
    length: float
    """Of what the part adds to the stream."""
    spell: Spell = number

    def describe(self) -> str:
        """The words at both ends."""
        up, down = (
            listed([f"{quoted(self.spell(int(word)))} ({value:+.2f})" for word, value in pairs][:NAMED])
            for pairs in (zip(self.raised, self.gains, strict=True), zip(self.lowered, self.losses, strict=True))
        )
        return f"At position {self.position}, {self.part} speaks for {up}, and against {down}."


@torch.inference_mode()
def promoted(trace: Trace, part: Part, position: int = -1, top: int = 10) -> Promoted:
    """The `top` words that a part speaks for, and as many that it speaks against."""
    if not 1 <= top <= trace.config.vocab_size:
        raise InvalidParameter("top", top, f"must be from 1 to {trace.config.vocab_size:,}")
    position = place("position", position, len(trace.ids))
    vector = written(trace, part, position)
    added = spoken(trace, vector, position)
    order = added.sort(descending=True, stable=True)
    ids, values = order.indices.cpu().numpy(), array(order.values)
    return Promoted(
        part=part,
        position=position,
        raised=ids[:top],
        gains=values[:top],
        lowered=ids[::-1][:top].copy(),
        losses=values[::-1][:top].copy(),
        length=float(vector.float().norm()),
        spell=trace.spell,
    )


def spoken(trace: Trace, vector: Float[Tensor, " D"], position: int) -> Float[Tensor, " V"]:
    """What a part of the stream adds to every word's logit."""
    final = trace.stream[-1, position].float()
    scale = (final.var(unbiased=False) + trace.config.layer_norm_eps).sqrt()
    centred = (vector.float() - vector.float().mean()) / scale * trace.model.ln_f.weight.float()
    return trace.model.logits(centred.to(vector.dtype)).float()


@torch.inference_mode()
def written(trace: Trace, part: Part, position: int) -> Float[Tensor, " D"]:
    """What a part adds to the stream at one position."""
    check(part, trace.config)
    match part:
        case Stream(layer):
            return trace.stream[2 * layer, position]
        case Head() | Attention() | Mlp() | Neuron() | Block():
            step = trace.step_at(part.layer, position)
        case _:
            raise InvalidParameter("part", str(part), "an edge writes nothing by itself; take its head")
    match part:
        case Head(layer, head):
            width = trace.config.head_dim
            return step.heads[0, 0, head * width : (head + 1) * width] @ output_matrix(trace, layer, head)
        case Neuron(layer, neuron):
            return step.neurons[0, 0, neuron] * block_of(trace.model, layer).mlp.c_proj.weight[:, neuron]
        case Attention():
            return step.attention[0, 0]
        case Mlp():
            return step.mlp[0, 0]
        case _:
            return (step.after - step.before)[0, 0]
