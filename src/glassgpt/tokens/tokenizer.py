"""Text in, ids out, and back: GPT-2's byte-level tokenizer as the rest of the program uses it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise
from operator import index
from pathlib import Path
from typing import SupportsIndex

import regex

from glassgpt.errors import TokenizerError
from glassgpt.tokens.fast import Encoder, Ids, fastest
from glassgpt.tokens.load import load_vocabulary, shipped_vocabulary
from glassgpt.tokens.merge import Step, merge
from glassgpt.tokens.save import save_vocabulary
from glassgpt.tokens.spell import spell
from glassgpt.tokens.split import split
from glassgpt.tokens.surrogates import explaining
from glassgpt.tokens.vocabulary import END_OF_TEXT, Merge, Vocabulary


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of a text, the merges made in it, and the ids it ends as."""

    text: str
    steps: list[Step]
    ids: list[int]


class Tokenizer:
    """Turns text into ids and ids into text.

    The name of a special token in a text is plain text unless the caller allows it: text from a stranger cannot end
    a document or start a new one.

    >>> tokenizer = Tokenizer.gpt2()
    >>> tokenizer.encode("A robot<|endoftext|>", allow_special=True)
    [32, 9379, 50256]
    >>> tokenizer.decode(tokenizer.encode("A robot<|endoftext|>"))
    'A robot<|endoftext|>'
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary

    def __repr__(self) -> str:
        return f"<Tokenizer: {self.vocab_size:,} ids, {len(self.merges):,} merges, {self.fingerprint[:8]}>"

    def __reduce__(self) -> tuple[type["Tokenizer"], tuple[Vocabulary]]:
        """Another process gets the vocabulary and sets up its own encoder."""
        return Tokenizer, (self.vocabulary,)

    @staticmethod
    @cache
    def gpt2() -> "Tokenizer":
        """GPT-2's own 50,257 tokens, from the file in this package."""
        return Tokenizer(shipped_vocabulary())

    @staticmethod
    @cache
    def of_bytes() -> "Tokenizer":
        """One token a byte and `<|endoftext|>`, 257 in all: for English, a model of characters."""
        return Tokenizer(Vocabulary.from_merges([]))

    @staticmethod
    def load(folder: str | Path) -> "Tokenizer":
        """Read `tokenizer.json`, `vocab.json` + `merges.txt`, or `encoder.json` + `vocab.bpe` from a folder."""
        return Tokenizer(load_vocabulary(Path(folder)))

    def save(self, folder: str | Path) -> None:
        """Write the files that `load` and Hugging Face's `AutoTokenizer` read."""
        save_vocabulary(self.vocabulary, Path(folder))

    @property
    def vocab_size(self) -> int:
        """The highest id plus one."""
        return self.vocabulary.size

    @property
    def merges(self) -> Sequence[Merge]:
        """All merges, the one of lowest rank first."""
        return self.vocabulary.merges

    @property
    def fingerprint(self) -> str:
        """sha256 (hexadecimal) of everything that decides an id."""
        return self.vocabulary.fingerprint

    @property
    def specials(self) -> Mapping[str, int]:
        """The special tokens and their ids."""
        return self.vocabulary.specials

    @property
    def end_of_text(self) -> int:
        """The id of `<|endoftext|>`."""
        try:
            return self.vocabulary.specials[END_OF_TEXT]
        except KeyError:
            raise TokenizerError(f"this vocabulary has no {END_OF_TEXT}; it has {list(self.specials)}.") from None

    def encode(self, text: str, *, allow_special: bool | Collection[str] = False) -> list[int]:
        """The ids of a text.

        `allow_special`: False reads every special name as plain text, True turns each into its id, a collection of
        names those only.
        """
        names = self._allowed(allow_special)
        with explaining([text]):
            if not names:
                return self._encoder.encode(text)
            ids: list[int] = []
            for number, part in enumerate(regex.split(f"({'|'.join(map(regex.escape, names))})", text)):
                ids.extend([self.specials[part]] if number % 2 else self._encoder.encode(part))
            return ids

    def encode_array(self, text: str) -> Ids:
        """The ids of a text as an array, special names read as plain text: the fastest way for a long text."""
        with explaining([text]):
            return self._encoder.flat([text])[0]

    def encode_batch(self, texts: Iterable[str]) -> list[Ids]:
        """The ids of many texts, each an array, special names read as plain text."""
        if isinstance(texts, str):
            raise TokenizerError(f"encode_batch takes a list of texts and got one text, {texts[:20]!r}: use [text].")
        texts = list(texts)
        with explaining(texts):
            ids, offsets = self._encoder.flat(texts)
        return [ids[start:end] for start, end in pairwise(offsets)]

    def decode(self, ids: Iterable[SupportsIndex]) -> str:
        """The text of some ids; bytes that are no text become U+FFFD."""
        return self.decode_bytes(ids).decode("utf-8", errors="replace")

    def decode_bytes(self, ids: Iterable[SupportsIndex]) -> bytes:
        """The bytes of some ids; exact, whatever they are."""
        try:
            return b"".join(map(self.vocabulary.bytes_of.__getitem__, map(index, ids)))
        except KeyError as error:
            raise self._unknown(error.args[0]) from None

    def token_bytes(self, token: SupportsIndex) -> bytes:
        """The bytes of one token; those of its name if it is special."""
        try:
            return self.vocabulary.bytes_of[index(token)]
        except KeyError:
            raise self._unknown(token) from None

    def spell(self, token: SupportsIndex) -> str:
        """One token on one line, for a reader: `·robot`, `↵`, `⟨E2 80⟩`; see `spell.py`."""
        return spell(self.token_bytes(token))

    def show(self, text: str) -> list[Piece]:
        """The ids of a text with every merge that led to them, special names read as plain text: see `merge.py`."""
        with explaining([text]):
            pieces = [(piece, *merge(piece.encode(), self.vocabulary.ranks)) for piece in split(text)]
        return [Piece(piece, steps, [self.vocabulary.ids[t] for t in tokens]) for piece, tokens, steps in pieces]

    @cached_property
    def _encoder(self) -> Encoder:
        return fastest(self.vocabulary)

    def _unknown(self, token: SupportsIndex) -> TokenizerError:
        return TokenizerError(f"id {token} stands for no token; the last one here is {self.vocab_size - 1}.")

    def _allowed(self, allow_special: bool | Collection[str]) -> list[str]:
        """The names to look for, longest first so that no name hides a longer one."""
        if isinstance(allow_special, bool):
            return sorted(self.specials, key=len, reverse=True) if allow_special else []
        names = [allow_special] if isinstance(allow_special, str) else list(allow_special)
        unknown = [name for name in names if name not in self.specials]
        if unknown:
            raise TokenizerError(
                f"allow_special={unknown} are no special tokens here; there are {list(self.specials)}."
            )
        return sorted(names, key=len, reverse=True)
