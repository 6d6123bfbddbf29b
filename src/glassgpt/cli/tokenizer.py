"""`glassgpt tokenizer train`: learn a vocabulary from texts."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from tyro.conf import Positional, arg

from glassgpt.cli.bars import plural
from glassgpt.cli.options import Talk, UsageError
from glassgpt.cli.progress import progress
from glassgpt.cli.terminal import Terminal

SMALLEST, LARGEST = 257, 1_000_000


@dataclass(frozen=True, kw_only=True)
class TokenizerTrain(Talk):
    """Learn a byte-level vocabulary from texts, and save it where models and Hugging Face's tools read it.

    A source is a file or folder of .txt, .jsonl or .csv, each also as .gz; SOURCE*2 counts it twice. The vocabulary
    holds the 256 bytes, the merges learned, and <|endoftext|>: it can spell any text.
    """

    EXAMPLES: ClassVar = (
        "glassgpt tokenizer train book.txt --vocab-size 1000 --out my-vocabulary",
        "glassgpt tokenizer train book.txt notes.txt -o my-vocabulary --quiet",
        'glassgpt tokens ./my-vocabulary "A robot must obey"',
    )

    sources: Annotated[Positional[tuple[str, ...]], arg(metavar="SOURCE...")] = ()
    """Files and folders of text in UTF-8."""
    out: Annotated[Path | None, arg(aliases=("-o",), metavar="FOLDER")] = None
    """Where to save the vocabulary."""
    vocab_size: Annotated[int, arg(metavar="N")] = 4096
    """How many tokens to have, all together."""
    key: Annotated[str, arg(metavar="NAME")] = "text"
    """Where the text stands in a .jsonl line or .csv row."""

    def __post_init__(self) -> None:
        """Refuse what cannot be learned."""
        if not self.sources:
            raise UsageError("SOURCE missing: name at least one text to learn from")
        if self.out is None:
            raise UsageError("--out FOLDER missing: say where to save the vocabulary")
        if not SMALLEST <= self.vocab_size <= LARGEST:
            raise UsageError(f"--vocab-size {self.vocab_size} is not allowed: must be from {SMALLEST} to {LARGEST:,}")


def main(options: TokenizerTrain) -> None:
    """Learn, save, and say what came out."""
    from glassgpt.data import Source, read_documents
    from glassgpt.tokens import learn

    assert options.out is not None
    out = Terminal(options)
    sources = [Source.parse(source) for source in options.sources]
    texts = (text for s in sources for _ in range(s.repeat) for text in read_documents(s.path, options.key))
    start = time.perf_counter()
    with progress(out) as report:
        tokenizer = learn(texts, options.vocab_size, on_progress=report)
    tokenizer.save(options.out.expanduser())
    facts = {
        "out": str(options.out),
        "vocab_size": tokenizer.vocab_size,
        "merges": len(tokenizer.merges),
        "fingerprint": tokenizer.fingerprint,
        "seconds": round(time.perf_counter() - start, 3),
    }
    if tokenizer.vocab_size < options.vocab_size:
        out.talk(f"The texts hold too few different pairs for {options.vocab_size:,} tokens.")
    if options.json:
        out.json("tokenizer.train", facts)
    else:
        out.result(f"{options.out}: {tokenizer.vocab_size:,} tokens, {plural(len(tokenizer.merges), 'merge')}")
