"""Tables of who looks at whom, that can say what they show. Each is indexed as the array that it holds.

pattern(seen, 5, 1)[7, 3]             the share that token 7 gives to token 3 in head 5.1
np.asarray(looks(seen, 7)).argmax(-1) the token that each head looks at most from token 7
"""

from dataclasses import dataclass, replace
from typing import SupportsIndex, TypeVar

import numpy as np
from jaxtyping import Float32

from glassgpt.interpret.arrays import Spell, listed, number, quoted, share

NAMED = 3
"""So many tokens are named in a sentence."""


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """An array with a name: what stands in brackets is asked of its `values`, and NumPy takes it as the array."""

    values: Float32[np.ndarray, "..."]

    def __getitem__(self, place: SupportsIndex | slice | tuple[SupportsIndex | slice, ...]) -> np.ndarray | np.float32:
        return self.values[place]

    def __array__(self, dtype: np.dtype | None = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.values, dtype, copy=copy)


@dataclass(frozen=True, slots=True, eq=False)
class HeadTable(Numbers):
    """What each token (row) has to do with each other one (column) in one head."""

    values: Float32[np.ndarray, "T T"]
    layer: int
    head: int
    ids: tuple[int, ...]
    weighted: bool = False
    """Whether these are lengths in the stream, as `value_weighted` gives them; otherwise shares of attention."""
    spell: Spell = number

    def describe(self, query: int = -1) -> str:
        """Where the head looks from one token, or from where it brings most."""
        who, row, at = f"Head {self.layer}.{self.head}", self.values[query], query % len(self.ids)
        if not self.weighted:
            return looking(row, who, self.ids, query, self.spell)
        best = [key for key in np.argsort(-row, kind="stable")[:NAMED] if row[key] > 0]
        said = [f"{quoted(self.spell(self.ids[key]))} ({key}, a length of {row[key]:.2g})" for key in best]
        return f"{who} brings to {quoted(self.spell(self.ids[at]))} ({at}) most from {listed(said) or 'nowhere'}."


@dataclass(frozen=True, slots=True, eq=False)
class Looks(Numbers):
    """Where every head of every layer looks from one token: shares over the S tokens up to it."""

    values: Float32[np.ndarray, "L H S"]
    position: int
    ids: tuple[int, ...]
    spell: Spell = number

    def describe(self) -> str:
        """What most heads look at, and which head is surest of another token."""
        best, own = self.values.argmax(axis=-1), self._word(self.position)
        places, counts = np.unique(best, return_counts=True)
        most = int(places[counts.argmax()])
        said = f"From {own}, {counts.max()} of {best.size} heads look most at {self._word(most)}"
        others = np.where(np.arange(self.values.shape[-1]) == most, -1.0, self.values)
        layer, head, key = (int(n) for n in np.unravel_index(others.argmax(), others.shape))
        if others[layer, head, key] <= 0:
            return f"{said}."
        return (
            f"{said}; of the rest, {self._word(key)} gets most from head {layer}.{head} ({share(float(others.max()))})."
        )

    def _word(self, at: int) -> str:
        return f"{quoted(self.spell(self.ids[at]))} ({at})"


@dataclass(frozen=True, slots=True, eq=False)
class Thumbnails(Numbers):
    """The patterns of a layer's heads, small: each cell shows the strongest entry of its patch."""

    values: Float32[np.ndarray, "H N N"]
    layer: int
    tokens: int
    """So many tokens a side, in the whole pattern."""

    def describe(self) -> str:
        """How much is shown in how little, and which heads spread their looks least and most."""
        spread = (self.values > 0.5).mean(axis=(1, 2))
        side, surest, vaguest = self.values.shape[1], int(spread.argmax()), int(spread.argmin())
        return (
            f"Layer {self.layer}: {len(self.values)} heads over {self.tokens:,} tokens, each in {side} × {side} cells; "
            f"head {self.layer}.{surest} has most cells above a half ({share(float(spread[surest]))}), "
            f"head {self.layer}.{vaguest} fewest ({share(float(spread[vaguest]))})."
        )


Table = TypeVar("Table", HeadTable, Looks)


def without_first(table: Table) -> Table:
    """A table without its first key, which soaks up what a head has no use for; shares sum to 1 again, or to 0.

    Of a table of lengths, too, the rest is written as shares.
    """
    rest = table.values.copy()
    rest[..., 0] = 0.0
    total = rest.sum(-1, keepdims=True)
    shares = np.divide(rest, total, out=np.zeros_like(rest), where=total > 0)
    return replace(table, values=shares, **({"weighted": False} if isinstance(table, HeadTable) else {}))


def looking(row: Float32[np.ndarray, " S"], who: str, ids: tuple[int, ...], query: int, spell: Spell) -> str:
    """`Head 5.1 at ‘·it’ (8): 62 % on ‘·animal’ (3), 20 % on ‘·The’ (0).`"""
    best = np.argsort(-row, kind="stable")[:NAMED]
    seen = [f"{share(float(row[key]))} on {quoted(spell(ids[key]))} ({key})" for key in best if row[key] >= 0.01]
    at = query % len(ids)
    return f"{who} at {quoted(spell(ids[at]))} ({at}): {', '.join(seen) or 'it looks nowhere'}."
