"""What a change did to the next words: two traces in, before and after side by side out."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from glassgpt.errors import InvalidParameter
from glassgpt.interpret.arrays import Spell, array, number, place, quoted, share
from glassgpt.interpret.trace import Trace


@dataclass(frozen=True, slots=True, eq=False)
class Effect:
    """The words after one position, in two passes. Log-probabilities are natural; `kl` is in nats."""

    position: int
    before: Float32[np.ndarray, " V"]
    """Log-probability of every word."""
    after: Float32[np.ndarray, " V"]
    kl: float
    """How far `after` is from `before`: Σ before · (log before - log after), 0 for no change."""
    spell: Spell = number

    def best(self, top: int = 10) -> Int64[np.ndarray, " N"]:
        """The likeliest words before."""
        return np.argsort(-self.before, kind="stable")[:top]

    def best_after(self, top: int = 10) -> Int64[np.ndarray, " N"]:
        """The likeliest words after."""
        return np.argsort(-self.after, kind="stable")[:top]

    def gains(self, top: int = 10) -> Int64[np.ndarray, " N"]:
        """The words whose probability rises most."""
        return np.argsort(np.exp(self.before) - np.exp(self.after), kind="stable")[:top]

    def losses(self, top: int = 10) -> Int64[np.ndarray, " N"]:
        """The words whose probability falls most."""
        return np.argsort(np.exp(self.after) - np.exp(self.before), kind="stable")[:top]

    def describe(self) -> str:
        """What was and what is the likeliest word, and who wins and loses."""
        first, now = int(self.best(1)[0]), int(self.best_after(1)[0])
        if self.kl < 1e-6:
            return f"Nothing changes: {quoted(self.spell(first))} stays the likeliest word."
        chance = self._changes(first)
        led = f"{quoted(self.spell(first))} goes from {chance}"
        lead = "and stays first" if first == now else f"and {quoted(self.spell(now))} leads ({self._share(now)})"
        gain = int(self.gains(1)[0])
        return f"{led} {lead}; {quoted(self.spell(gain))} gains most ({self._changes(gain)}). KL {self.kl:.3g} nats."

    def _share(self, word: int) -> str:
        return share(float(np.exp(self.after[word])))

    def _changes(self, word: int) -> str:
        return f"{share(float(np.exp(self.before[word])))} to {self._share(word)}"


@torch.inference_mode()
def effect(before: Trace, after: Trace, position: int = -1) -> Effect:
    """Compare what two passes say after one position, counted in each from its own end where negative."""
    if before.config.vocab_size != after.config.vocab_size:
        sizes = (before.config.vocab_size, after.config.vocab_size)
        raise InvalidParameter("after", sizes, "the two must share one vocabulary")
    here = place("position", position, len(before.ids))
    one, other = logprobs(before, position), logprobs(after, position)
    return Effect(here, array(one), array(other), divergence(one, other), before.spell)


def logprobs(trace: Trace, position: int) -> Tensor:
    """Of every word after one position."""
    position = place("position", position, len(trace.ids))
    return trace.scores(trace.stream[-1, position]).float().log_softmax(dim=-1)


def divergence(one: Tensor, other: Tensor) -> float:
    """Kullback and Leibler's, in nats; never below 0."""
    return max(0.0, float((one.double().exp() * (one.double() - other.double())).sum()))
