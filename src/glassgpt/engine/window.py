"""How much of a text the model sees when the text is longer than its context: a pure function of lengths.

GPT-2's positions are absolute and part of every key, so a full window cannot be shifted: it is read again from its
tail. Half of the context is kept each time, so a re-reading of C/2 tokens pays for the next C/2. What is seen depends
on the length of the text alone, not on where the writing began: to go on from a saved text gives the same bytes.
"""


def visible(length: int, context: int) -> int:
    """How many of the last tokens of a text of `length` tokens are read when the window slides."""
    if length <= context:
        return length
    kept = max(1, context // 2)
    return kept + (length - context - 1) % (context - kept + 1)
