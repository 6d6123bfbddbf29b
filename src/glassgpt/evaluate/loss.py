"""Model and tokens in, loss out: nats a token, bits per byte, perplexity.

Bits per byte compare models with different vocabularies: all the surprise, divided by the bytes of the text.
"""

import lzma
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from glassgpt.errors import InvalidParameter
from glassgpt.evaluate.passages import Judgement, Passage, Report, judge
from glassgpt.model import GPT2
from glassgpt.tokens import Tokenizer


@dataclass(frozen=True, slots=True)
class Loss:
    """How surprised a model was by a text."""

    nats: float
    """Summed over the tokens that were predicted."""
    tokens: int
    text_bytes: int
    variance: float = math.nan
    """Of `nats`, from window to window; not a number where there were fewer than two."""

    @property
    def nats_per_token(self) -> float:
        """The number a training log shows."""
        return self.nats / self.tokens

    @property
    def bits_per_byte(self) -> float:
        """The number that does not depend on the vocabulary."""
        return self.nats / math.log(2) / self.text_bytes

    @property
    def perplexity(self) -> float:
        """Per token."""
        return math.exp(self.nats_per_token)

    @property
    def standard_error(self) -> float:
        """Of `nats_per_token`, from the spread between windows."""
        return math.sqrt(self.variance) / self.tokens


def loss_of(
    model: GPT2,
    tokens: np.ndarray,
    text_bytes: int,
    *,
    stride: int | None = None,
    report: Report = lambda done, goal: None,
) -> Loss:
    """Predict every token after the first from those before it in a window of the model's context.

    Windows start `stride` tokens apart (default: half the context), and each predicts only what the one before did
    not reach, so every token but the earliest is read with at least context - stride tokens before it.
    """
    if len(tokens) < 2:
        raise InvalidParameter("tokens", len(tokens), "at least two are needed: the first is only read")
    passages = list(windows(tokens, model.config.context_length, stride))
    return summed(judge(model, passages, report=report), text_bytes)


def losses_of(
    model: GPT2,
    tokenizer: Tokenizer,
    documents: Iterable[str],
    *,
    stride: int | None = None,
    report: Report = lambda done, goal: None,
) -> list[Loss]:
    """The loss of each document, which is read after one end-of-text token and ends with one that is predicted."""
    texts = list(documents)
    end = [tokenizer.end_of_text]
    passages: list[Passage] = []
    ends: list[int] = []
    for ids in tokenizer.encode_batch(texts):
        passages += windows(np.concatenate([end, ids, end]), model.config.context_length, stride)
        ends.append(len(passages))
    judged = judge(model, passages, report=report)
    starts = [0, *ends[:-1]]
    return [
        summed(judged[start:stop], len(text.encode())) for start, stop, text in zip(starts, ends, texts, strict=True)
    ]


def windows(tokens: np.ndarray, context: int, stride: int | None = None) -> Iterator[Passage]:
    """The passages that together predict every token after the first once; see `loss_of`."""
    stride = max(1, context // 2) if stride is None else stride
    if not 1 <= stride <= context:
        raise InvalidParameter("stride", stride, f"must be in 1..{context}")
    done = 1  # tokens[:done] are predicted, or the first, which cannot be
    for start in range(0, len(tokens) - 1, stride):
        window = tokens[start : start + context + 1]
        yield Passage(window, start + len(window) - done)
        done = start + len(window)
        if done == len(tokens):
            return


def summed(judgements: Sequence[Judgement], text_bytes: int) -> Loss:
    """The loss of a text from the judgements of its windows."""
    nats = np.array([-judgement.logprob for judgement in judgements])
    tokens = np.array([len(judgement.logprobs) for judgement in judgements])
    return Loss(float(nats.sum()), int(tokens.sum()), text_bytes, ratio_variance(nats, tokens))


def together(losses: Sequence[Loss]) -> Loss:
    """The loss of several texts as one."""
    nats, tokens = np.array([loss.nats for loss in losses]), np.array([loss.tokens for loss in losses])
    within = sum(loss.variance for loss in losses)
    variance = within if math.isfinite(within) else ratio_variance(nats, tokens)
    return Loss(float(nats.sum()), int(tokens.sum()), sum(loss.text_bytes for loss in losses), variance)


def packed_bits_per_byte(texts: Sequence[str]) -> float:
    """What xz at its best needs for the texts, which it may read as one: a floor that knows no language."""
    data = "\n".join(texts).encode()
    return 8 * len(lzma.compress(data, preset=9)) / len(data)


def ratio_variance(sums: np.ndarray, counts: np.ndarray) -> float:
    """Variance of a sum over groups whose sizes vary too, as a ratio estimate has it."""
    groups = len(sums)
    if groups < 2:
        return math.nan
    spread = sums - counts * sums.sum() / counts.sum()
    return float((spread**2).sum() * groups / (groups - 1))
