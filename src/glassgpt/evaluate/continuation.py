"""Context and text in, a passage out: how likely is the text after the context?"""

from glassgpt.evaluate.passages import Passage
from glassgpt.tokens import Tokenizer


def continuation(tokenizer: Tokenizer, context: str, text: str, room: int) -> Passage:
    """The passage that judges `text` after `context`; without a context the text begins a document.

    Both are encoded as one text, as a reader meets them, so a space between them belongs to the first word of `text`,
    and a token that spans the border is judged. A context too long for `room` tokens loses its beginning.
    """
    before = context.rstrip(" ")
    ids = tokenizer.encode(context + text)
    if before:
        read = _common(tokenizer.encode(before), ids)
    else:
        ids, read = [tokenizer.end_of_text, *ids], 1
    judged = len(ids) - max(read, 1)
    ids = ids[-(room + 1) :]
    return Passage(ids, min(judged, len(ids) - 1))


def _common(a: list[int], b: list[int]) -> int:
    """How many first ids two texts share."""
    return next((place for place, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
