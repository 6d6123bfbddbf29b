"""The logit lens: what the model would say if it stopped at each layer (nostalgebraist 2020).

The stream at a stop goes through the last normalisation, *with its scale computed there*, and the head. That differs
from direct attribution (`attribution.py`), which keeps the scale of the final stream: do not compare their numbers.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, Int64

from glassgpt.errors import InvalidParameter
from glassgpt.interpret.arrays import Spell, array, number, place, quoted, share
from glassgpt.interpret.trace import Trace


@dataclass(frozen=True, slots=True, eq=False)
class Lens:
    """The likeliest words at each stop of one token's way up, the lowest stop first."""

    position: int
    stops: tuple[int, ...]
    """As in `Trace.stream`: 2·l enters layer l, 2·l + 1 is after its attention."""
    ids: Int64[np.ndarray, "N W"]
    probabilities: Float32[np.ndarray, "N W"]
    lengths: Float32[np.ndarray, " N"]
    """Of the token's vector, at each stop."""
    spell: Spell = number

    def describe(self) -> str:
        """From where on the final word leads."""
        final = int(self.ids[-1, 0])
        lead = next(n for n in range(len(self.stops)) if (self.ids[n:, 0] == final).all())
        return (
            f"Position {self.position} ends with {quoted(self.spell(final))} "
            f"({share(float(self.probabilities[-1, 0]))}), which leads {stop_name(self.stops[lead])}; "
            f"at first the lens shows {quoted(self.spell(int(self.ids[0, 0])))}."
        )


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """One word's way through the layers: how likely it is at each stop, and how many words are likelier."""

    word: int
    position: int
    stops: tuple[int, ...]
    ranks: Int64[np.ndarray, " N"]
    """1 is the likeliest; of equal words the lower id comes first."""
    probabilities: Float32[np.ndarray, " N"]
    logits: Float32[np.ndarray, " N"]
    spell: Spell = number

    def describe(self) -> str:
        """Where the word starts, where it ends, where it is best."""
        best = int(self.ranks.argmin())
        return (
            f"{quoted(self.spell(self.word))} is rank {self.ranks[0]:,} at the embedding and rank {self.ranks[-1]:,} "
            f"at the end ({share(float(self.probabilities[-1]))}); it is best {stop_name(self.stops[best])}, "
            f"at rank {self.ranks[best]:,}."
        )


def stop_name(stop: int) -> str:
    """Where in the model a stop of the stream is."""
    if stop == 0:
        return "from the embedding on"
    return f"after the attention of layer {stop // 2}" if stop % 2 else f"after layer {stop // 2 - 1}"


@torch.inference_mode()
def lens(trace: Trace, position: int = -1, top: int = 10) -> Lens:
    """The `top` likeliest words at every stop of one position."""
    if not 1 <= top <= trace.config.vocab_size:
        raise InvalidParameter("top", top, f"must be from 1 to {trace.config.vocab_size:,}")
    position = place("position", position, len(trace.ids))
    stream = trace.stream[:, position]
    chances = trace.scores(stream).float().softmax(dim=-1)
    best = chances.sort(dim=-1, descending=True, stable=True)
    ids = best.indices[:, :top].cpu().numpy()
    lengths = array(stream.float().norm(dim=-1))
    return Lens(position, stops(trace), ids, array(best.values[:, :top]), lengths, trace.spell)


@torch.inference_mode()
def lens_of_layer(trace: Trace, stop: int, first: int = 0, end: int | None = None) -> Lens:
    """The likeliest word at one stop, for each position from `first` to before `end`: a row of the lens of a text.

    `position` and `stops` of the answer are those of this row: one stop, as often as there are positions.
    """
    stop = place("stop", stop, len(trace.stream))
    stream = trace.stream[stop, first:end]
    best = trace.scores(stream).float().softmax(dim=-1).max(dim=-1, keepdim=True)
    ids = best.indices.cpu().numpy()
    return Lens(first, (stop,) * len(ids), ids, array(best.values), array(stream.float().norm(dim=-1)), trace.spell)


@torch.inference_mode()
def watch(trace: Trace, word: int, position: int = -1) -> Watched:
    """Follow one word, by its id, through all stops of one position."""
    if not 0 <= word < trace.config.vocab_size:
        raise InvalidParameter("word", word, f"must be from 0 to {trace.config.vocab_size - 1:,}")
    position = place("position", position, len(trace.ids))
    logits = trace.scores(trace.stream[:, position]).float()
    mine = logits[:, word : word + 1]
    ahead = (logits > mine).sum(dim=-1) + (logits[:, :word] == mine).sum(dim=-1)
    chances = logits.log_softmax(dim=-1)[:, word].exp()
    ranks = (ahead + 1).cpu().numpy()
    return Watched(word, position, stops(trace), ranks, array(chances), array(mine[:, 0]), trace.spell)


def stops(trace: Trace) -> tuple[int, ...]:
    """All stops of the stream."""
    return tuple(range(len(trace.stream)))
