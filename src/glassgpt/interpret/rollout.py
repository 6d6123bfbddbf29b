"""Attention rollout: how much of each token of the text is in one token's vector, if attention were all there is.

Half of what leaves a layer came along the stream and half through attention, in the mean of its heads' patterns; the
product of these tables from the first layer to the last says what came from where (Abnar and Zuidema 2020). It knows
nothing of values, projections and feed-forward networks: a rough map, cheap at any length.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32

from glassgpt.interpret.arrays import Spell, array, listed, number, place, quoted, share
from glassgpt.interpret.attention import patterns
from glassgpt.interpret.trace import Trace

NAMED = 3


@dataclass(frozen=True, slots=True, eq=False)
class Rollout:
    """Shares of the S tokens up to a position in its vector, after each layer: row l is what leaves layer l."""

    position: int
    ids: tuple[int, ...]
    shares: Float32[np.ndarray, "L S"]
    spell: Spell = number

    def describe(self) -> str:
        """The tokens that the vector at the top is made of most, and what is left of the token itself."""
        top = self.shares[-1]
        best = np.argsort(-top, kind="stable")[:NAMED]
        said = listed([f"{quoted(self.spell(self.ids[at]))} ({at}, {share(float(top[at]))})" for at in best])
        own = f"{quoted(self.spell(self.ids[-1]))} ({self.position})"
        return f"By attention alone, {own} ends as {said}; of itself there is {share(float(top[-1]))} left."


@torch.inference_mode()
def rollout(trace: Trace, position: int = -1) -> Rollout:
    """Roll attention out for one token."""
    position = place("position", position, len(trace.ids))
    text = trace.until(position)
    identity = torch.eye(len(text.ids), device=text.stream.device)
    rows = identity[:0]  # one for each layer above: what its output has of the tokens here
    for layer in reversed(range(text.config.n_layers)):
        mixed = (patterns(text, layer).mean(dim=0) + identity) / 2
        rows = torch.cat([identity[-1:], rows]) @ mixed
    return Rollout(position, text.ids, array(rows), text.spell)
