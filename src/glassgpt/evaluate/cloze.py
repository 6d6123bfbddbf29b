"""Passages without their last word in, how often a model finds it out: LAMBADA (Paperno et al. 2016).

The word can be guessed from the whole passage and hardly from its last sentence. The passages are read in OpenAI's
formatting, plain text with line ends and quotes as typed; everything before the last space is the context.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from glassgpt.errors import DataError
from glassgpt.evaluate.continuation import continuation
from glassgpt.evaluate.files import field, first_line, read_lines, read_rows
from glassgpt.evaluate.passages import Report, judge
from glassgpt.model import GPT2
from glassgpt.tokens import Tokenizer

_GRAMMAR = """
a about above across after again against all almost along already also although always am among an and another any are
around as at away be because been before behind being below beneath beside between beyond both but by can could did do
does doing done down during each either else enough even ever every few for from had has have having he her here hers
herself him himself his how however i if in inside into is it its itself just last least less like many may me might
mine more most much must my myself near neither never no nor not now of off often on once one only onto or other
others our ours ourselves out outside over own perhaps quite rather really same shall she should since so some still
such than that the their theirs them themselves then there these they this those though through till to together too
toward towards under until up upon us very was we well were what when where whether which while who whom whose why
will with within without would yet you your yours yourself yourselves
"""
STOP_WORDS = frozenset(_GRAMMAR.split())
"""Words that carry grammar and little else; a passage of LAMBADA hardly ever ends in one."""


@dataclass(frozen=True, slots=True)
class Blank:
    """A passage without its last word, and that word with the space before it."""

    context: str
    word: str


@dataclass(frozen=True, slots=True)
class Cloze:
    """How well a model finds the missing words."""

    passages: int
    found: int
    """Passages whose every missing token was the likeliest."""
    nats: float
    """The surprise of all missing words together."""
    variance: float
    """Of `nats`, from passage to passage."""
    floor: float
    """The share that a word drawn from the passage gets right."""

    @property
    def accuracy(self) -> float:
        """Share of the passages."""
        return self.found / self.passages

    @property
    def standard_error(self) -> float:
        """Of the accuracy."""
        return math.sqrt(self.accuracy * (1 - self.accuracy) / max(1, self.passages - 1))

    @property
    def perplexity(self) -> float:
        """Per missing word, the exponential of the mean surprise."""
        return math.exp(self.nats / self.passages)

    @property
    def perplexity_error(self) -> float:
        """Standard error of the perplexity."""
        return self.perplexity * math.sqrt(self.variance) / self.passages


def read_blanks(path: Path) -> Iterator[Blank]:
    """Passages of a `.jsonl` file (under the key `text`) or of a text file with one a line."""
    rows = first_line(path).lstrip().startswith("{")
    texts = (field(row, "text", path) for row in read_rows(path)) if rows else read_lines(path)
    for number, text in enumerate(filter(str.strip, texts), start=1):
        context, space, word = text.rstrip().rpartition(" ")
        if not context.strip():
            raise DataError(f"{path}, passage {number}: at least two words are needed, this is {text[:40]!r}.")
        yield Blank(context, space + word)


def fill(
    model: GPT2,
    tokenizer: Tokenizer,
    blanks: Sequence[Blank],
    *,
    stop_words: bool = False,
    report: Report = lambda done, goal: None,
) -> Cloze:
    """Let the model write the last word of each passage, token by token, always the likeliest.

    With `stop_words` a word may not begin with a token that is a stop word, as in the GPT-2 paper, whose own filter
    is not published. That changes the accuracy and not the perplexity.
    """
    room = model.config.context_length
    passages = [continuation(tokenizer, blank.context, blank.word, room) for blank in blanks]
    judged = judge(model, passages, not_first=stop_ids(tokenizer) if stop_words else (), report=report)
    nats = np.array([-judgement.logprob for judgement in judged])
    return Cloze(
        passages=len(blanks),
        found=sum(judgement.foreseen for judgement in judged),
        nats=float(nats.sum()),
        variance=float(nats.var(ddof=1)) * len(nats) if len(nats) > 1 else math.nan,
        floor=sum(map(_drawn, blanks)) / len(blanks),
    )


def stop_ids(tokenizer: Tokenizer) -> list[int]:
    """The tokens that are a stop word with a space before it, or a mark of punctuation with one or without."""
    texts = {token: raw.decode(errors="replace") for token, raw in tokenizer.vocabulary.bytes_of.items()}
    return [token for token, text in texts.items() if _is_stop(text)]


def _is_stop(text: str) -> bool:
    return (text[:1] == " " and text[1:].lower() in STOP_WORDS) or not any(map(str.isalnum, text))


def _drawn(blank: Blank) -> float:
    """The chance that a word drawn from the passage is the missing one."""
    words = re.findall(r"\w+(?:['’]\w+)?", blank.context)
    wanted = re.findall(r"\w+(?:['’]\w+)?", blank.word)
    return words.count(wanted[-1]) / len(words) if words and wanted else 0.0
