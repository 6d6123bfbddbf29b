"""Perplexity by the word, comparable with tables whose models read words: WikiText, Penn Treebank.

Such a corpus is de-tokenised, the model judges it token by token, and all surprise is divided by the number of words
that the corpus counts, each line end being one. So a model that needs two tokens for a word gains nothing by it.

`<unk>`, which stands there for every rare word, is kept as it is, as in the GPT-2 paper: five characters that the
model must spell. Beside it stands the perplexity without them: they are read, but neither judged nor counted.
"""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from glassgpt.evaluate.detokenize import DETOKENIZERS
from glassgpt.evaluate.files import read_lines
from glassgpt.evaluate.loss import Loss, summed, windows
from glassgpt.evaluate.passages import Judgement, Report, judge
from glassgpt.model import GPT2
from glassgpt.tokens import Tokenizer

UNKNOWN = "<unk>"


@dataclass(frozen=True, slots=True)
class WordPerplexity:
    """How surprised a model was by a corpus, and how many words that corpus counts."""

    loss: Loss
    """By token; bytes are those of the de-tokenised text."""
    words: int
    """Separated by white space, without line ends."""
    lines: int
    unknown: int
    """How many of the words are `<unk>`."""
    unknown_nats: float
    """The surprise of the tokens that spell them."""

    @property
    def perplexity(self) -> float:
        """By the word, line ends counted as words: how papers count."""
        return _exp(self.loss.nats, self.words + self.lines)

    @property
    def perplexity_of_words(self) -> float:
        """By the word, line ends not counted: how the evaluation harness of EleutherAI counts."""
        return _exp(self.loss.nats, self.words)

    @property
    def perplexity_of_known(self) -> float:
        """By the word, line ends counted, `<unk>` neither judged nor counted."""
        return _exp(self.loss.nats - self.unknown_nats, self.words + self.lines - self.unknown)

    @property
    def standard_error(self) -> float:
        """Of `perplexity`, from the spread between windows."""
        return self.perplexity * math.sqrt(self.loss.variance) / (self.words + self.lines)


def recognise(text: str) -> str:
    """The pre-processing that a corpus shows: wikitext, ptb or plain."""
    if re.search(r" @[-,.]@ |^ = .* = $", text, re.MULTILINE):
        return "wikitext"
    return "ptb" if re.search(r" n't | 's ", text) and re.search(r" N |<unk>|``", text) else "plain"


def read_corpus(path: Path, most_lines: int = 0) -> str:
    """A corpus as it is, or its first lines; a file of WikiText ends in `.tokens`, packed or not."""
    lines = read_lines(path)
    return "".join(f"{line}\n" for number, line in enumerate(lines) if not most_lines or number < most_lines)


def word_perplexity(
    model: GPT2,
    tokenizer: Tokenizer,
    text: str,
    *,
    form: str = "",
    stride: int | None = None,
    report: Report = lambda done, goal: None,
) -> WordPerplexity:
    """Measure a corpus that is stored as `form` (a key of `DETOKENIZERS`; default: as it looks), read as one stream."""
    detokenize: Callable[[str], str] = DETOKENIZERS[form or recognise(text)]
    typed = detokenize(text)
    ids = np.concatenate([[tokenizer.end_of_text], tokenizer.encode_array(typed)])
    judged = judge(model, list(windows(ids, model.config.context_length, stride)), report=report)
    return WordPerplexity(
        loss=summed(judged, len(typed.encode())),
        words=len(text.split()),
        lines=text.count("\n"),
        unknown=text.split().count(UNKNOWN),
        unknown_nats=_nats_inside(judged, _spelling(tokenizer, typed, ids[1:].tolist())),
    )


def _spelling(tokenizer: Tokenizer, text: str, ids: Sequence[int]) -> np.ndarray:
    """Which tokens hold a character of an `<unk>`; the space before it may be in the first of them."""
    inside = np.zeros(len(text.encode()) + 1, np.int64)
    for found in re.finditer(re.escape(UNKNOWN.encode()), text.encode()):
        inside[found.start() + 1 : found.end() + 1] = 1
    before = inside.cumsum()
    ends = np.cumsum([0, *(len(tokenizer.token_bytes(token)) for token in ids)])
    return before[ends[1:]] > before[ends[:-1]]


def _nats_inside(judged: Iterable[Judgement], inside: np.ndarray) -> float:
    """Windows judge every token once and in order."""
    logprobs = np.concatenate([judgement.logprobs for judgement in judged])
    return -float(logprobs[inside].sum(dtype=np.float64))


def _exp(nats: float, words: int) -> float:
    return math.exp(nats / words)
