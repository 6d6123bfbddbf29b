"""Bytes in, printable characters out, and back: how GPT-2's files write down arbitrary bytes.

Vocabulary files are text, yet tokens are bytes, many of which are no text at all. GPT-2 therefore gives each of the
256 bytes one printable character: the 188 that already look like something keep their own (`!`…`~`, `¡`…`¬`, `®`…`ÿ`),
the other 68 are numbered upwards from U+0100, so a space is written `Ġ` (U+0120) and a line end `Ċ` (U+010A).
Source: openai/gpt-2, src/encoder.py, `bytes_to_unicode`.
"""

from glassgpt.errors import TokenizerError

_PRINTABLE = (*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1))
_OTHERS = tuple(byte for byte in range(256) if byte not in _PRINTABLE)

BYTE_ORDER = bytes((*_PRINTABLE, *_OTHERS))
"""All 256 bytes in the order of GPT-2's ids: id 0 is `!`, id 220 is the space."""

_CHARACTERS = {byte: chr(byte) for byte in _PRINTABLE} | {byte: chr(256 + i) for i, byte in enumerate(_OTHERS)}
_SPELLING = str.maketrans({chr(byte): character for byte, character in _CHARACTERS.items()})
_NO_BYTE = "\uffff"
_READING = str.maketrans(
    dict.fromkeys(map(chr, _OTHERS), _NO_BYTE) | {character: chr(byte) for byte, character in _CHARACTERS.items()}
)


def spell(token: bytes) -> str:
    """Write bytes the way vocabulary files do: `b" the"` becomes `"Ġthe"`."""
    return token.decode("latin-1").translate(_SPELLING)


def unspell(spelled: str) -> bytes:
    """Read bytes back from the spelling of vocabulary files: `"Ġthe"` becomes `b" the"`."""
    try:
        return spelled.translate(_READING).encode("latin-1")
    except UnicodeEncodeError as error:
        raise TokenizerError(
            f"{spelled[:40]!r} is not spelled in GPT-2's byte alphabet: {spelled[error.start]!r} stands for no byte. "
            "Only byte-level vocabularies (GPT-2's kind) can be read."
        ) from None
