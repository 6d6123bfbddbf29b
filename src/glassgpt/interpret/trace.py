"""One pass of a model over one text, kept: ids in, everything that happened inside out.

A trace holds the residual stream at every stop and, unless told not to, each layer's queries, keys and values. What
else there is, from one head's pattern to the neurons of a layer, is computed when it is looked at, with the model's own
modules: at 1,024 tokens all tables of attention of GPT-2 small would be 604 MB, the stream and Q, K and V are 190 MB.

Stops of the stream, for L layers: 2·l is what enters layer l, 2·l + 1 what lies between its attention and its
feed-forward network, 2·L what leaves the last layer.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from glassgpt.errors import ContextOverflow, InvalidParameter
from glassgpt.interpret.arrays import Spell, array, number, place
from glassgpt.interpret.forward import Step, block_of, climb, embed, queries_keys_values, walk
from glassgpt.interpret.intervention import Intervention
from glassgpt.interpret.part import Block, Edge, Part, Stream, check, columns
from glassgpt.model import GPT2, NOTHING, GPT2Config


@dataclass(frozen=True, slots=True)
class Kept:
    """Of one layer, the keys and values of all tokens up to one: a memory that is looked at and not extended."""

    keys: Float[Tensor, "1 H S K"]
    values: Float[Tensor, "1 H S K"]

    def extend(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """The new ones are here already."""
        return self.keys, self.values


@final
@dataclass(frozen=True, eq=False)
class Trace:
    """What happened in one pass over one text. `trace` makes it; layers, heads and positions count from 0."""

    model: GPT2
    ids: tuple[int, ...]
    stream: Float[Tensor, "P T D"]
    """The residual stream at its 2·L + 1 stops."""
    kept: tuple[Float[Tensor, "3 H T K"], ...]
    """Queries, keys and values of each layer; empty if they are computed when looked at."""
    interventions: tuple[Intervention, ...] = ()
    spell: Spell = number

    @property
    def config(self) -> GPT2Config:
        """The model's shape."""
        return self.model.config

    @property
    def tokens(self) -> tuple[str, ...]:
        """The text, token by token, as a reader sees it."""
        return tuple(map(self.spell, self.ids))

    @property
    def inside(self) -> list[Intervention]:
        """All interventions but those on the stream, which holds them already."""
        return [one for one in self.interventions if not isinstance(one.part, Stream)]

    def residual(self, stop: int) -> Float32[np.ndarray, "T D"]:
        """The residual stream at one of its stops: 0 is the embedding, -1 what leaves the last layer."""
        return array(self.stream[place("stop", stop, len(self.stream))])

    def queries(self, layer: int) -> Float32[np.ndarray, "H T K"]:
        """What each token asks, in each head."""
        return array(self.qkv(layer)[0])

    def keys(self, layer: int) -> Float32[np.ndarray, "H T K"]:
        """What each token is found by."""
        return array(self.qkv(layer)[1])

    def values(self, layer: int) -> Float32[np.ndarray, "H T K"]:
        """What each token hands over to those that look at it."""
        return array(self.qkv(layer)[2])

    def heads(self, layer: int) -> Float32[np.ndarray, "H T K"]:
        """What each head fetched for each token: the values, weighted by the pattern."""
        return array(self.step(layer).heads.unflatten(-1, (self.config.n_heads, -1))[0].transpose(0, 1))

    def neurons(self, layer: int) -> Float32[np.ndarray, "T W"]:
        """The feed-forward network's inside, after the non-linearity."""
        return array(self.step(layer).neurons[0])

    def attention(self, layer: int) -> Float32[np.ndarray, "T D"]:
        """What a layer's attention adds to the stream."""
        return array(self.step(layer).attention[0])

    def mlp(self, layer: int) -> Float32[np.ndarray, "T D"]:
        """What a layer's feed-forward network adds to the stream."""
        return array(self.step(layer).mlp[0])

    def logits(self, position: int = -1) -> Float32[np.ndarray, " V"]:
        """The score of every word as the one after a position."""
        return array(self.scores(self.stream[-1, place("position", position, len(self.ids))]))

    @torch.inference_mode()
    def scores(self, stream: Float[Tensor, "*rows D"]) -> Float[Tensor, "*rows V"]:
        """What the last normalisation and the head make of a vector of the stream."""
        return self.model.logits(self.model.ln_f(stream))

    @torch.inference_mode()
    def qkv(self, layer: int) -> Float[Tensor, "3 H T K"]:
        """Queries, keys and values of one layer."""
        layer = place("layer", layer, self.config.n_layers)
        return self.kept[layer] if self.kept else self._asked(layer)

    @torch.inference_mode()
    def step(self, layer: int) -> Step:
        """One block's whole computation, done again from the stream that entered it."""
        layer = place("layer", layer, self.config.n_layers)
        positions = torch.arange(len(self.ids), device=self.stream.device)[None]
        return climb(self.model, layer, self.stream[2 * layer][None], positions, interventions=self.inside)

    def at(self, position: int) -> list[Step]:
        """Every block's computation for one token alone, layer by layer: cheap, whatever the text's length."""
        return [self.step_at(layer, position) for layer in range(self.config.n_layers)]

    @torch.inference_mode()
    def step_at(self, layer: int, position: int) -> Step:
        """One block's computation for one token alone."""
        layer, position = place("layer", layer, self.config.n_layers), place("position", position, len(self.ids))
        where = torch.tensor([[position]], device=self.stream.device)
        _, k, v = self.qkv(layer)[:, None, :, : position + 1]
        x = self.stream[2 * layer, position][None, None]
        return climb(self.model, layer, x, where, Kept(k, v), None, self.inside)

    def heads_at(self, layer: int, position: int) -> Float32[np.ndarray, "H K"]:
        """What each head of a layer fetched for one token."""
        return array(self.step_at(layer, position).heads[0, 0].unflatten(-1, (self.config.n_heads, -1)))

    def of(self, part: Part) -> Float[Tensor, "T N"]:
        """The numbers of one part, at every position: what an intervention on it would change."""
        check(part, self.config)
        match part:
            case Edge():
                raise InvalidParameter("part", str(part), "an edge has no numbers of its own; it can only be cut")
            case Stream(layer):
                return self.stream[2 * layer]
            case Block(layer):
                step = self.step(layer)
                return (step.after - step.before)[0]
        step = self.step(part.layer)
        sites = {"Head": step.heads, "Attention": step.attention, "Mlp": step.mlp, "Neuron": step.neurons}
        return sites[type(part).__name__][0, :, columns(part, self.config)]

    def under(self, *interventions: Intervention) -> "Trace":
        """The same text read again, with these interventions instead."""
        return trace(self.model, self.ids, interventions, keep_qkv=bool(self.kept), spell=self.spell)

    def until(self, position: int) -> "Trace":
        """The trace of the text up to a position: nothing later has a part in it."""
        end = place("position", position, len(self.ids)) + 1
        kept = tuple(qkv[:, :, :end] for qkv in self.kept)
        return replace(self, ids=self.ids[:end], stream=self.stream[:, :end], kept=kept)

    def describe(self) -> str:
        """The text, the model's size and the likeliest next word, in a sentence."""
        best = int(self.logits().argmax())
        changed = f", with {len(self.interventions)} interventions" if self.interventions else ""
        return (
            f"{len(self.ids):,} tokens through {self.config.n_layers} layers of {self.config.n_heads} heads{changed}; "
            f"after ‘{self.spell(self.ids[-1])}’ the likeliest word is ‘{self.spell(best)}’."
        )

    def _asked(self, layer: int) -> Float[Tensor, "3 H T K"]:
        block = block_of(self.model, layer)
        return torch.cat(queries_keys_values(block.attn, block.ln_1(self.stream[2 * layer][None])))


@torch.inference_mode()
def trace(
    model: GPT2,
    ids: Sequence[int],
    interventions: Sequence[Intervention] = (),
    *,
    keep_qkv: bool = True,
    spell: Spell = number,
) -> Trace:
    """Read a text and keep what happens.

    Without `keep_qkv` a trace is 40 % as large, and looking at a head takes a matrix more. `spell` writes ids for a
    reader, in `describe`.
    """
    tokens = checked(model, ids)
    for one in interventions:
        check(one.part, model.config)
    row = torch.tensor([tokens], device=model.wte.weight.device)
    positions = torch.arange(len(tokens), device=row.device)[None]
    x = embed(model, row, positions)
    stream = x.new_empty(2 * len(model.h) + 1, *x.shape[1:])
    kept: list[Tensor] = []
    for layer, step in enumerate(walk(model, x, positions, NOTHING.layers(len(model.h)), None, interventions)):
        stream[2 * layer], stream[2 * layer + 1], stream[2 * layer + 2] = step.before[0], step.between[0], step.after[0]
        if keep_qkv:
            kept.append(torch.cat([step.q, step.k, step.v]))
    return Trace(model, tokens, stream, tuple(kept), tuple(interventions), spell)


def checked(model: GPT2, ids: Sequence[int]) -> tuple[int, ...]:
    """A text that the model can read: at least one token, all in its vocabulary, no more than it sees."""
    tokens, config = tuple(int(token) for token in ids), model.config
    if not tokens:
        raise InvalidParameter("ids", tokens, "there is nothing to look at; give at least one token")
    if len(tokens) > config.context_length:
        raise ContextOverflow(f"the text has {len(tokens):,} tokens; the model sees {config.context_length:,}.")
    wrong = next((token for token in tokens if not 0 <= token < config.vocab_size), None)
    if wrong is not None:
        raise InvalidParameter("ids", wrong, f"must be from 0 to {config.vocab_size - 1:,}, the model's vocabulary")
    return tokens
