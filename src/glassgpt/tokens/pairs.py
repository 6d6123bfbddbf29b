"""Pieces with their counts in, the most frequent pair of neighbours out, again and again while pairs are joined.

Counting all pairs anew after each join would take a pass over the corpus for every token. Only the neighbours of a
joined pair change, so each join costs what it touches: all pieces lie in one row, every place knows the next and the
previous token, every pair knows its places. The best pair comes from a heap; an entry whose count has changed since
is corrected when it surfaces.
"""

from array import array
from collections import defaultdict
from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from itertools import pairwise

from glassgpt.tokens.vocabulary import Merge

_WALL = b""
"""Stands between two pieces, and at every place whose token was joined to the one before it."""

_INVERTED = bytes(255 - byte for byte in range(256))


class Pairs:
    """All pairs of neighbouring tokens, with how often and where they occur."""

    def __init__(self, pieces: Iterable[tuple[bytes, int]]) -> None:
        self._tokens: list[bytes] = [_WALL]
        self._times = array("q", [0])
        single = [bytes((byte,)) for byte in range(256)]
        for piece, times in pieces:
            self._tokens.extend(map(single.__getitem__, piece))
            self._tokens.append(_WALL)
            self._times.extend([times] * (len(piece) + 1))
        self._after = array("q", range(1, len(self._tokens) + 1))
        self._before = array("q", range(-1, len(self._tokens) - 1))
        self._count: defaultdict[Merge, int] = defaultdict(int)
        self._places: defaultdict[Merge, array[int]] = defaultdict(lambda: array("q"))
        for place, pair in enumerate(pairwise(self._tokens)):
            if _WALL not in pair:
                self._add(pair, place)
        self._heap = [_entry(pair, count) for pair, count in self._count.items()]
        heapify(self._heap)

    def most_frequent(self) -> Merge | None:
        """The pair to join next, or None when no two tokens stand side by side any more."""
        while self._heap:
            negative, _, _, pair = heappop(self._heap)
            count = self._count.get(pair, 0)
            if count == -negative:
                return pair
            if 0 < count < -negative:
                heappush(self._heap, _entry(pair, count))
        return None

    def join(self, pair: Merge) -> None:
        """Make one token of the pair wherever it occurs, from left to right."""
        left, right = pair
        grown: set[Merge] = set()
        for place in sorted(self._places.pop(pair)):
            taken = self._after[place]
            if self._tokens[place] == left and self._tokens[taken] == right:
                self._join_at(place, taken, left + right, grown)
        del self._count[pair]
        for new in grown:
            if self._count.get(new, 0) > 0:
                heappush(self._heap, _entry(new, self._count[new]))

    def _join_at(self, place: int, taken: int, token: bytes, grown: set[Merge]) -> None:
        tokens, before, after = self._tokens, self._before[place], self._after[taken]
        times = self._times[place]
        if tokens[before]:
            self._count[tokens[before], tokens[place]] -= times
            self._add((tokens[before], token), before)
            grown.add((tokens[before], token))
        if tokens[after]:
            self._count[tokens[taken], tokens[after]] -= times
            self._add((token, tokens[after]), place)
            grown.add((token, tokens[after]))
        tokens[place], tokens[taken] = token, _WALL
        self._after[place], self._before[after] = after, place

    def _add(self, pair: Merge, place: int) -> None:
        self._count[pair] += self._times[place]
        self._places[pair].append(place)


def _entry(pair: Merge, count: int) -> tuple[int, str, str, Merge]:
    """Sorts by falling count, then by falling byte strings."""
    return -count, _falling(pair[0]), _falling(pair[1]), pair


def _falling(token: bytes) -> str:
    """A key that sorts in reverse: inverted bytes, closed by something greater than any of them."""
    return token.translate(_INVERTED).decode("latin-1") + "\u0100"
