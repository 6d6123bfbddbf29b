"""One token's vector on its way up: a trace and a position in, the vector at every stop out."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32
from torch.nn import functional as F

from glassgpt.interpret.arrays import Spell, array, number, place, quoted
from glassgpt.interpret.trace import Trace


@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """The residual stream of one token, from its embedding to the top, the lowest stop first."""

    position: int
    token: int
    embedding: Float32[np.ndarray, " D"]
    """The token's row of the embedding matrix."""
    place: Float32[np.ndarray, " D"]
    """The position's row; the first stop is the sum of both."""
    vectors: Float32[np.ndarray, "P D"]
    lengths: Float32[np.ndarray, " P"]
    cosines: Float32[np.ndarray, " P"]
    """Of each stop's vector with the one before it; 1 for the first."""
    spell: Spell = number

    def describe(self) -> str:
        """How much longer the vector becomes, and where it turns most."""
        turn = int(self.cosines.argmin())
        where = f"after the {'attention' if turn % 2 else 'network'} of layer {(turn - 1) // 2}"
        return (
            f"The vector of {quoted(self.spell(self.token))} ({self.position}) grows from {self.lengths[0]:.1f} to "
            f"{self.lengths[-1]:.1f}; it turns most {where}, to a cosine of {self.cosines[turn]:.2f}."
        )


@torch.inference_mode()
def way(trace: Trace, position: int = -1) -> Way:
    """Follow one token up."""
    position = place("position", position, len(trace.ids))
    vectors, token = trace.stream[:, position].float(), trace.ids[position]
    turns = F.cosine_similarity(vectors[1:], vectors[:-1], dim=-1)
    return Way(
        position=position,
        token=token,
        embedding=array(trace.model.wte.weight[token]),
        place=array(trace.model.wpe.weight[position]),
        vectors=array(vectors),
        lengths=array(vectors.norm(dim=-1)),
        cosines=array(torch.cat([turns.new_ones(1), turns])),
        spell=trace.spell,
    )
