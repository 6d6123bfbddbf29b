"""A map of all words: the token embeddings laid flat, along the two directions in which they differ most.

Principal components, so nothing is tuned and the same weights give the same map. What is near on it may be far apart in
the many directions that it leaves out; `share` says how much of all difference it keeps.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32

from glassgpt.interpret.arrays import array
from glassgpt.model import GPT2


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddingMap:
    """Every word of a model as a point on a plane."""

    points: Float32[np.ndarray, "V 2"]
    """Along the first and the second direction; their mean is 0."""
    share: float
    """Of all variance, what the two directions hold."""

    def describe(self) -> str:
        """How many words, and how much the map keeps."""
        return (
            f"{len(self.points):,} words along the two directions in which their embeddings differ most; the map keeps "
            f"{100 * self.share:.1f} % of all difference."
        )


@torch.inference_mode()
def embedding_map(model: GPT2) -> EmbeddingMap:
    """The token embeddings' first two principal components; of each, the largest entry counts as positive."""
    table = model.wte.weight
    table = table if table.dtype == torch.float64 else table.float()
    centred = table - table.mean(dim=0)
    strengths, directions = torch.linalg.eigh((centred.mT @ centred).double())  # ascending
    best = directions[:, -2:].flip(1)
    best = best * best.gather(0, best.abs().argmax(dim=0, keepdim=True)).sign()
    share = float(strengths[-2:].sum() / strengths.sum().clamp_min(1e-30))
    return EmbeddingMap(array(centred @ best.to(centred)), share)
