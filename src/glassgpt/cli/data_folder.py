"""`glassgpt data info` and `glassgpt data convert`: look at a data folder, and rewrite it in another format."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from tyro.conf import Positional, arg

from glassgpt.cli.bars import plural, size
from glassgpt.cli.data import open_tokenizer
from glassgpt.cli.options import Talk
from glassgpt.cli.terminal import Terminal

if TYPE_CHECKING:
    from glassgpt.data import Folder, Shard

SHOWN = 40
"""Tokens of the sample."""


@dataclass(frozen=True, kw_only=True)
class DataInfo(Talk):
    """Show what a data folder holds: tokens, documents, vocabulary, and how its text begins."""

    EXAMPLES: ClassVar = ("glassgpt data info ./data", "glassgpt data info ./data --verify --json")

    folder: Annotated[Positional[Path], arg(metavar="FOLDER")]
    """What `glassgpt data prepare` wrote, or token files of nanoGPT or llm.c."""
    verify: bool = False
    """Read every shard and compare it with the hash it was prepared with."""


@dataclass(frozen=True, kw_only=True)
class DataConvert(Talk):
    """Rewrite a data folder for another program, or another program's for GlassGPT; the tokens stay the same.

    nanogpt is train.bin and val.bin without a header; llm.c is tokens_train_000000.bin and so on, and only knows
    GPT-2's vocabulary. nanoGPT's data of characters becomes bytes.
    """

    EXAMPLES: ClassVar = (
        "glassgpt data convert ./data for-nanogpt --to nanogpt",
        "glassgpt data convert ./for-nanogpt ours --tokenizer ./data/tokenizer",
    )

    source: Annotated[Positional[Path], arg(metavar="IN")]
    """A data folder in any of the formats."""
    target: Annotated[Positional[Path], arg(metavar="OUT")]
    """The folder to write."""
    to: Literal["glassgpt", "nanogpt", "llm.c"] = "glassgpt"
    """The format to write."""
    tokenizer: Annotated[str, arg(metavar="FOLDER")] = "gpt2"
    """The vocabulary that nanoGPT's or llm.c's files were made with."""
    overwrite: bool = False
    """Replace OUT if it exists; without this it must not."""


def info(options: DataInfo) -> None:
    """Print the description."""
    from glassgpt.data import open_folder, verify_data

    out, path = Terminal(options), options.folder.expanduser()
    folder = open_folder(path)
    verified = verify_data(path) if options.verify else None
    parts = {"train": folder.train, "valid": (folder.valid,) if folder.valid else ()}
    with folder.train[0].reading() as reader:
        sample = folder.tokenizer.decode(reader.read(0, min(SHOWN, folder.train[0].count)))
    if options.json:
        facts = {name: [_facts(shard) for shard in shards] for name, shards in parts.items()}
        vocabulary = {"size": folder.tokenizer.vocab_size, "fingerprint": folder.tokenizer.fingerprint}
        out.json(
            "data.info",
            {"folder": str(path), "format": folder.format, **facts, "vocabulary": vocabulary, "sample": sample},
        )
        return
    out.result(f"{out.paint(str(path), 'bold')}: data of {folder.format}")
    for line in _lines(folder):
        out.result(f"  {line}")
    if verified is not None:
        out.result(f"  {plural(verified, 'shard')} verified")
    out.result("")
    out.text(sample)
    out.result("")


def convert(options: DataConvert) -> None:
    """Convert, and say where the result is."""
    from glassgpt.data import convert_data

    out, target = Terminal(options), options.target.expanduser()
    tokenizer = open_tokenizer(options.tokenizer)
    convert_data(options.source.expanduser(), target, options.to, tokenizer, overwrite=options.overwrite)
    files = sorted(file for file in target.rglob("*") if file.is_file())
    total = sum(file.stat().st_size for file in files)
    if options.json:
        names = [file.relative_to(target).as_posix() for file in files]
        out.json("data.convert", {"out": str(target), "to": options.to, "bytes": total, "files": names})
    else:
        out.result(f"{target}: {plural(len(files), 'file')}, {size(total)}")


def _facts(shard: "Shard") -> dict[str, object]:
    return {
        "file": shard.path.name,
        "tokens": shard.count,
        "documents": len(shard.starts),
        "text_bytes": shard.text_bytes or None,
        "bytes": shard.size,
        "answers_marked": shard.answers_marked,
    }


def _lines(folder: "Folder") -> list[str]:
    shards = [*(("train", shard) for shard in folder.train), *(("valid", s) for s in [folder.valid] if s)]
    lines = [
        f"{part}  {plural(shard.count, 'token')} in {plural(len(shard.starts), 'document')}, {size(shard.size)}"
        + (f", {shard.text_bytes / max(1, shard.count):.2f} bytes of text a token" if shard.text_bytes else "")
        + (", prompts are not learned" if shard.answers_marked else "")
        for part, shard in shards
    ]
    tokenizer = folder.tokenizer
    return [*lines, f"vocabulary of {tokenizer.vocab_size:,} tokens, {tokenizer.fingerprint[:12]}"]
