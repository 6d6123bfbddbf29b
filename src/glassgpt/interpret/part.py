"""The parts of a model that can be looked at and changed, and where in a block each one is met.

Sites, in the order in which a token passes them (T tokens, D width, W feed-forward width):

    stream      T D   what enters the block
    heads       T D   what the heads fetched, side by side: head h has columns h·K to (h+1)·K
    attention   T D   what attention adds to the stream
    neurons     T W   the feed-forward network's inside, after the non-linearity
    mlp         T D   what the feed-forward network adds
    block       T D   what the whole block adds
"""

from dataclasses import dataclass, fields
from typing import Literal

from glassgpt.errors import InvalidParameter
from glassgpt.model import GPT2Config

Site = Literal["stream", "heads", "attention", "neurons", "mlp", "block"]


@dataclass(frozen=True, slots=True)
class Head:
    """One attention head of one layer: what it fetches, before the projection."""

    layer: int
    head: int

    def __str__(self) -> str:
        return f"head {self.layer}.{self.head}"


@dataclass(frozen=True, slots=True)
class Attention:
    """The attention of one layer, all heads and the projection's bias: what it adds to the stream."""

    layer: int

    def __str__(self) -> str:
        return f"attention {self.layer}"


@dataclass(frozen=True, slots=True)
class Mlp:
    """The feed-forward network of one layer: what it adds to the stream."""

    layer: int

    def __str__(self) -> str:
        return f"mlp {self.layer}"


@dataclass(frozen=True, slots=True)
class Neuron:
    """One unit inside a feed-forward network, after the non-linearity."""

    layer: int
    neuron: int

    def __str__(self) -> str:
        return f"neuron {self.layer}.{self.neuron}"


@dataclass(frozen=True, slots=True)
class Block:
    """A whole block: what it adds to the stream. Zeroed, the token passes it unchanged."""

    layer: int

    def __str__(self) -> str:
        return f"block {self.layer}"


@dataclass(frozen=True, slots=True)
class Stream:
    """The residual stream as it enters a layer, of one position or, with None, of all."""

    layer: int = 0
    position: int | None = None

    def __str__(self) -> str:
        return f"stream {self.layer}" if self.position is None else f"position {self.position} at layer {self.layer}"


@dataclass(frozen=True, slots=True)
class Edge:
    """One token's sight of another: `query` looks at `key`, in one head, in all of a layer or, with None, anywhere."""

    query: int
    key: int
    layer: int | None = None
    head: int | None = None

    def __str__(self) -> str:
        where = "" if self.layer is None else f" in layer {self.layer}" if self.head is None else ""
        where = where if self.head is None else f" in head {self.layer}.{self.head}"
        return f"edge {self.query}→{self.key}{where}"


Part = Head | Attention | Mlp | Neuron | Block | Stream | Edge

SITES: dict[type, Site] = {
    Head: "heads",
    Attention: "attention",
    Mlp: "mlp",
    Neuron: "neurons",
    Block: "block",
    Stream: "stream",
}


def columns(part: Part, config: GPT2Config) -> slice:
    """Which columns of its site belong to a part."""
    match part:
        case Head(_, head):
            return slice(head * config.head_dim, (head + 1) * config.head_dim)
        case Neuron(_, neuron):
            return slice(neuron, neuron + 1)
        case _:
            return slice(None)


def check(part: Part, config: GPT2Config) -> None:
    """Refuse a part that the model does not have."""
    limits = {
        "layer": config.n_layers,
        "head": config.n_heads,
        "neuron": config.mlp_width,
        "position": config.context_length,
        "query": config.context_length,
        "key": config.context_length,
    }
    for field in fields(part):
        value = getattr(part, field.name)
        if value is not None and not 0 <= value < limits[field.name]:
            raise InvalidParameter(field.name, value, f"{part}: must be from 0 to {limits[field.name] - 1:,}")
    if isinstance(part, Edge) and part.key > part.query:
        raise InvalidParameter("key", part.key, f"no token sees a later one; must be from 0 to {part.query}")
    if isinstance(part, Edge) and part.head is not None and part.layer is None:
        raise InvalidParameter("layer", None, "a head is one of a layer: give both")
