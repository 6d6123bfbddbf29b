"""How fast text becomes ids: GlassGPT, tiktoken and Hugging Face tokenizers side by side, on the same English text.

    python benchmarks/tokenize_text.py                                # the reference pages that come with Python
    python benchmarks/tokenize_text.py --text books.jsonl.gz --text notes.txt --rounds 7 --threads 1

Timed is the call a user makes, up to the object it returns: lists of ints or NumPy arrays. All three have GPT-2's
vocabulary and must give the same ids. In each round every way runs once, one after the other, so that a disturbed
machine disturbs all; the figure is the median of the rounds. "cold" is the first pass of a new tokenizer over the text,
when its memory of words is empty; tiktoken keeps no such memory. Hugging Face's is slow enough to get a part of the
text only. Rates count the UTF-8 bytes of the text.

GlassGPT and the batch calls of the others use several threads; `--threads 1` keeps all to one. The last line of stdout
is JSON.
"""

import argparse
import gzip
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

Ways = dict[str, tuple[Callable[[], object], int]]
"""For each way of encoding: the call, and how many bytes of text it encodes."""

RIVALS = {
    "glassgpt encode_batch, cold": "tiktoken encode_ordinary_batch",
    "glassgpt encode_batch": "tiktoken encode_ordinary_batch",
    "glassgpt encode_array, cold": "tiktoken encode_to_numpy",
    "glassgpt encode_array": "tiktoken encode_to_numpy",
    "glassgpt encode": "tiktoken encode_ordinary",
}
"""Which call of tiktoken does the same work. (Its batch returns lists of ints and ours arrays.)"""

SLOW_SHARE = 16
"""Hugging Face's tokenizer gets one part in so many of the text."""


def main() -> None:
    """Time every way and print a table, then one line of JSON."""
    options = arguments()
    os.environ["RAYON_NUM_THREADS"] = str(options.threads)  # the Rust libraries read it at their first call
    os.environ["TOKENIZERS_PARALLELISM"] = "true" if options.threads > 1 else "false"
    documents = [document for path in options.text for document in read(path)] or python_reference()
    documents = beginning(documents, options.megabytes * 1_000_000)
    rates: dict[str, list[float]] = {}
    for number in range(options.rounds):
        for name, (call, size) in prepare(documents, options.threads, check=number == 0).items():
            rates.setdefault(name, []).append(size / seconds(call) / 1e6)
        print(f"round {number + 1} of {options.rounds} done", file=sys.stderr)
    facts = {
        "text": ", ".join(path.name for path in options.text) or "the reference pages of Python",
        "megabytes": round(num_bytes(documents) / 1e6, 2),
        "documents": len(documents),
        "threads": options.threads,
        "rounds": options.rounds,
    }
    report(facts, {name: statistics.median(found) for name, found in rates.items()})


def prepare(documents: Sequence[str], threads: int, check: bool) -> Ways:
    """Set up new tokenizers, untimed; if asked to, make sure first that all give the same ids."""
    from glassgpt.tokens import Tokenizer

    openai, hugging = rivals(Tokenizer.gpt2().vocabulary)
    batch_first, array_first = (Tokenizer(Tokenizer.gpt2().vocabulary) for _ in range(2))
    text, part = "\n\n".join(documents), beginning(documents, num_bytes(documents) // SLOW_SHARE)
    if check:
        require_same_ids(text, "\n\n".join(part), Tokenizer.gpt2(), openai, hugging)
    for tokenizer in (batch_first, array_first):
        tokenizer.encode("")  # sets up its encoder
    calls: dict[str, tuple[Callable[[], object], Sequence[str]]] = {
        "glassgpt encode_batch, cold": (lambda: batch_first.encode_batch(documents), documents),
        "glassgpt encode_batch": (lambda: batch_first.encode_batch(documents), documents),
        "tiktoken encode_ordinary_batch": (
            lambda: openai.encode_ordinary_batch(documents, num_threads=threads),
            documents,
        ),
        "glassgpt encode_array, cold": (lambda: array_first.encode_array(text), [text]),
        "glassgpt encode_array": (lambda: array_first.encode_array(text), [text]),
        "tiktoken encode_to_numpy": (lambda: openai.encode_to_numpy(text, disallowed_special=()), [text]),
        "glassgpt encode": (lambda: array_first.encode(text), [text]),
        "tiktoken encode_ordinary": (lambda: openai.encode_ordinary(text), [text]),
        "tokenizers encode_batch_fast": (lambda: hugging.encode_batch_fast(part), part),
        "tokenizers encode": (lambda: hugging.encode("\n\n".join(part)).ids, part),
    }
    return {name: (call, num_bytes(what)) for name, (call, what) in calls.items()}


def rivals(vocabulary: Any) -> tuple[Any, Any]:
    """Tiktoken with its own pattern for GPT-2 and `tokenizers` with GPT-2's pipeline, both without a network."""
    import tiktoken
    import tokenizers
    from tiktoken_ext.openai_public import r50k_pat_str

    from glassgpt.tokens.tokenizer_json import write_tokenizer_json

    ranks, specials = dict(vocabulary.ids), dict(vocabulary.specials)
    openai = tiktoken.Encoding("gpt2", pat_str=r50k_pat_str, mergeable_ranks=ranks, special_tokens=specials)
    hugging = tokenizers.Tokenizer.from_str(json.dumps(write_tokenizer_json(vocabulary, specials=False)))
    return openai, hugging


def require_same_ids(text: str, part: str, ours: Any, openai: Any, hugging: Any) -> None:
    ids = ours.encode(text)
    if ids != openai.encode_ordinary(text) or ids != ours.encode_array(text).tolist():
        sys.exit("GlassGPT and tiktoken do not give the same ids: no speed is worth reporting.")
    if hugging.encode(part).ids != ours.encode(part):
        sys.exit("GlassGPT and tokenizers do not give the same ids: no speed is worth reporting.")


def report(facts: dict[str, Any], rates: dict[str, float]) -> None:
    ratios = {name: rates[name] / rates[rival] for name, rival in RIVALS.items()}
    print(f"{facts['megabytes']} MB in {facts['documents']} documents: {facts['text']}; threads: {facts['threads']}\n")
    print(f"{'':32}  MB/s   times tiktoken's")
    for name, rate in rates.items():
        against = f"{ratios[name]:5.1f}  ({RIVALS[name]})" if name in ratios else ""
        print(f"{name:32}{rate:6.1f}   {against}".rstrip())
    rounded = {
        "megabytes_per_second": {name: round(rate, 2) for name, rate in rates.items()},
        "ratios": {name: round(ratio, 2) for name, ratio in ratios.items()},
    }
    print(json.dumps({"benchmark": "tokenize_text", **facts, **rounded}))


def read(path: Path) -> list[str]:
    """The documents of a file: each line's "text" if it is JSON lines, or the whole file."""
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    if ".jsonl" in path.suffixes:
        return [json.loads(line)["text"] for line in data.splitlines()]
    return [data.decode()]


def python_reference() -> list[str]:
    """English prose that every Python brings along: the pages behind `help("TOPIC")`."""
    from pydoc_data.topics import topics

    return list(topics.values())


def beginning(documents: Sequence[str], limit: int) -> list[str]:
    """The first documents, at least one, that together stay below a number of bytes."""
    kept: list[str] = []
    size = 0
    for document in documents:
        size += len(document.encode())
        if kept and size > limit:
            break
        kept.append(document)
    return kept


def num_bytes(documents: Sequence[str]) -> int:
    return sum(len(document.encode()) for document in documents)


def seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", type=Path, action="append", default=[], help="a text, or .jsonl(.gz) with a 'text'")
    parser.add_argument("--megabytes", type=int, default=20, help="how much of the text to use")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    return parser.parse_args()


if __name__ == "__main__":
    main()
