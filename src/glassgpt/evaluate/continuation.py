"""Context and texts in, passages out: how likely is each text after the context?"""

from collections.abc import Sequence

from glassgpt.evaluate.passages import Passage, common
from glassgpt.tokens import Tokenizer


def continuation(tokenizer: Tokenizer, context: str, text: str, room: int) -> Passage:
    """The passage that judges `text` after `context`; without a context the text begins a document.

    Both are encoded as one text, as a reader meets them, so a space between them belongs to the first word of `text`,
    and a token that spans the border is judged. A context too long for `room` tokens loses its beginning.
    """
    return fitted([_whole(tokenizer, context, text)], room)[0]


def continuations(tokenizer: Tokenizer, pairs: Sequence[tuple[str, str]], room: int) -> list[Passage]:
    """The same for several (context, text) that are to be compared: what one of them loses all lose."""
    return fitted([_whole(tokenizer, context, text) for context, text in pairs], room)


def fitted(passages: Sequence[Passage], room: int) -> list[Passage]:
    """Passages of which at most `room` ids are read, all cut by the same number of ids."""
    over = max(0, max(len(passage.ids) for passage in passages) - room - 1)
    cut = [passage.ids[min(over, max(0, len(passage.ids) - 2)) :] for passage in passages]
    return [Passage(ids, min(each.judged, len(ids) - 1)) for ids, each in zip(cut, passages, strict=True)]


def _whole(tokenizer: Tokenizer, context: str, text: str) -> Passage:
    before = context.rstrip(" ")
    ids = tokenizer.encode(context + text)
    if not before:
        return Passage([tokenizer.end_of_text, *ids], len(ids))
    return Passage(ids, len(ids) - max(1, common(tokenizer.encode(before), ids)))
