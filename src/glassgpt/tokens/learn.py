"""Texts in, a new vocabulary out: how GPT-2's merges were found.

Count each different piece of the corpus once; then, as often as there is room for a token, join the pair of
neighbours that occurs most often (Sennrich et al. 2016, algorithm 1). Equally frequent pairs: the one whose byte
strings are greater in dictionary order wins, so a corpus has exactly one vocabulary.

Only the counts near a merged pair change, so they are kept up to date instead of being taken again, and the best pair
is found by a heap whose outdated entries are corrected when they surface.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from heapq import heapify, heappop, heappush
from itertools import pairwise

import regex

from glassgpt.errors import InvalidParameter
from glassgpt.tokens.split import sections, split
from glassgpt.tokens.tokenizer import Tokenizer
from glassgpt.tokens.vocabulary import END_OF_TEXT, Merge, Vocabulary

_log = logging.getLogger(__name__)

Progress = Callable[[str, int, int], None]
"""Called with what is going on ("characters read" or "tokens"), how far it is, and the goal (0: unknown)."""

_INVERTED = bytes(255 - byte for byte in range(256))


def learn(
    texts: Iterable[str],
    vocab_size: int,
    *,
    specials: tuple[str, ...] = (END_OF_TEXT,),
    max_pieces: int = 10_000_000,
    on_progress: Progress = lambda what, done, goal: None,
) -> Tokenizer:
    """Learn a byte-level vocabulary of `vocab_size` tokens, specials included, from documents.

    A corpus with too few different pairs gives a smaller vocabulary. Memory grows with the number of different
    pieces; beyond `max_pieces` those seen once are forgotten, which the log says.
    """
    smallest = 256 + len(specials)
    if vocab_size < smallest:
        raise InvalidParameter("vocab_size", vocab_size, f"256 bytes and {len(specials)} specials need {smallest}")
    counts = count_pieces(texts, specials, max_pieces, on_progress)
    merges = learn_merges(counts, vocab_size - smallest, on_progress)
    return Tokenizer(Vocabulary.from_merges(merges, specials))


def count_pieces(
    texts: Iterable[str], specials: tuple[str, ...], max_pieces: int, on_progress: Progress
) -> Counter[str]:
    """How often each piece occurs; the names of special tokens separate documents and are not counted."""
    counts: Counter[str] = Counter()
    between = regex.compile("|".join(map(regex.escape, specials))) if specials else None
    read = 0
    for text in texts:
        for document in between.split(text) if between else (text,):
            for section in sections(document):
                counts.update(split(section))
        if len(counts) > max_pieces:
            counts = Counter({piece: count for piece, count in counts.items() if count > 1})
            _log.warning("more than %d different pieces: forgot those seen once, %d stay", max_pieces, len(counts))
        read += len(text)
        on_progress("characters read", read, 0)
    return counts


def learn_merges(counts: Counter[str], wanted: int, on_progress: Progress) -> list[Merge]:
    """The merges that make `wanted` new tokens, best first."""
    words = _Words(counts)
    merges: list[Merge] = []
    tokens: set[bytes] = set()
    while len(tokens) < wanted:
        pair = words.most_frequent()
        if pair is None:
            break
        words.join(pair)
        merges.append(pair)
        tokens.add(pair[0] + pair[1])
        on_progress("tokens", len(tokens), wanted)
    return merges


class _Words:
    """The different pieces as lists of tokens, with the count of every pair of neighbours."""

    def __init__(self, counts: Counter[str]) -> None:
        encoded = [(piece.encode(), count) for piece, count in counts.items()]
        self._words = [[piece[i : i + 1] for i in range(len(piece))] for piece, _ in encoded]
        self._times = [count for _, count in encoded]
        self._count: defaultdict[Merge, int] = defaultdict(int)
        self._where: defaultdict[Merge, set[int]] = defaultdict(set)
        for index, word in enumerate(self._words):
            for pair in pairwise(word):
                self._count[pair] += self._times[index]
                self._where[pair].add(index)
        self._heap = [_entry(pair, count) for pair, count in self._count.items()]
        heapify(self._heap)

    def most_frequent(self) -> Merge | None:
        """The pair to merge next, or None when no two tokens stand side by side any more."""
        while self._heap:
            negative, _, _, pair = heappop(self._heap)
            count = self._count.get(pair, 0)
            if count == -negative:
                return pair
            if 0 < count < -negative:
                heappush(self._heap, _entry(pair, count))
        return None

    def join(self, pair: Merge) -> None:
        """Merge the pair wherever it occurs and bring the counts of its neighbours up to date."""
        grown: set[Merge] = set()
        for index in self._where.pop(pair):
            self._join_in(index, pair, grown)
        del self._count[pair]
        grown.discard(pair)
        for new in grown:
            heappush(self._heap, _entry(new, self._count[new]))

    def _join_in(self, index: int, pair: Merge, grown: set[Merge]) -> None:
        word, times = self._words[index], self._times[index]
        joined = _joined(word, pair)
        if len(joined) == len(word):
            return  # an earlier merge has taken the pair away from this word
        for old in pairwise(word):
            self._count[old] -= times
        for new in pairwise(joined):
            self._count[new] += times
            self._where[new].add(index)
            grown.add(new)
        self._words[index] = joined


def _joined(word: list[bytes], pair: Merge) -> list[bytes]:
    left, right = pair
    joined: list[bytes] = []
    place, last = 0, len(word) - 1
    while place <= last:
        if place < last and word[place] == left and word[place + 1] == right:
            joined.append(left + right)
            place += 2
        else:
            joined.append(word[place])
            place += 1
    return joined


def _entry(pair: Merge, count: int) -> tuple[int, str, str, Merge]:
    """Sorts by falling count, then by falling byte strings."""
    return -count, _falling(pair[0]), _falling(pair[1]), pair


def _falling(token: bytes) -> str:
    """A key that sorts in reverse: inverted bytes, closed by something greater than any of them."""
    return token.translate(_INVERTED).decode("latin-1") + "\u0100"
