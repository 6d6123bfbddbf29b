"""The baseline a trained model must beat: an interpolated n-gram model over the same tokens, in bits per byte.

Source: Chen and Goodman, "An Empirical Study of Smoothing Techniques for Language Modeling" (TR-10-98, 1998).

    python benchmarks/ngram_baseline.py --tokenizer FOLDER --train books.jsonl.gz --train textbooks.jsonl.gz*2 \
        --valid books-valid.jsonl.gz --order 5 --smoothing kneser-ney --smoothing witten-bell

Files hold one JSON object with a "text" a line. "*2" repeats a file, as a mixture of training text may. Kneser-Ney
likes that less than a neural model does: repeated text has no n-gram that occurs once, and its discounts rest on those.
Every document is read after n - 1 end-of-text tokens (known, not predicted) and ends with one that is predicted.

Trade-off: an n-gram is stored as (rank of its first n - 1 tokens) * vocabulary + last token, in one sorted array per
order. That is exact for any vocabulary and order, and counting is a sort; 40 million tokens need about 4 GB.
"""

import argparse
import gzip
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from glassgpt.tokens import Tokenizer

Counts = np.ndarray
Record = dict[str, str | int | float]
ROW = 1024
"""Tokens kept or left out together by `keep`, like the rows a neural model reads."""


@dataclass(frozen=True)
class Stream:
    """Documents laid end to end; a ring, so that the token before the first is the last."""

    tokens: np.ndarray
    predicted: np.ndarray
    """False where a token only serves as context."""


@dataclass(frozen=True)
class Level:
    """All n-grams of one order, sorted by key; the index of a key is the n-gram's rank."""

    keys: np.ndarray
    num_contexts: int
    seen: Counts
    """How often the n-gram ended in a predicted token."""
    preceded: Counts
    """How many different tokens stood before it: Kneser and Ney's count for the orders below the highest."""


@dataclass(frozen=True)
class Smoothed:
    """One order of a model: P(w | context) = share[n-gram] + backoff[context] * P(w | shorter context)."""

    keys: np.ndarray
    share: np.ndarray
    backoff: np.ndarray


@dataclass(frozen=True)
class NGram:
    """A whole model; below the lowest order every token is equally likely."""

    orders: list[Smoothed]
    vocabulary: int


# Text to tokens


def lay_out(documents: Sequence[np.ndarray], end: int, order: int) -> Stream:
    """Each document after order - 1 known ends of text, followed by one that is predicted."""
    before, after = np.full(order - 1, end, np.int32), np.full(1, end, np.int32)
    tokens = np.concatenate([part for document in documents for part in (before, document.astype(np.int32), after)])
    predicted = np.ones(len(tokens), bool)
    starts = np.cumsum([0, *(len(document) + order for document in documents[:-1])])
    predicted[(starts[:, None] + np.arange(order - 1)).ravel()] = False
    return Stream(tokens, predicted)


def keep(stream: Stream, limit: int, seed: int = 0) -> Stream:
    """Learn only from rows drawn at random, together at most `limit` tokens, for a model that has read no more."""
    rows = np.arange(len(stream.tokens)) // ROW
    held = np.bincount(rows, weights=stream.predicted)
    drawn = np.random.default_rng(seed).permutation(len(held))
    chosen = np.zeros(len(held), bool)
    chosen[drawn[np.cumsum(held[drawn]) <= limit]] = True
    return Stream(stream.tokens, stream.predicted & chosen[rows])


# Counting


def count(stream: Stream, order: int, vocabulary: int) -> list[Level]:
    """The n-grams of orders 1 to `order`."""
    ranks = np.zeros(len(stream.tokens), np.int64)  # of the n-gram that ends at each position; one empty n-gram
    num_contexts = 1
    found: list[tuple[np.ndarray, int, Counts]] = []
    preceded: list[Counts] = []
    for _ in range(order):
        shorter = ranks
        keys, ranks = np.unique(np.roll(shorter, 1) * vocabulary + stream.tokens, return_inverse=True)
        seen = np.bincount(ranks[stream.predicted], minlength=len(keys)).astype(np.int32)
        without_first = np.empty(len(keys), np.int64)
        without_first[ranks] = shorter
        preceded.append(np.bincount(without_first[seen > 0], minlength=num_contexts).astype(np.int32))
        found.append((keys, num_contexts, seen))
        num_contexts = len(keys)
    preceded.append(np.zeros(0, np.int32))  # nothing is longer than the highest order
    return [Level(*level, before) for level, before in zip(found, preceded[1:], strict=True)]


# Smoothing


def discounts(counts: Counts) -> np.ndarray:
    """What to take from counts of 0, 1, 2 and more by the text's counts of counts.

    The estimate fails where a count of 1 to 4 never occurs, as for single tokens in a large text; then the customary
    constants stand in.
    """
    n = np.bincount(np.minimum(counts, 5), minlength=6).astype(float)
    if (n[1:5] > 0).all():
        y = n[1] / (n[1] + 2 * n[2])
        estimate = np.array([0, *(c - (c + 1) * y * n[c + 1] / n[c] for c in (1, 2, 3))])
        if (estimate >= 0).all():
            return estimate
    return np.array([0, 0.5, 1, 1.5])


def kneser_ney(keys: np.ndarray, counts: Counts, num_contexts: int, vocabulary: int) -> Smoothed:
    """Modified Kneser-Ney, interpolated: take a discount from each count, give it to the order below."""
    contexts = keys // vocabulary
    taken = discounts(counts)[np.minimum(counts, 3)]
    total = np.bincount(contexts, weights=counts, minlength=num_contexts)
    freed = np.bincount(contexts, weights=taken, minlength=num_contexts)
    # A context that nothing followed (context only, or left out by `keep`) leaves everything to the order below.
    backoff = np.divide(freed, total, out=np.ones(num_contexts), where=total > 0)
    return Smoothed(keys, (counts - taken) / np.maximum(total, 1)[contexts], backoff)


def witten_bell(keys: np.ndarray, counts: Counts, num_contexts: int, vocabulary: int) -> Smoothed:
    """Witten-Bell, interpolated: a context gives the order below one count for each different token after it."""
    contexts = keys // vocabulary
    total = np.bincount(contexts, weights=counts, minlength=num_contexts)
    kinds = np.bincount(contexts[counts > 0], minlength=num_contexts)
    backoff = np.divide(kinds, total + kinds, out=np.ones(num_contexts), where=total > 0)
    return Smoothed(keys, counts / np.maximum(total + kinds, 1)[contexts], backoff)


SMOOTHINGS: dict[str, Callable[[np.ndarray, Counts, int, int], Smoothed]] = {
    "kneser-ney": kneser_ney,
    "witten-bell": witten_bell,
}


def smooth(levels: Sequence[Level], smoothing: str, vocabulary: int) -> NGram:
    """A model whose order is the number of levels; its lower orders count as the smoothing asks."""
    orders = []
    for index, level in enumerate(levels):
        below_highest = index < len(levels) - 1
        counts = level.preceded if smoothing == "kneser-ney" and below_highest else level.seen
        orders.append(SMOOTHINGS[smoothing](level.keys, counts, level.num_contexts, vocabulary))
    return NGram(orders, vocabulary)


# Scoring


def probabilities(model: NGram, stream: Stream) -> np.ndarray:
    """The model's probability of each predicted token of the stream, in order."""
    ranks = np.zeros(len(stream.tokens), np.int64)  # -1: an n-gram never met
    result = np.full(len(stream.tokens), 1 / model.vocabulary)
    for level in model.orders:
        contexts = np.roll(ranks, 1)
        keys = contexts * model.vocabulary + stream.tokens  # negative, so never found, after an unknown context
        at = np.minimum(np.searchsorted(level.keys, keys), len(level.keys) - 1)
        met = level.keys[at] == keys
        mixed = np.where(met, level.share[at], 0) + level.backoff[contexts] * result
        result = np.where(contexts >= 0, mixed, result)
        ranks = np.where(met, at, -1)
    return result[stream.predicted]


def bits(model: NGram, stream: Stream) -> float:
    """What the stream's predicted tokens cost under the model."""
    return float(-np.log2(probabilities(model, stream)).sum())


# Command line


def read(entry: str, tokenizer: Tokenizer) -> tuple[list[np.ndarray], int]:
    """The documents of FILE or FILE*TIMES as ids, and the bytes of their text."""
    name, _, times = entry.partition("*")
    with gzip.open(name, "rt", encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in lines]
    return tokenizer.encode_batch(texts) * int(times or 1), sum(len(text.encode()) for text in texts) * int(times or 1)


def measure(levels: Sequence[Level], smoothing: str, valid: Sequence[str], tokenizer: Tokenizer) -> Iterator[Record]:
    """A record for each order and each text."""
    texts = [(Path(name).name, *read(name, tokenizer)) for name in valid]
    for order in range(1, len(levels) + 1):
        model = smooth(levels[:order], smoothing, tokenizer.vocab_size)
        for name, documents, num_bytes in texts:
            stream = lay_out(documents, tokenizer.end_of_text, order)
            cost, num_tokens = bits(model, stream), int(stream.predicted.sum())
            yield {
                "text": name,
                "smoothing": smoothing,
                "order": order,
                "bits_per_byte": cost / num_bytes,
                "bits_per_token": cost / num_tokens,
                "tokens": num_tokens,
                "bytes": num_bytes,
            }


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--train", action="append", metavar="FILE[*TIMES]", help="may be repeated")
    parser.add_argument("--valid", action="append", metavar="FILE", help="may be repeated")
    parser.add_argument("--tokenizer", default="gpt2", help="a folder with a vocabulary, or gpt2")
    parser.add_argument("--order", type=int, default=5, choices=range(1, 10), help="orders up to this are reported")
    parser.add_argument("--smoothing", choices=list(SMOOTHINGS), action="append", help="default: kneser-ney")
    parser.add_argument("--limit-tokens", type=int, help=f"learn from at most this many, in random rows of {ROW}")
    parser.add_argument("--json", action="store_true", help="one JSON object a line instead of a table")
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Learn, score, print."""
    options, start = parser().parse_args(arguments), time.perf_counter()
    if not (options.train and options.valid):
        print("nothing to measure: give --train FILE and --valid FILE (see --help)", file=sys.stderr)
        return

    def tell(what: str) -> None:
        print(f"{time.perf_counter() - start:6.0f} s  {what}", file=sys.stderr, flush=True)

    tokenizer = Tokenizer.gpt2() if options.tokenizer == "gpt2" else Tokenizer.load(Path(options.tokenizer))
    documents = [document for entry in options.train for document in read(entry, tokenizer)[0]]
    train = lay_out(documents, tokenizer.end_of_text, options.order)
    if options.limit_tokens is not None:
        train = keep(train, options.limit_tokens)
    learned = {"train_tokens": int(train.predicted.sum()), "vocabulary": tokenizer.vocab_size}
    tell(f"{learned['train_tokens']:,} tokens to learn from")
    levels = count(train, options.order, tokenizer.vocab_size)
    tell("n-grams by order: " + ", ".join(f"{len(level.keys):,}" for level in levels))
    if not options.json:
        print(f"{'text':30} {'smoothing':12} order  bits/byte  bits/token")
    for smoothing in options.smoothing or ["kneser-ney"]:
        for record in measure(levels, smoothing, options.valid, tokenizer):
            row = "{text:30} {smoothing:12} {order:5}  {bits_per_byte:9.4f}  {bits_per_token:10.4f}".format(**record)
            print(json.dumps({**record, **learned}) if options.json else row, flush=True)
    tell("done")


if __name__ == "__main__":
    main()
