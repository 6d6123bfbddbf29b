"""Text in, ids out, and back: GPT-2's byte-level byte-pair encoding. Start with `merge.py`."""

from glassgpt.tokens.learn import learn
from glassgpt.tokens.stream import StreamDecoder
from glassgpt.tokens.tokenizer import Piece, Tokenizer
from glassgpt.tokens.vocabulary import END_OF_TEXT, Vocabulary

__all__ = ["END_OF_TEXT", "Piece", "StreamDecoder", "Tokenizer", "Vocabulary", "learn"]
