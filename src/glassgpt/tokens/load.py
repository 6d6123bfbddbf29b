"""Files in, vocabulary out: the three ways a GPT-2 tokenizer is stored.

`tokenizer.json` holds everything; `vocab.json` + `merges.txt` (Hugging Face) and `encoder.json` + `vocab.bpe` (OpenAI)
hold ids and merges, so whatever no merge makes must be a special token. Files come from strangers: their size is
bounded, and whatever is wrong with them raises `TokenizerError`.
"""

import hashlib
import json
from functools import cache
from importlib.resources import files
from pathlib import Path

from glassgpt.errors import TokenizerError
from glassgpt.tokens.byte_alphabet import unspell
from glassgpt.tokens.tokenizer_json import read_tokenizer_json, whole
from glassgpt.tokens.vocabulary import Merge, Vocabulary

MAX_FILE_BYTES = 64 << 20
"""GPT-2's largest file has 1 MB; vocabularies of 250,000 tokens have 20 MB."""

GPT2_SHA256 = "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5"
"""Of the merges file as OpenAI published it (`vocab.bpe`, 456,318 bytes)."""

PAIRS = (("vocab.json", "merges.txt"), ("encoder.json", "vocab.bpe"))


@cache
def shipped_vocabulary() -> Vocabulary:
    """GPT-2's vocabulary from the merges file in this package."""
    content = files("glassgpt.tokens").joinpath("files", "vocab.bpe").read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != GPT2_SHA256:
        raise TokenizerError(
            f"the vocab.bpe in this installation is damaged (sha256 {found[:16]}…, expected {GPT2_SHA256[:16]}…). "
            "Install glassgpt again."
        )
    return Vocabulary.from_merges(parse_merges(content.decode()))


def load_vocabulary(folder: Path) -> Vocabulary:
    """Read the vocabulary of a folder, from the first of the three forms it holds."""
    if (folder / "tokenizer.json").is_file():
        return read_tokenizer_json(parse_object(folder / "tokenizer.json"))
    for ids_name, merges_name in PAIRS:
        if (folder / ids_name).is_file() and (folder / merges_name).is_file():
            return from_pair(parse_object(folder / ids_name), parse_merges(read_text(folder / merges_name)))
    raise TokenizerError(
        f"there is no tokenizer in {folder}. The folder needs tokenizer.json, or vocab.json with merges.txt, "
        "or encoder.json with vocab.bpe."
    )


def from_pair(spelled: dict[str, object], merges: list[Merge]) -> Vocabulary:
    """Tell ordinary tokens from special ones: an entry that no merge makes is special if its name looks it.

    Anything else that no merge makes shows that the merges are not those of the ids, or cut short.
    """
    made = {bytes((byte,)) for byte in range(256)} | {left + right for left, right in merges}
    ids: dict[bytes, int] = {}
    specials: dict[str, int] = {}
    for name, position in spelled.items():
        token = _ordinary(name)
        if token in made:
            ids[token] = whole(position, name)
        elif name.startswith(("<", "[")) and name.endswith((">", "]")):
            specials[name] = whole(position, name)
        else:
            raise TokenizerError(
                f"no merge makes {name[:40]!r}, and special tokens have names like <|endoftext|> or [PAD]: ids and "
                "merges do not match. A folder with tokenizer.json says itself which tokens are special."
            )
    return Vocabulary(ids, merges, specials)


def _ordinary(name: str) -> bytes | None:
    try:
        return unspell(name)
    except TokenizerError:
        return None


def parse_merges(text: str) -> list[Merge]:
    """Read a merges file: a version line, then one `left right` a line, by rank."""
    merges: list[Merge] = []
    for number, line in enumerate(text.split("\n"), start=1):
        line = line.removesuffix("\r")
        if not line or (number == 1 and line.startswith("#version")):
            continue
        parts = line.split(" ")
        if len(parts) != 2 or not all(parts):
            raise TokenizerError(f"line {number} of the merges is {line[:60]!r}; expected two tokens and one space.")
        merges.append((unspell(parts[0]), unspell(parts[1])))
    return merges


def parse_object(path: Path) -> dict[str, object]:
    """Read a JSON file that must hold an object."""
    try:
        content = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise TokenizerError(f"{path} is not valid JSON: {str(error)[:200]}.") from None
    if not isinstance(content, dict):
        raise TokenizerError(f"{path} holds a JSON {type(content).__name__}; expected an object.")
    return content


def read_text(path: Path) -> str:
    """Read a file of bounded size as UTF-8."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise TokenizerError(f"{path} cannot be read: {error.strerror or error}.") from None
    if len(content) > MAX_FILE_BYTES:
        raise TokenizerError(f"{path} is larger than {MAX_FILE_BYTES >> 20} MiB, which no vocabulary of this kind is.")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise TokenizerError(f"{path} is not UTF-8 text (byte {error.start}).") from None
