"""A text while it is being written: what is written so far, how fast, and where it is shown."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from glassgpt.cli.bars import plural
from glassgpt.cli.terminal import Terminal

if TYPE_CHECKING:
    from glassgpt.engine import Event, TokenLogprob
    from glassgpt.language_model import LanguageModel
    from glassgpt.language_model import Sampling as Settings

ENDINGS = {"eos": "ended the text", "stop": "met a stop text", "length": "length reached"}


@dataclass(slots=True)
class Draft:
    """One continuation while it is being written."""

    pieces: list[str] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)
    logprobs: "list[TokenLogprob]" = field(default_factory=list)
    finish_reason: str = "interrupted"

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(self.pieces)

    def take(self, event: "Event") -> None:
        """Add what the engine has just decided."""
        self.pieces.append(event.text)
        self.ids.append(event.id)
        if event.logprob:
            self.logprobs.append(event.logprob)
        self.finish_reason = event.finish_reason or self.finish_reason


@dataclass(slots=True)
class Pace:
    """When the reading began, when the first token came, and when the last, in seconds; and how long the prompt is."""

    prompt: int = 0
    """Its tokens, once they are known."""
    start: float = field(default_factory=time.perf_counter)
    first: float | None = None
    last: float = 0.0

    def tick(self) -> None:
        """A token has come."""
        self.last = time.perf_counter()
        self.first = self.first or self.last

    def tokens_per_second(self, tokens: int) -> float:
        """From the start to the last token."""
        return tokens / max(self.last - self.start, 1e-9) if tokens else 0.0

    @property
    def prefill(self) -> float | None:
        """Tokens of the prompt read in a second, until the first new token was there."""
        return None if self.first is None else self.prompt / max(self.first - self.start, 1e-9)

    def decode(self, drafts: Sequence[Draft]) -> float | None:
        """Tokens written in a second after the first of each text; None where there were no more."""
        later = sum(max(0, len(draft.ids) - 1) for draft in drafts)
        return None if self.first is None or not later else later / max(self.last - self.first, 1e-9)


@dataclass(slots=True)
class Page:
    """Where a text appears as it is written: the prompt first, once it is sure that there will be a text."""

    out: Terminal
    prompt: str

    def show(self, text: str) -> None:
        """Add what the model wrote."""
        if self.prompt:
            self.out.text(self.prompt, "bold")
            self.prompt = ""
        self.out.text(text)


def write(
    lm: "LanguageModel", prompt: str, settings: "Settings", drafts: list[Draft], pace: Pace, page: Page | None
) -> None:
    """Let the model write into the drafts, and onto the page if there is one."""
    pace.prompt = len(lm.request(prompt, **settings).ids)
    for event in lm.events(prompt, **settings):
        pace.tick()
        drafts[event.sample].take(event)
        if page:
            page.show(event.text)


def trailer(drafts: list[Draft], pace: Pace, settings: "Settings") -> str:
    """Tokens, time to the first, prompt tokens and then new tokens a second, seed, and why it ended."""
    tokens = sum(len(draft.ids) for draft in drafts)
    parts = [plural(tokens, "token")]
    if pace.first is not None:
        parts.append(f"first after {1000 * (pace.first - pace.start):,.0f} ms")
    if (prefill := pace.prefill) is not None:
        parts.append(f"prompt {prefill:,.0f} tokens/s")
    if (decode := pace.decode(drafts)) is not None:
        parts.append(f"then {decode:,.0f} tokens/s")
    parts.append(f"seed {settings.get('seed')}")
    if len(drafts) == 1:
        reason = drafts[0].finish_reason
        parts.append(ENDINGS.get(reason, reason))
    return " · ".join(parts)
