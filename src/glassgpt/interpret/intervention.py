"""One change to what a model computes, as arithmetic: new = old · factor + given, at some positions.

zero, scale, mean, freeze and patch are all of this form (`intervene.py` makes them). An attention edge is cut instead,
by its entry in the mask.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from glassgpt.interpret.part import SITES, Edge, Part, Site, Stream, columns
from glassgpt.model import GPT2Config
from glassgpt.model.attend import Mask, causal


@dataclass(frozen=True, slots=True, eq=False)
class Intervention:
    """What happens to one part. `str` says it in words."""

    part: Part
    how: str
    """The verb: zero, scale, mean, freeze, patch, steer."""
    factor: float = 0.0
    given: Float[Tensor, " N"] | Float[Tensor, "T N"] | None = None
    """A vector for every position, or one for each position from 0 on: those beyond stay as they are."""
    at: tuple[int, ...] | None = None
    """The positions that change; None means all, those still to be written too."""

    def __str__(self) -> str:
        factor = f" by {self.factor:g}" if self.how in ("scale", "steer") else ""
        return f"{self.how} {self.part}{factor}" + ("" if self.at is None else f" at {', '.join(map(str, self.at))}")

    def describe(self) -> str:
        """What is done to what, and where."""
        done = {
            "zero": "falls silent",
            "scale": f"speaks {self.factor:g} times as loud",
            "mean": "says the same everywhere, its mean over a text",
            "freeze": "is held to what it said in a text",
            "patch": "says what it said in another text",
            "steer": "has a vector added to it",
        }
        name, where = str(self.part), "" if self.at is None else f" at {', '.join(map(str, self.at))}"
        said = "is cut" if isinstance(self.part, Edge) else done.get(self.how, self.how)
        return f"{name[0].upper()}{name[1:]} {said}{where}."

    def changed(
        self, value: Float[Tensor, "B T W"], positions: Int[Tensor, "#B T"], config: GPT2Config
    ) -> Float[Tensor, "B T W"]:
        """The value with this change made; the original is left alone."""
        mine = columns(self.part, config)
        old = value[..., mine]
        new = value.clone()
        new[..., mine] = torch.where(self._where(positions)[..., None], self._new(old, positions), old)
        return new

    def _new(self, old: Float[Tensor, "B T N"], positions: Int[Tensor, "#B T"]) -> Float[Tensor, "B T N"]:
        if self.given is None:
            return old * self.factor
        given = self.given.to(old)
        if given.ndim == 2:
            given = given[positions.clamp_max(len(given) - 1)]  # T N -> #B T N
        return given.expand_as(old) if self.factor == 0 else old * self.factor + given

    def _where(self, positions: Int[Tensor, "#B T"]) -> Bool[Tensor, "#B T"]:
        where = torch.ones_like(positions, dtype=torch.bool)
        if self.given is not None and self.given.ndim == 2:
            where &= positions < len(self.given)
        at = self.at if not isinstance(self.part, Stream) or self.part.position is None else (self.part.position,)
        if at is not None:
            where &= torch.isin(positions, torch.tensor(at, device=positions.device))
        return where


def apply(
    interventions: Sequence[Intervention],
    site: Site,
    layer: int,
    value: Float[Tensor, "B T W"],
    positions: Int[Tensor, "#B T"],
    config: GPT2Config,
) -> Float[Tensor, "B T W"]:
    """Make all changes at one site of one layer, in the order in which they are given."""
    for one in concerning(interventions, site, layer):
        value = one.changed(value, positions, config)
    return value


def concerning(interventions: Sequence[Intervention], site: Site, layer: int) -> list[Intervention]:
    """Those that are made at one site of one layer."""
    return [one for one in interventions if SITES.get(type(one.part)) == site and one.part.layer == layer]


def without_edges(
    interventions: Sequence[Intervention],
    layer: int,
    q: Float[Tensor, "B H T K"],
    keys: Float[Tensor, "B H S W"],
    mask: Mask,
    positions: Int[Tensor, "#B T"],
) -> Mask:
    """The mask of one layer without the edges that are cut there. Keys are counted from the start of the text."""
    cut = [one.part for one in interventions if isinstance(one.part, Edge) and one.part.layer in (None, layer)]
    if not any(edge.key < keys.shape[2] for edge in cut):
        return mask
    mask = causal(q, keys) if mask is None else mask
    rows, heads = max(mask.shape[0], positions.shape[0]), q.shape[1]
    mask = mask.expand(rows, heads, -1, -1).clone()  # B H T S
    for edge in cut:
        if edge.key < keys.shape[2]:
            which = slice(None) if edge.head is None else slice(edge.head, edge.head + 1)
            mask[:, which, :, edge.key] &= (positions != edge.query)[:, None]
    return mask
