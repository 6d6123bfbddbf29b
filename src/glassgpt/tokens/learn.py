"""Texts in, a new vocabulary out: how GPT-2's merges were found.

Count each different piece of the corpus once; then, as often as there is room for a token, join the pair of
neighbours that occurs most often (Sennrich et al. 2016, algorithm 1). Of equally frequent pairs the one whose byte
strings are greater in dictionary order wins, so a corpus has exactly one vocabulary.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable

import regex

from glassgpt.errors import InvalidParameter
from glassgpt.tokens.pairs import Pairs
from glassgpt.tokens.split import sections, split
from glassgpt.tokens.surrogates import explaining
from glassgpt.tokens.tokenizer import Tokenizer
from glassgpt.tokens.vocabulary import END_OF_TEXT, Merge, Vocabulary

_log = logging.getLogger(__name__)

Progress = Callable[[str, int, int], None]
"""Called with what is counted ("characters" or "tokens"), how many there are so far, and the goal (0: unknown)."""


def learn(
    texts: Iterable[str],
    vocab_size: int,
    *,
    specials: tuple[str, ...] = (END_OF_TEXT,),
    max_pieces: int = 5_000_000,
    on_progress: Progress = lambda what, done, goal: None,
) -> Tokenizer:
    """Learn a byte-level vocabulary of `vocab_size` tokens, specials included, from documents.

    A corpus with too few different pairs gives a smaller vocabulary. Memory grows with the number of different
    pieces; beyond `max_pieces` the rare ones are forgotten, which the log says.
    """
    _require_sense(texts, vocab_size, specials, max_pieces)
    counts = count_pieces(texts, specials, max_pieces, on_progress)
    merges = learn_merges(counts, vocab_size - 256 - len(specials), on_progress)
    return Tokenizer(Vocabulary.from_merges(merges, specials))


def count_pieces(
    texts: Iterable[str], specials: tuple[str, ...], max_pieces: int, on_progress: Progress
) -> Counter[str]:
    """How often each piece occurs; the names of special tokens separate documents and are not counted."""
    counts: Counter[str] = Counter()
    between = regex.compile("|".join(map(regex.escape, sorted(specials, key=len, reverse=True))))
    read = 0
    for text in texts:
        for document in between.split(text) if specials else (text,):
            for section in sections(document):
                counts.update(split(section))
                if len(counts) > max_pieces:
                    counts = _without_rare(counts, max_pieces)
        read += len(text)
        on_progress("characters", read, 0)
    return counts


def learn_merges(counts: Counter[str], wanted: int, on_progress: Progress) -> list[Merge]:
    """The merges that make `wanted` new tokens, best first."""
    with explaining(counts):
        pairs = Pairs((piece.encode(), times) for piece, times in counts.items())
    merges: list[Merge] = []
    tokens: set[bytes] = set()  # two merges may make the same token, so this can be the smaller number
    while len(tokens) < wanted:
        pair = pairs.most_frequent()
        if pair is None:
            _log.warning("the corpus gives only %d of the %d tokens asked for", len(tokens), wanted)
            break
        pairs.join(pair)
        merges.append(pair)
        tokens.add(pair[0] + pair[1])
        on_progress("tokens", len(tokens), wanted)
    return merges


def _require_sense(texts: Iterable[str], vocab_size: int, specials: tuple[str, ...], max_pieces: int) -> None:
    smallest = 256 + len(specials)
    if isinstance(texts, str):
        raise InvalidParameter("texts", texts[:20], "it is one text; give a list of documents, such as [text]")
    if isinstance(specials, str) or not all(specials) or len(set(specials)) != len(specials):
        raise InvalidParameter("specials", specials, "it is a tuple of different names, none of them empty")
    if vocab_size < smallest:
        raise InvalidParameter("vocab_size", vocab_size, f"256 bytes and {len(specials)} specials need {smallest}")
    if max_pieces < 1:
        raise InvalidParameter("max_pieces", max_pieces, "at least one piece must be remembered")


def _without_rare(counts: Counter[str], limit: int) -> Counter[str]:
    """Forget the rarest pieces, those seen once first, until at most half the limit is left."""
    rare = 1
    while len(counts) > limit // 2:
        counts = Counter({piece: times for piece, times in counts.items() if times > rare})
        rare *= 2
    _log.warning("more than %d different pieces: forgot the rarest, %d stay", limit, len(counts))
    return counts
