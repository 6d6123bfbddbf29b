"""How long texts take that are made to be slow: one letter a million times, a word without end, spaces before a word.

    python benchmarks/tokenize_hard_text.py

A regular expression that goes back, or a merge that looks at all pairs again, takes time that grows with the square of
the length. So each text is encoded at two lengths, one four times the other; the last column is the exponent with which
the time grew: 1 is a straight line, 2 a square. The fastest of three runs counts. The last line of stdout is JSON.
"""

import argparse
import json
import math
import random
import time

from glassgpt.tokens import Tokenizer
from glassgpt.tokens.fast import FastokensEncoder, ReadableEncoder, TiktokenEncoder

ENCODERS = {
    "fastokens": (FastokensEncoder, 1),
    "tiktoken": (TiktokenEncoder, 1),
    "the readable one": (ReadableEncoder, 16),
}
"""Each with the part of the length that it gets: the readable one is Python."""


def main() -> None:
    """Encode every text by every way at two lengths."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--characters", type=int, default=1_000_000, help="the greater length")
    options = parser.parse_args()
    vocabulary = Tokenizer.gpt2().vocabulary
    found = []
    print(f"{'':18}{'text':26}{'seconds a million':>18}{'exponent':>10}")
    for name, (kind, part) in ENCODERS.items():
        encoder = kind(vocabulary)
        for text, whole in hard_texts(options.characters // part).items():
            short, long = fastest(encoder, whole[: len(whole) // 4]), fastest(encoder, whole)
            rate, exponent = long / len(whole) * 1e6, math.log(long / short, 4)
            found.append({"encoder": name, "text": text, "seconds_per_million": rate, "exponent": exponent})
            print(f"{name:18}{text:26}{rate:18.3f}{exponent:10.2f}", flush=True)
    print(json.dumps({"benchmark": "tokenize_hard_text", "rows": found}))


def hard_texts(length: int) -> dict[str, str]:
    """Texts of a length that lead careless code astray."""
    letters = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz", k=length))
    return {
        "one letter": "a" * length,
        "two letters": "ab" * (length // 2),
        "spaces": " " * length,
        "spaces before a word": " " * (length - 1) + "x",
        "line ends before a word": "\n" * (length - 1) + "x",
        "apostrophes": "'" * length,
        "emoji": "🙂" * length,
        "a word without end": letters,
    }


def fastest(encoder: FastokensEncoder | TiktokenEncoder | ReadableEncoder, text: str) -> float:
    """Seconds of processor time, the least of three."""
    taken = []
    for turn in range(3):
        started = time.process_time()
        encoder.encode(text[: len(text) - turn])  # another text each time: nothing may be remembered
        taken.append(time.process_time() - started)
    return min(taken)


if __name__ == "__main__":
    main()
