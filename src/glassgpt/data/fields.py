"""Rows of a table in, documents out: which fields hold the text, or the prompt and the answer to it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from glassgpt.errors import DataError, InvalidParameter

FIELD = re.compile(r"\{(\w+)\}")
KNOWN = (
    ("{prompt}", "{answer}"),
    ("{prompt}", "{completion}"),
    ("{prompt}", "{response}"),
    ("{question}\n", "{answer}"),
    ("{instruction}\n\n{input}\n\n", "{output}"),
    ("{instruction}\n\n", "{output}"),
    ("{instruction}\n\n", "{response}"),
)
"""Templates of prompt and answer; a row takes the first whose fields it has filled in."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A document, or a part of one that is too long to be held whole."""

    text: str
    ends: bool = True
    """Whether the document ends here."""
    prompt: str = ""
    """What stands before the text, to be read but not learned."""


@runtime_checkable
class Fields(Protocol):
    """What is taken from each row."""

    def piece(self, row: Mapping[str, object], where: str) -> Piece:
        """The document of a row. Raises DataError, which says `where`, for a row without the fields."""
        ...


@dataclass(frozen=True, slots=True)
class Text:
    """The text under one key."""

    key: str = "text"

    def piece(self, row: Mapping[str, object], where: str) -> Piece:
        """The document of a row."""
        text = row.get(self.key)
        if not isinstance(text, str):
            raise DataError(
                f"{where}: no text under {self.key!r} (there is: {_names(row)}). Name the right one: --key."
            )
        return Piece(text)


@dataclass(frozen=True, slots=True)
class Pairs:
    """A prompt and its answer, each a template such as `{document} TL;DR:`; where both are empty, a `KNOWN` one."""

    prompt: str = ""
    answer: str = ""

    def __post_init__(self) -> None:
        """Refuse half a pair, and templates without a field."""
        if (self.prompt or self.answer) and not (FIELD.search(self.prompt) and FIELD.search(self.answer)):
            raise InvalidParameter("prompt", self.prompt, f"with answer {self.answer!r}: both must name a {{field}}")

    def piece(self, row: Mapping[str, object], where: str) -> Piece:
        """The document of a row: the prompt as it is, then the answer."""
        for prompt, answer in [(self.prompt, self.answer)] if self.prompt else KNOWN:
            names = FIELD.findall(prompt + answer)
            if all(isinstance(row.get(name), str) and (self.prompt or row[name]) for name in names):
                return Piece(_fill(answer, row), prompt=_fill(prompt, row))
        wanted = self.prompt + self.answer or "prompt and answer, question and answer, or instruction and output"
        raise DataError(
            f"{where}: no text for {wanted} (there is: {_names(row)}). Say what is what with --prompt, --answer."
        )


def _fill(template: str, row: Mapping[str, object]) -> str:
    return FIELD.sub(lambda field: str(row[field[1]]), template)


def _names(row: Mapping[str, object]) -> str:
    return ", ".join(map(repr, row))
