"""The one thing a Python string can hold that is no text: half of a surrogate pair."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import regex

from glassgpt.errors import TokenizerError


@contextmanager
def explaining(texts: Iterable[str]) -> Iterator[None]:
    """Turn a codec's complaint about one of the texts into an error that says which character and what to do."""
    try:
        yield
    except UnicodeEncodeError:
        halves = (regex.search(r"[\ud800-\udfff]", text) for text in texts)
        found = next(filter(None, halves), None)
        if found is None:
            raise
        raise TokenizerError(
            f"character {found.start()} is U+{ord(found[0]):04X}, half of a surrogate pair: it is no text and has no "
            "bytes. Repair the text first: text.encode('utf-16', 'surrogatepass').decode('utf-16', 'replace')."
        ) from None
