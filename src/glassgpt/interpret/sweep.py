"""Which part matters here? Every head and every feed-forward network silenced, one at a time.

A part of layer l changes nothing below it, so each pass starts at l from the stream that the trace has kept, and the
heads of a layer go up together as the rows of one batch: half the work of whole passes, and far fewer calls.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from glassgpt.errors import InvalidParameter
from glassgpt.interpret.arrays import Spell, array, listed, number, place, quoted
from glassgpt.interpret.forward import finish, walk
from glassgpt.interpret.intervene import mean, zero
from glassgpt.interpret.part import Head, Mlp
from glassgpt.interpret.trace import Trace
from glassgpt.model import NOTHING

MOST_TOKENS = 4096
"""So many tokens go up at once: bounds the memory of a sweep over a long text."""
NAMED = 3


@dataclass(frozen=True, slots=True, eq=False)
class LayerSweep:
    """One layer's share of a sweep: its heads, then its feed-forward network."""

    layer: int
    changes: Float32[np.ndarray, " N"]
    """Of the word's log-probability, in nats, for each head and at last the network."""
    divergences: Float32[np.ndarray, " N"]
    """KL of the whole distribution, in nats."""

    def describe(self) -> str:
        """The part of this layer that the word needs most."""
        most = int(self.changes.argmin())
        name = str(Mlp(self.layer) if most == len(self.changes) - 1 else Head(self.layer, most))
        return (
            f"In layer {self.layer}, silencing {name} changes the word's log-probability most for the worse: "
            f"{self.changes[most]:+.2f} nats, KL {self.divergences[most]:.3g}."
        )


@dataclass(frozen=True, slots=True, eq=False)
class Sweep:
    """What silencing each part does to one word, and to the distribution, after one position."""

    word: int
    position: int
    how: str
    heads: Float32[np.ndarray, "L H"]
    """Change of the word's log-probability, in nats: below 0, the head helps the word."""
    mlps: Float32[np.ndarray, " L"]
    heads_kl: Float32[np.ndarray, "L H"]
    mlps_kl: Float32[np.ndarray, " L"]
    spell: Spell = number

    def ranked(self) -> list[tuple[str, float]]:
        """All parts by name with what silencing them does, those that help the word most first."""
        heads = [(str(Head(*at)), float(value)) for at, value in np.ndenumerate(self.heads)]
        mlps = [(str(Mlp(layer)), float(value)) for layer, value in enumerate(self.mlps)]
        return sorted(heads + mlps, key=lambda part: part[1])

    def describe(self) -> str:
        """The parts that the word needs most, and those that hold it back."""
        ranked = self.ranked()
        helps = listed([f"{name} ({value:+.2f})" for name, value in ranked[:NAMED] if value < 0])
        hinders = listed([f"{name} ({value:+.2f})" for name, value in ranked[: -NAMED - 1 : -1] if value > 0])
        return (
            f"{quoted(self.spell(self.word))} at position {self.position} loses most, in nats, without "
            f"{helps or 'nothing'}; it gains without {hinders or 'nothing'}."
        )


def sweep(trace: Trace, word: int | None = None, position: int = -1, how: str = "zero") -> Sweep:
    """Silence every head and network, and see what becomes of a word: by default the likeliest."""
    word = int(trace.logits(position).argmax()) if word is None else word
    return gather(trace, word, position, how, sweep_layers(trace, word, position, how))


def gather(trace: Trace, word: int, position: int, how: str, layers: Iterable[LayerSweep]) -> Sweep:
    """The layers of one sweep, in whatever order they came, as its tables."""
    layers = sorted(layers, key=lambda one: one.layer)
    changes, divergences = (np.stack([getattr(one, name) for one in layers]) for name in ("changes", "divergences"))
    return Sweep(
        word=word,
        position=place("position", position, len(trace.ids)),
        how=how,
        heads=changes[:, :-1],
        mlps=changes[:, -1],
        heads_kl=divergences[:, :-1],
        mlps_kl=divergences[:, -1],
        spell=trace.spell,
    )


def sweep_layers(trace: Trace, word: int, position: int = -1, how: str = "zero") -> Iterator[LayerSweep]:
    """The same layer by layer, each as soon as it is ready, the top layer first: it is the quickest."""
    if how not in ("zero", "mean"):
        raise InvalidParameter("how", how, "must be zero or mean")
    if not 0 <= word < trace.config.vocab_size:
        raise InvalidParameter("word", word, f"must be from 0 to {trace.config.vocab_size - 1:,}")
    text = trace.until(place("position", position, len(trace.ids)))
    return (_of_layer(text, layer, word, how) for layer in reversed(range(trace.config.n_layers)))


@torch.inference_mode()
def _of_layer(text: Trace, layer: int, word: int, how: str) -> LayerSweep:
    """All parts of one layer; the text ends where the word would follow."""
    rows = _without_one(text, layer, how)
    count = max(1, MOST_TOKENS // len(text.ids))
    tops = torch.cat([_top(text, layer + 1, part) for part in rows.split(count)])
    before = text.scores(text.stream[-1, -1]).double().log_softmax(dim=-1)
    after = text.scores(tops).double().log_softmax(dim=-1)
    divergences = (before.exp() * (before - after)).sum(dim=-1).clamp_min(0.0)
    return LayerSweep(layer, array(after[:, word] - before[word]), array(divergences))


def _without_one(text: Trace, layer: int, how: str) -> Float[Tensor, "N T D"]:
    """What leaves a layer without its first head, its second …, its network."""
    step, heads, model = text.step(layer), text.config.n_heads, text.model
    positions = torch.arange(len(text.ids), device=text.stream.device)[None]
    others = [one for one in text.inside if not (isinstance(one.part, Head) and one.part.layer == layer)]
    fetched = step.heads.unflatten(-1, (heads, -1)).repeat(heads, 1, 1, 1)  # H T H K
    each = torch.arange(heads, device=fetched.device)
    fetched[each, :, each] = 0.0 if how == "zero" else fetched[each, :, each].mean(dim=1, keepdim=True)
    qkv = (step.q, step.k, step.v)
    q, k, v = (one.expand(heads, -1, -1, -1) for one in qkv)
    before = step.before.expand(heads, -1, -1)
    without_head = finish(model, layer, before, (q, k, v), fetched.flatten(-2), positions, others).after
    silent = zero(Mlp(layer)) if how == "zero" else mean(Mlp(layer), text)
    without_mlp = finish(model, layer, step.before, qkv, step.heads, positions, [*others, silent]).after
    return torch.cat([without_head, without_mlp])


def _top(text: Trace, layer: int, x: Float[Tensor, "N T D"]) -> Float[Tensor, "N D"]:
    """The last token's vector as it leaves the model, for texts that enter at a layer."""
    positions = torch.arange(x.shape[1], device=x.device)[None]
    memories = NOTHING.layers(text.config.n_layers)
    for step in walk(text.model, x, positions, memories, None, text.interventions, layer):
        x = step.after
    return x[:, -1]
