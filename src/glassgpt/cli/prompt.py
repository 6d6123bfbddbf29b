"""Which words of a command line are the model and which the text, and where the text comes from.

    glassgpt generate "A robot must obey"            one word: the text, for the model that comes with GlassGPT
    glassgpt generate gpt2 "A robot must obey"       two: the model, then the text
    glassgpt generate gpt2 -f prompt.txt             one, and the text comes from a file or a pipe: the model

One word alone is the model if it is a model's name, a path that starts with . / or ~, or a folder with a model in it;
anything else is text. `-m MODEL` leaves no doubt. The rule never depends on what happens to be piped in.
"""

import re
import select
import sys
from dataclasses import dataclass
from pathlib import Path

from glassgpt.cli.options import Source, UsageError
from glassgpt.errors import DataError

EMBEDDED = "embedded"
ALIASES = ("embedded", "gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl", "distilgpt2")
PATIENCE_SECONDS = 5.0
LONGEST_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class Asked:
    """The model's name or path, and the text; None where no text was given at all."""

    model: str
    text: str | None


def sort_out(words: tuple[str, ...], source: Source, default: str = EMBEDDED) -> Asked:
    """Tell the model from the text, and read the text exactly as it is."""
    if len(words) > 2 or (len(words) == 2 and (source.model or source.file)):
        raise UsageError(f"{len(words)} words, where [MODEL] [PROMPT] are expected: put quotes around the text")
    model, text = _pair(words, source, default)
    if text is not None and text != "-":
        return Asked(model, _checked(text))
    if source.file not in (None, "-"):
        return Asked(model, read_text(Path(str(source.file)).expanduser()))
    return Asked(model, read_stdin(insist="-" in (text, source.file)))


def sort_out_prompt(words: tuple[str, ...], source: Source) -> Asked:
    """The same for a text to be continued: the newline that ends a file or `echo` is not part of it."""
    asked = sort_out(words, source)
    typed = bool(words) and words[-1] == asked.text
    return asked if asked.text is None or typed else Asked(asked.model, re.sub(r"\r?\n\Z", "", asked.text))


def _pair(words: tuple[str, ...], source: Source, default: str) -> tuple[str, str | None]:
    if len(words) == 2:
        return words[0], words[1]
    if not words:
        return source.model or default, None
    if source.model and source.file:
        raise UsageError("the text is given twice, as an argument and with --file: leave one out")
    if source.model:
        return source.model, words[0]
    return (words[0], None) if source.file or names_a_model(words[0]) else (default, words[0])


def names_a_model(word: str) -> bool:
    """Whether a word alone on the command line is a model rather than text."""
    if word in ALIASES or re.match(r"(\.{0,2}|~)[/\\]\S+$", word):
        return True
    return len(word) < 1024 and not re.search(r"[\s\0]", word) and _holds_a_model(Path(re.sub(r"@\d+$", "", word)))


def _holds_a_model(path: Path) -> bool:
    if path.is_file():
        return path.suffix == ".safetensors"
    marks = ("config.json", "hparams.json", "vocab.json", "tokenizer.json", "ckpt")
    return any((path / mark).exists() for mark in marks)


def read_text(path: Path) -> str:
    """A file as text, exactly: no newline is changed."""
    try:
        size = path.stat().st_size
        if size > LONGEST_BYTES:
            raise DataError(f"{path} has {size:,} bytes; a text may have {LONGEST_BYTES:,}. Cut it into parts.")
        return _decoded(path.read_bytes(), str(path))
    except FileNotFoundError as error:
        raise DataError(f"there is no file {path}. Check the path, or use - for standard input.") from error
    except IsADirectoryError as error:
        raise DataError(f"{path} is a folder; --file needs one text file.") from error


def read_stdin(insist: bool) -> str | None:
    """What is piped in; None at a terminal, unless `insist`, and where nothing is connected or sent."""
    if sys.stdin is None or sys.stdin.closed or (sys.stdin.isatty() and not insist):
        return None
    if not insist and not _something_comes():
        raise UsageError(
            f"nothing came on standard input within {PATIENCE_SECONDS:g} s. Give the text as an argument "
            '("" for none), or - to wait for standard input however long it takes'
        )
    buffer = getattr(sys.stdin, "buffer", None)
    data = buffer.read(LONGEST_BYTES) if buffer else sys.stdin.read().encode()
    return _decoded(data, "standard input") if data or insist else None


def _something_comes() -> bool:
    """Whether stdin has data, or its end, within seconds: a forgotten open pipe must not hang a script."""
    try:
        return bool(select.select([sys.stdin], [], [], PATIENCE_SECONDS)[0])
    except (OSError, ValueError):  # Windows pipes and streams without a file number cannot be watched
        return True


def _decoded(data: bytes, where: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise DataError(
            f"{where} is not UTF-8: byte {data[error.start]:#04x} at offset {error.start:,}. "
            "Convert it first, for example: iconv -f LATIN1 -t UTF-8"
        ) from error


def _checked(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UsageError("the text on the command line is not valid UTF-8; check your terminal's encoding") from error
    return text
