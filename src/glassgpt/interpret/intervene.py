"""Interventions made: a part and what is to happen to it in, an `Intervention` out. They compose: give a list of them.

    zero    nothing comes of the part
    scale   it speaks louder or softer; a negative factor turns it round
    mean    it says the same everywhere: its mean over the positions of a reference text
    freeze  it says what it said in the reference, whatever else changes
    patch   it says what it said in another text
    steer   a vector is added to the stream

The reference is a trace, usually the one without interventions. Positions that a reference does not have (those that
are yet to be written) stay as they are under freeze and patch.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from glassgpt.errors import InvalidParameter
from glassgpt.interpret.intervention import Intervention
from glassgpt.interpret.part import Edge, Part, Stream
from glassgpt.interpret.trace import Trace


def zero(part: Part, at: Sequence[int] | None = None) -> Intervention:
    """Silence a part, or cut an edge: the token looks at the others instead, which share what the cut one had."""
    return Intervention(part, "zero", at=_places(part, at))


def cut(query: int, key: int, layer: int | None = None, head: int | None = None) -> Intervention:
    """Cut an edge: one token no longer sees another, in one head, in all of a layer or, with None, anywhere."""
    return zero(Edge(query, key, layer, head))


def scale(part: Part, factor: float, at: Sequence[int] | None = None) -> Intervention:
    """Multiply what a part says."""
    if isinstance(part, Edge):
        raise InvalidParameter("part", str(part), "an edge can only be cut; use zero")
    return Intervention(part, "scale", factor=factor, at=_places(part, at))


def mean(part: Part, reference: Trace, at: Sequence[int] | None = None) -> Intervention:
    """Replace what a part says by its mean over the positions of a text: gentler than zero, which no model expects."""
    return Intervention(part, "mean", given=reference.of(part).mean(dim=0).clone(), at=_places(part, at))


def freeze(part: Part, reference: Trace, at: Sequence[int] | None = None) -> Intervention:
    """Hold a part to what it said at each position of a text."""
    return Intervention(part, "freeze", given=reference.of(part).clone(), at=_places(part, at))


def patch(
    part: Part, source: Trace, at: Sequence[int] | None = None, taken: Sequence[int] | None = None
) -> Intervention:
    """Put in what a part said in another text: at each position what stood there, or at `at` what stood at `taken`."""
    said, places = source.of(part).clone(), _places(part, at)
    if taken is None:
        return Intervention(part, "patch", given=said, at=places)
    where = places or _own(part)
    if where is None or len(taken) != len(where):
        raise InvalidParameter("taken", taken, "needs a position of the other text for each one in `at`")
    wrong = next((place for place in taken if not 0 <= place < len(said)), None)
    if wrong is not None:
        raise InvalidParameter("taken", wrong, f"must be from 0 to {len(said) - 1}, in the other text")
    given = said.new_zeros(max(where) + 1, said.shape[1])
    given[list(where)] = said[list(taken)]
    return Intervention(part, "patch", given=given, at=places)


def steer(
    layer: int, vector: Float[Tensor, " D"], strength: float = 1.0, at: Sequence[int] | None = None
) -> Intervention:
    """Add a vector to the stream as it enters a layer, at every position or at some."""
    return Intervention(Stream(layer), "steer", factor=1.0, given=torch.as_tensor(vector) * strength, at=_tuple(at))


def _places(part: Part, at: Sequence[int] | None) -> tuple[int, ...] | None:
    if at is not None and (isinstance(part, Edge) or _own(part) is not None):
        raise InvalidParameter("at", at, f"{part} says itself where it is; leave `at` out")
    return _tuple(at)


def _own(part: Part) -> tuple[int, ...] | None:
    """The position that a part of the stream names itself."""
    return (part.position,) if isinstance(part, Stream) and part.position is not None else None


def _tuple(at: Sequence[int] | None) -> tuple[int, ...] | None:
    if at is None:
        return None
    wrong = next((place for place in at if place < 0), None)
    if wrong is not None:
        raise InvalidParameter("at", wrong, "positions count from 0, because a text may grow; must be ≥ 0")
    return tuple(at)
