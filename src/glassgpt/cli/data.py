"""`glassgpt data prepare`: turn texts into token shards."""

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from tyro.conf import Positional, UseAppendAction, arg

from glassgpt.cli.bars import plural, size
from glassgpt.cli.options import Talk, UsageError
from glassgpt.cli.progress import progress
from glassgpt.cli.terminal import Terminal

if TYPE_CHECKING:
    from glassgpt.data.fields import Fields
    from glassgpt.tokens import Tokenizer


@dataclass(frozen=True, kw_only=True)
class DataPrepare(Talk):
    """Turn texts into token shards, which `glassgpt train` reads.

    A source is a file or folder of .txt (one document, or several with <|endoftext|> between them), .jsonl (one a
    line), .csv, .parquet or .arrow (one a row), the first three also as .gz, or a dataset that Hugging Face's
    save_to_disk wrote; SOURCE*2 reads it twice. Every document ends with <|endoftext|>. A preparation that was stopped
    goes on when the same command is given again.
    """

    EXAMPLES: ClassVar = (
        "glassgpt data prepare book.txt --out data",
        "glassgpt data prepare book.txt notes.txt --valid valid.txt -o data",
        "glassgpt data prepare book.txt --tokenizer ./my-vocabulary --out data --json",
        "glassgpt data prepare book.txt --out data --dry-run",
    )

    sources: Annotated[Positional[tuple[str, ...]], arg(metavar="SOURCE...")] = ()
    """Files and folders of text in UTF-8, and datasets."""
    out: Annotated[Path | None, arg(aliases=("-o",), metavar="FOLDER")] = None
    """Where to write train.bin, valid.bin and the tokenizer."""
    tokenizer: Annotated[str, arg(metavar="FOLDER")] = "gpt2"
    """The vocabulary: gpt2; bytes, where every byte is a token; or a folder that `glassgpt tokenizer train` wrote."""
    valid: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="SOURCE")] = ()
    """Text to hold back for validation; may be given several times."""
    valid_fraction: Annotated[float, arg(metavar="X")] = 0.0
    """Or hold back this share of the documents."""
    key: Annotated[str, arg(metavar="NAME")] = "text"
    """Where the text stands in a row."""
    pairs: bool = False
    """Rows are prompts with answers, and only the answers are learned: prompt and answer (or completion, response),
    question and answer, or instruction, input and output."""
    prompt: Annotated[str, arg(metavar="TEMPLATE")] = ""
    """Pairs of other fields: what the prompt is made of, such as '{document} TL;DR:'."""
    answer: Annotated[str, arg(metavar="TEMPLATE")] = ""
    """And the answer, such as ' {summary}'."""
    dry_run: bool = False
    """Say how much disk it takes, and stop."""

    def __post_init__(self) -> None:
        """Refuse what cannot be prepared."""
        if not self.sources:
            raise UsageError("SOURCE missing: name at least one file or folder of text")
        if self.out is None:
            raise UsageError("--out FOLDER missing: say where to write the shards")
        if bool(self.prompt) != bool(self.answer):
            raise UsageError("--prompt and --answer belong together: give both")


def main(options: DataPrepare) -> None:
    """Say what it takes, prepare, and say what came out."""
    from glassgpt.data import Source, prepare
    from glassgpt.data.estimate import estimate, free_bytes
    from glassgpt.data.sources import readings

    assert options.out is not None
    out, folder = Terminal(options), options.out.expanduser()
    tokenizer, fields = open_tokenizer(options.tokenizer), _fields(options)
    sources = [Source.parse(source) for source in options.sources]
    valid = [Source.parse(source) for source in options.valid]
    needed = estimate(readings(sources, valid), tokenizer, fields)
    free = free_bytes(folder)
    told = f"{plural(needed.files, 'file')}, {size(needed.text_bytes)}: needs about {size(needed.disk_bytes)} of disk"
    if options.dry_run:
        if options.json:
            out.json("data.plan", {**asdict(needed), "free_bytes": free})
        else:
            out.result(f"{told}; {size(free)} are free")
        return
    out.talk(f"{told}; {size(free)} are free.")
    start = time.perf_counter()
    with progress(out) as report:
        summary = prepare(
            sources,
            folder,
            tokenizer,
            valid=valid,
            valid_fraction=options.valid_fraction,
            fields=fields,
            progress=lambda done, tokens: report("bytes of text", done, max(done, needed.text_bytes)),
        )
    if options.json:
        out.json("data.prepare", {**asdict(summary), "seconds": round(time.perf_counter() - start, 3)})
        return
    held_back = f", {summary.valid_tokens:,} held back" if summary.valid_tokens else ""
    out.result(
        f"{options.out}: {plural(summary.documents, 'document')}, {summary.train_bytes:,} bytes, "
        f"{summary.train_tokens:,} tokens to train on{held_back}"
    )


def open_tokenizer(name: str) -> "Tokenizer":
    """A vocabulary by its name or folder."""
    from glassgpt.tokens import Tokenizer

    ready = {"gpt2": Tokenizer.gpt2, "bytes": Tokenizer.of_bytes}
    return ready[name]() if name in ready else Tokenizer.load(Path(name).expanduser())


def _fields(options: DataPrepare) -> "Fields":
    from glassgpt.data import Pairs, Text

    pairs = options.pairs or options.prompt
    return Pairs(options.prompt, options.answer) if pairs else Text(options.key)
