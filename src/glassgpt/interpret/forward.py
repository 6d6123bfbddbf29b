"""GPT-2 once more, a block at a time with every intermediate result in the open, and with interventions.

It uses the model's own modules, so it works for any model that `glassgpt.model` can be, on any device, with any past,
and a test says that it equals the model's own pass. Dropout is never applied: here a model is read, not trained.

Shapes: B rows, T new tokens, S visible ones, D width, H heads, K head width, W feed-forward width.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from jaxtyping import Float, Int
from torch import Tensor

from glassgpt.interpret.intervention import Intervention, apply, concerning, without_edges
from glassgpt.model import GPT2, NOTHING, Past
from glassgpt.model.attend import LayerPast, Mask
from glassgpt.model.gpt2 import Attention, Block, join_heads, split_heads


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """All that one block computes, in the order in which it does; changes are made already."""

    before: Float[Tensor, "B T D"]
    """The residual stream that enters."""
    q: Float[Tensor, "B H T K"]
    k: Float[Tensor, "B H T K"]
    v: Float[Tensor, "B H T K"]
    heads: Float[Tensor, "B T D"]
    """What the heads fetched, side by side."""
    attention: Float[Tensor, "B T D"]
    """What attention adds to the stream."""
    between: Float[Tensor, "B T D"]
    neurons: Float[Tensor, "B T W"]
    mlp: Float[Tensor, "B T D"]
    """What the feed-forward network adds."""
    after: Float[Tensor, "B T D"]


def hidden(
    model: GPT2, ids: Int[Tensor, "B T"], past: Past = NOTHING, interventions: Sequence[Intervention] = ()
) -> Float[Tensor, "B T D"]:
    """`GPT2.hidden` with interventions: what the model makes of each token, just before the head."""
    x = embed(model, ids, past.positions(ids))
    for step in walk(model, x, past.positions(ids), past.layers(len(model.h)), past.mask(ids), interventions):
        x = step.after
    return model.ln_f(x)


def reading(*interventions: Intervention) -> Callable[[GPT2, Tensor, Past], Tensor]:
    """How a model is read under interventions, for `TorchBackend(model, hidden=...)`: so it writes under them."""
    return partial(hidden, interventions=interventions)


def embed(model: GPT2, ids: Int[Tensor, "B T"], positions: Int[Tensor, "#B T"]) -> Float[Tensor, "B T D"]:
    """A vector for each token, and its place added."""
    return model.wte(ids) + model.wpe(positions)


def walk(
    model: GPT2,
    x: Float[Tensor, "B T D"],
    positions: Int[Tensor, "#B T"],
    memories: Iterable[LayerPast],
    mask: Mask = None,
    interventions: Sequence[Intervention] = (),
    first: int = 0,
) -> Iterator[Step]:
    """Climb from layer `first` to the top; `x` is what enters there."""
    for layer, memory in zip(range(first, len(model.h)), memories, strict=False):
        step = climb(model, layer, x, positions, memory, mask, interventions)
        yield step
        x = step.after


def climb(
    model: GPT2,
    layer: int,
    x: Float[Tensor, "B T D"],
    positions: Int[Tensor, "#B T"],
    memory: LayerPast = NOTHING,
    mask: Mask = None,
    interventions: Sequence[Intervention] = (),
) -> Step:
    """One block."""
    block = block_of(model, layer)
    before = apply(interventions, "stream", layer, x, positions, model.config)
    q, k, v = queries_keys_values(block.attn, block.ln_1(before))
    keys, values = memory.extend(k, v)
    allowed = without_edges(interventions, layer, q, keys, mask, positions)
    fetched = block.attn.attend(q, keys, values, allowed, block.attn.scale)
    if allowed is not None and allowed is not mask:  # not every implementation of attention knows of the blind
        fetched = fetched.masked_fill(~allowed.any(dim=-1, keepdim=True), 0.0)
    return finish(model, layer, before, (q, k, v), join_heads(fetched), positions, interventions)


def finish(
    model: GPT2,
    layer: int,
    before: Float[Tensor, "B T D"],
    qkv: tuple[Tensor, Tensor, Tensor],
    fetched: Float[Tensor, "B T D"],
    positions: Int[Tensor, "#B T"],
    interventions: Sequence[Intervention] = (),
) -> Step:
    """The rest of a block, from what its heads fetched."""
    block, config = block_of(model, layer), model.config
    heads = apply(interventions, "heads", layer, fetched, positions, config)
    attention = apply(interventions, "attention", layer, block.attn.c_proj(heads), positions, config)
    between = before + attention
    inside = block.mlp.act(block.mlp.c_fc(block.ln_2(between)))
    neurons = apply(interventions, "neurons", layer, inside, positions, config)
    mlp = apply(interventions, "mlp", layer, block.mlp.c_proj(neurons), positions, config)
    after = between + mlp
    if concerning(interventions, "block", layer):
        after = before + apply(interventions, "block", layer, after - before, positions, config)
    return Step(before, *qkv, heads, attention, between, neurons, mlp, after)


def queries_keys_values(attention: Attention, x: Float[Tensor, "B T D"]) -> tuple[Tensor, Tensor, Tensor]:
    """What each head asks, what it is found by, and what it hands over: each B H T K."""
    q, k, v = (split_heads(part, attention.n_heads) for part in attention.c_attn(x).chunk(3, dim=-1))
    return q, k, v


def block_of(model: GPT2, layer: int) -> Block:
    """One block, as its type."""
    block = model.h[layer]
    assert isinstance(block, Block)
    return block
