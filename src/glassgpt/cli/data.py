"""`glassgpt data prepare`: turn texts into token shards."""

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from tyro.conf import Positional, UseAppendAction, arg

from glassgpt.cli.options import Talk, UsageError
from glassgpt.cli.progress import progress
from glassgpt.cli.terminal import Terminal


@dataclass(frozen=True, kw_only=True)
class DataPrepare(Talk):
    """Turn texts into token shards, which `glassgpt train` reads.

    A source is a file or folder of .txt (one document), .jsonl (one a line) or .csv (one a row), each also as .gz;
    SOURCE*2 reads it twice. Every document ends with <|endoftext|>.
    """

    EXAMPLES: ClassVar = (
        "glassgpt data prepare book.txt --out data",
        "glassgpt data prepare book.txt notes.txt --valid valid.txt -o data",
        "glassgpt data prepare book.txt --tokenizer ./my-vocabulary --out data --json",
    )

    sources: Annotated[Positional[tuple[str, ...]], arg(metavar="SOURCE...")] = ()
    """Files and folders of text in UTF-8."""
    out: Annotated[Path | None, arg(aliases=("-o",), metavar="FOLDER")] = None
    """Where to write train.bin, valid.bin and the tokenizer."""
    tokenizer: Annotated[str, arg(metavar="NAME|FOLDER")] = "gpt2"
    """The vocabulary: gpt2; bytes, one token a byte, for models of characters; or a folder that `glassgpt tokenizer
    train` wrote."""
    valid: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="SOURCE")] = ()
    """Text to hold back for validation; may be given several times."""
    valid_fraction: Annotated[float, arg(metavar="X")] = 0.0
    """Or hold back this share of the documents."""
    key: Annotated[str, arg(metavar="NAME")] = "text"
    """Where the text stands in a .jsonl line or .csv row."""

    def __post_init__(self) -> None:
        """Refuse what cannot be prepared."""
        if not self.sources:
            raise UsageError("SOURCE missing: name at least one file or folder of text")
        if self.out is None:
            raise UsageError("--out FOLDER missing: say where to write the shards")


def main(options: DataPrepare) -> None:
    """Prepare, and say what came out."""
    from glassgpt.data import Source, prepare
    from glassgpt.tokens import Tokenizer

    assert options.out is not None
    out = Terminal(options)
    name = options.tokenizer
    ready = {"gpt2": Tokenizer.gpt2, "bytes": Tokenizer.of_bytes}
    tokenizer = ready[name]() if name in ready else Tokenizer.load(Path(name).expanduser())
    start = time.perf_counter()
    with progress(out) as report:
        summary = prepare(
            [Source.parse(source) for source in options.sources],
            options.out.expanduser(),
            tokenizer,
            valid=[Source.parse(source) for source in options.valid],
            valid_fraction=options.valid_fraction,
            key=options.key,
            progress=lambda done, tokens: report("bytes of text", done, 0),
        )
    if options.json:
        out.json("data.prepare", {**asdict(summary), "seconds": round(time.perf_counter() - start, 3)})
        return
    held_back = f", {summary.valid_tokens:,} held back" if summary.valid_tokens else ""
    out.result(
        f"{options.out}: {summary.documents:,} documents, {summary.train_bytes:,} bytes, "
        f"{summary.train_tokens:,} tokens to train on{held_back}"
    )
