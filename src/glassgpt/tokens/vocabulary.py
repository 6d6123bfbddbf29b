"""Merges in, ids out: what a byte-level vocabulary is, without any way of using it.

A token is a string of bytes. 256 tokens are the single bytes; every other one is two earlier tokens joined by a merge,
and the order of the merges is their rank. Special tokens are names beside that system: no text turns into one unless
the caller allows it.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from glassgpt.errors import TokenizerError
from glassgpt.tokens.byte_alphabet import BYTE_ORDER, spell

END_OF_TEXT = "<|endoftext|>"
"""The one special token of GPT-2: stands between documents, and before the first."""

Merge = tuple[bytes, bytes]


@dataclass(frozen=True)
class Vocabulary:
    """The ids of all tokens, the merges in order of rank, and the special tokens."""

    ids: Mapping[bytes, int]
    merges: Sequence[Merge]
    specials: Mapping[str, int]

    def __post_init__(self) -> None:
        _require_bytes(self.ids)
        _require_order(self.ids, self.merges)
        _require_distinct(self.ids, self.specials)

    @classmethod
    def from_merges(cls, merges: Sequence[Merge], specials: Iterable[str] = (END_OF_TEXT,)) -> "Vocabulary":
        """Number the tokens as GPT-2 does: bytes in the alphabet's order, then merges by rank, then the specials."""
        ids = {bytes((byte,)): position for position, byte in enumerate(BYTE_ORDER)}
        for left, right in merges:
            ids.setdefault(left + right, len(ids))  # two merges may spell one token: it keeps its first id
        return cls(ids, merges, {name: len(ids) + position for position, name in enumerate(specials)})

    @property
    def size(self) -> int:
        """One more than the highest id: the rows an embedding needs."""
        return max(*self.ids.values(), *self.specials.values(), 0) + 1

    @cached_property
    def ranks(self) -> dict[Merge, int]:
        """The rank of each merge; the lowest is merged first."""
        return {merge: rank for rank, merge in enumerate(self.merges)}

    @cached_property
    def bytes_of(self) -> dict[int, bytes]:
        """What each id stands for, special tokens included."""
        named = {position: name.encode() for name, position in self.specials.items()}
        return {position: token for token, position in self.ids.items()} | named

    @cached_property
    def fingerprint(self) -> str:
        """sha256 of ids, merges and specials: equal exactly when two vocabularies encode alike."""
        ids = sorted((position, spell(token)) for token, position in self.ids.items())
        merges = [f"{spell(left)} {spell(right)}" for left, right in self.merges]
        canonical = json.dumps([ids, merges, sorted(self.specials.items())], separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


def _require_bytes(ids: Mapping[bytes, int]) -> None:
    missing = [byte for byte in range(256) if bytes((byte,)) not in ids]
    if missing:
        raise TokenizerError(
            f"the vocabulary has no token for {len(missing)} of the 256 bytes (the first is 0x{missing[0]:02x}), "
            "so some text could not be encoded. A byte-level vocabulary holds all 256."
        )


def _require_order(ids: Mapping[bytes, int], merges: Sequence[Merge]) -> None:
    made = {bytes((byte,)) for byte in range(256)}
    seen: set[Merge] = set()
    for rank, (left, right) in enumerate(merges):
        if (left, right) in seen:
            raise TokenizerError(f"merge {rank} ({spell(left)} {spell(right)}) stands in the list twice.")
        for part in (left, right):
            if part not in made:
                raise TokenizerError(f"merge {rank} uses {spell(part)[:40]!r}, which no earlier merge makes.")
        if left + right not in ids:
            raise TokenizerError(f"merge {rank} makes {spell(left + right)[:40]!r}, which has no id.")
        seen.add((left, right))
        made.add(left + right)
    unreachable = next((token for token in ids if token not in made), None)
    if unreachable is not None:
        raise TokenizerError(
            f"no merge makes {spell(unreachable)[:40]!r}: vocabulary and merges do not belong together."
        )


def _require_distinct(ids: Mapping[bytes, int], specials: Mapping[str, int]) -> None:
    if "" in specials:
        raise TokenizerError("a special token has an empty name.")
    taken = [*ids.values(), *specials.values()]
    if len(set(taken)) != len(taken):
        raise TokenizerError(f"{len(taken) - len(set(taken))} ids of the vocabulary are used twice.")
    if min(taken) < 0 or max(taken) >= 1 << 31:
        raise TokenizerError(f"ids run from {min(taken)} to {max(taken)}; allowed are 0 to 2,147,483,647.")
