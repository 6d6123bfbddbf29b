"""What is asked of the engine, and what comes back."""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from typing import Literal, Protocol, runtime_checkable

from jaxtyping import Float32

from glassgpt.engine.window import visible
from glassgpt.errors import ContextOverflow, InvalidParameter
from glassgpt.model import GPT2Config
from glassgpt.sampling import PLAIN, Array, Row, SamplingParams, library

FinishReason = Literal["stop", "length", "eos"]
"""A stop text or stop id; `max_new_tokens` or the context is full; the end-of-text token."""


@runtime_checkable
class Decoder(Protocol):
    """What the engine needs of a tokenizer."""

    @property
    def vocab_size(self) -> int:
        """Ids from here on are padding and never drawn."""
        ...

    @property
    def end_of_text(self) -> int:
        """The id that ends a document and begins the next."""
        ...

    def token_bytes(self, token: int) -> bytes:
        """The bytes of one token."""
        ...


@dataclass(frozen=True, slots=True)
class Request:
    """Continue these ids. No ids at all ask for a text from nothing, that is, after the end-of-text token."""

    ids: Sequence[int]
    params: SamplingParams = field(default_factory=SamplingParams)


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """How likely the model itself found a token, before any filter; natural logarithm."""

    id: int
    logprob: float
    top: tuple[tuple[int, float], ...]
    """The likeliest ids with theirs, best first; of equal ones the lower id."""


@dataclass(frozen=True, slots=True)
class Event:
    """One step of one text. `text` holds whole characters only, and is empty while a stop text may be coming."""

    request: int
    sample: int
    id: int
    text: str
    logprob: TokenLogprob | None
    finish_reason: FinishReason | None
    seed: int
    score: float | None = None
    """Beam search, with the last token: the log-probability divided by length to the power of `length_penalty`."""


@dataclass(frozen=True, slots=True)
class Completion:
    """One finished text. `ids` holds every token, the ending one too; `text` excludes what ended it."""

    ids: tuple[int, ...]
    text: str
    finish_reason: FinishReason
    logprobs: tuple[TokenLogprob, ...] | None
    seed: int
    score: float | None = None
    """Beam search: as in `Event`."""


@dataclass(frozen=True, slots=True)
class Job:
    """A request that was checked against the model and can run."""

    number: int
    prompt: list[int]
    params: SamplingParams
    ends: tuple[int, ...]
    """Ids that end the text."""
    seed: int

    def room(self, context: int) -> int:
        """How many places it may need in memory: the last token written is never read."""
        longest = len(self.prompt) + self.params.max_new_tokens - 1
        return min(longest, context)


def accept(number: int, request: Request, config: GPT2Config, decoder: Decoder | None) -> Job:
    """Check a request; choose a seed if it has none."""
    params = request.params
    if params.stop and decoder is None:
        raise InvalidParameter("stop", params.stop, "stop texts need a tokenizer; use stop_ids")
    prompt = [int(token) for token in request.ids]
    if not prompt:
        if decoder is None:
            raise InvalidParameter("ids", prompt, "an empty prompt needs a tokenizer, for its end-of-text token")
        prompt = [decoder.end_of_text]
    for name, ids in (("ids", prompt), ("stop_ids", params.stop_ids), ("logit_bias", params.logit_bias)):
        check_ids(name, ids, config)
    if len(prompt) >= config.context_length and params.window == "stop":
        raise ContextOverflow(
            f"the prompt has {len(prompt):,} tokens; the model sees {config.context_length:,} and needs one for the "
            "answer. Shorten the prompt, or use window='slide' to keep its end."
        )
    eos = () if decoder is None or params.ignore_eos else (decoder.end_of_text,)
    seed = secrets.randbits(53) if params.seed is None else params.seed  # 53 bits survive JSON
    return Job(number, prompt, params, (*eos, *params.stop_ids), seed)


def check_ids(name: str, ids: Iterable[int], config: GPT2Config) -> None:
    """Refuse ids that the model does not have."""
    wrong = next((token for token in ids if not 0 <= token < config.vocab_size), None)
    if wrong is not None:
        raise InvalidParameter(name, wrong, f"must be from 0 to {config.vocab_size - 1:,}, the model's vocabulary")


def seen(text: Sequence[int], context: int) -> list[int]:
    """The tail of a text that the model reads."""
    return list(text[len(text) - visible(len(text), context) :])


def outgrown(text: Sequence[int], context: int) -> bool:
    """Whether the last token did not fit into what was read before, so that the window must be read again."""
    length = len(text)
    return length > context and visible(length, context) <= visible(length - 1, context)


def nothing_left(row: Row, logits: Float32[Array, " V"]) -> InvalidParameter:
    """The error when no token can follow a text: the settings forbid all, or the model's logits are no numbers."""
    if not bool(library(logits).isfinite(logits).all()):
        return InvalidParameter("logits", "nan or inf", "the model's weights are damaged, or overflow in this format")
    changed = [
        field.name for field in fields(row.params) if getattr(row.params, field.name) != getattr(PLAIN, field.name)
    ]
    return InvalidParameter("sampling", changed, f"together they forbid every token after {row.written} written ones")
