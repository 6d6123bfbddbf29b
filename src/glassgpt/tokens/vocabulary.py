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

import regex

from glassgpt.errors import TokenizerError
from glassgpt.tokens.byte_alphabet import BYTE_ORDER, spell, unspell

END_OF_TEXT = "<|endoftext|>"
"""The one special token of GPT-2: stands between documents, and before the first."""

HIGHEST_ID = 2**24 - 1
"""Far above every vocabulary in use, and low enough that a damaged file cannot ask for an embedding of any size."""

Merge = tuple[bytes, bytes]


@dataclass(frozen=True)
class Vocabulary:
    """The ids of all tokens, the merges in order of rank, and the special tokens."""

    ids: Mapping[bytes, int]
    """Every token that text can become: the 256 bytes and what the merges make."""
    merges: Sequence[Merge]
    """Pairs of tokens; each part is a byte or made by an earlier merge."""
    specials: Mapping[str, int]
    """Names that become an id only where the caller allows it."""

    def __post_init__(self) -> None:
        _require_bytes(self.ids)
        _require_order(self.ids, self.merges)
        _require_names(self.ids, self.specials)
        _require_distinct([*self.ids.values(), *self.specials.values()])

    @classmethod
    def from_merges(cls, merges: Sequence[Merge], specials: Iterable[str] = (END_OF_TEXT,)) -> "Vocabulary":
        """Number the tokens as GPT-2 does: bytes in the alphabet's order, then merges by rank, then the specials."""
        ids = {bytes((byte,)): position for position, byte in enumerate(BYTE_ORDER)}
        for left, right in merges:
            ids.setdefault(left + right, len(ids))  # two merges may spell one token: it keeps its first id
        return cls(ids, merges, {name: len(ids) + position for position, name in enumerate(specials)})

    @cached_property
    def size(self) -> int:
        """One more than the highest id: the rows an embedding needs."""
        return max(self.bytes_of) + 1

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
    for rank, (left, right) in enumerate(merges):
        if left not in made or right not in made:
            part = left if left not in made else right
            raise TokenizerError(f"merge {rank} uses {_short(part)}, which is no byte and made by no earlier merge.")
        made.add(left + right)
    if len(set(merges)) != len(merges):
        raise TokenizerError(f"{len(merges) - len(set(merges))} merges stand in the list twice.")
    without_id = next((token for token in made if token not in ids), None)
    if without_id is not None:
        raise TokenizerError(f"a merge makes {_short(without_id)}, which has no id: ids and merges do not match.")
    unreachable = next((token for token in ids if token not in made), None)
    if unreachable is not None:
        raise TokenizerError(f"no merge makes {_short(unreachable)}, which has an id: ids and merges do not match.")


def _require_names(ids: Mapping[bytes, int], specials: Mapping[str, int]) -> None:
    """A special token needs a name that is text, and that files can tell from the spelling of an ordinary token."""
    for name in specials:
        if not name or regex.search(r"[\ud800-\udfff]", name):
            raise TokenizerError(f"{name[:40]!r} cannot be the name of a special token: it is empty or no text.")
        if _spells_one(name, ids):
            raise TokenizerError(f"{name[:40]!r} cannot be the name of a special token: an ordinary one is spelled so.")


def _spells_one(name: str, ids: Mapping[bytes, int]) -> bool:
    try:
        return unspell(name) in ids
    except TokenizerError:
        return False


def _require_distinct(taken: Sequence[int]) -> None:
    repeated = len(taken) - len(set(taken))
    if repeated:
        raise TokenizerError(f"{repeated} ids of the vocabulary stand for a second token.")
    if min(taken) < 0 or max(taken) > HIGHEST_ID:
        raise TokenizerError(f"ids run from {min(taken)} to {max(taken)}; allowed are 0 to {HIGHEST_ID}.")


def _short(token: bytes) -> str:
    return repr(spell(token[:40]))
