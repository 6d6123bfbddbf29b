"""nanoGPT's meta.pkl: which character each id stands for, read without unpickling anything.

A pickle is a program. This reads the few instructions that a dictionary of numbers and strings is made of, and refuses
every other one, so a file cannot do more than say a vocabulary.
"""

import struct
from pathlib import Path
from typing import Any

from glassgpt.errors import DataError

LARGEST = 16 << 20
NOTES = {b"q": "<B", b"r": "<I"}
NUMBERS = {b"K": "<B", b"M": "<H", b"J": "<i", b"\x8a": ""}
STRINGS = {b"\x8c": "<B", b"X": "<I"}
RECALLED = {b"h": "<B", b"j": "<I"}


def read_meta(folder: Path) -> tuple[int, list[str] | None]:
    """The size of the vocabulary, 0 if the folder has no meta.pkl, and the character of each id, if it says so.

    Raises DataError for anything else.
    """
    path = folder / "meta.pkl"
    if not path.exists():
        return 0, None
    try:
        with path.open("rb") as file:
            meta = _Reader(file.read(LARGEST)).run()
        size = meta["vocab_size"]
        characters = [meta["itos"][number] for number in range(size)] if "itos" in meta else None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (LookupError, ValueError, TypeError, AttributeError, struct.error) as error:
        raise DataError(f"{path} is no vocabulary of characters as nanoGPT writes it ({error}).") from error
    if not isinstance(size, int) or not all(isinstance(character, str) for character in characters or ()):
        raise DataError(f"{path} is no vocabulary of characters as nanoGPT writes it.")
    return size, characters


class _Reader:
    """The instructions, one after the other, on a stack."""

    def __init__(self, content: bytes) -> None:
        self.content, self.at = content, 0
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.notes: dict[int, Any] = {}

    def run(self) -> dict[Any, Any]:
        """What the program makes, if it is a dictionary."""
        while (code := self._take(1)) != b".":
            if code == b"\x80":
                self._take(1)
            elif code == b"\x95":
                self._take(8)
            elif code == b"}":
                self.stack.append({})
            elif code == b"(":
                self.marks.append(len(self.stack))
            elif code in (b"s", b"u"):
                self._set(self.marks.pop() if code == b"u" else len(self.stack) - 2)
            elif code == b"\x94":
                self.notes[len(self.notes)] = self.stack[-1]
            elif code in NOTES:
                self.notes[self._number(NOTES[code])] = self.stack[-1]
            else:
                self.stack.append(self._value(code))
        if len(self.stack) != 1 or not isinstance(self.stack[0], dict):
            raise ValueError("it holds something else")
        return self.stack[0]

    def _value(self, code: bytes) -> int | str:
        if code in NUMBERS:
            return self._number(NUMBERS[code]) if NUMBERS[code] else self._long()
        if code in STRINGS:
            return self._take(self._number(STRINGS[code])).decode("utf-8", "surrogatepass")
        if code in RECALLED:
            return self.notes[self._number(RECALLED[code])]
        raise ValueError(f"instruction {code!r} is not allowed")

    def _set(self, start: int) -> None:
        items = self.stack[start:]
        del self.stack[start:]
        if start < 1 or len(items) % 2:
            raise ValueError("a value without a key")
        self.stack[-1].update(zip(items[::2], items[1::2], strict=True))

    def _long(self) -> int:
        return int.from_bytes(self._take(self._number("<B")), "little", signed=True)

    def _number(self, form: str) -> int:
        return struct.unpack(form, self._take(struct.calcsize(form)))[0]

    def _take(self, count: int) -> bytes:
        taken = self.content[self.at : self.at + count]
        if len(taken) < count:
            raise ValueError("it ends early")
        self.at += count
        return taken
