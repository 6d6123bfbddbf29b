"""`glassgpt generate`: a prompt in, the text a model continues it with out, word by word."""

import math
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, ClassVar

from tyro.conf import Positional, arg

from glassgpt.cli.bars import padding, percent, plural
from glassgpt.cli.open_model import open_model
from glassgpt.cli.options import Place, Sampling, Source, Talk, UsageError
from glassgpt.cli.prompt import sort_out_prompt
from glassgpt.cli.terminal import Terminal
from glassgpt.cli.tokens import show

if TYPE_CHECKING:
    from glassgpt.engine import Event, TokenLogprob
    from glassgpt.language_model import LanguageModel
    from glassgpt.language_model import Sampling as Settings

INTERRUPTED = 130
WIDEST = 24
ENDINGS = {"eos": "ended the text", "stop": "met a stop text", "length": "length reached"}


@dataclass(frozen=True, kw_only=True)
class Generate(Source, Sampling, Place, Talk):
    """Continue a text, word by word, as the model would write it.

    One word on the command line is the PROMPT, for the model that comes with GlassGPT; two are MODEL and PROMPT.
    A word alone that is a model's name, a path or a model's folder is the MODEL; its prompt then comes from --file
    or standard input. Without any prompt the model begins a document of its own. Text goes to stdout, the number of
    tokens, speed and seed to stderr.
    """

    EXAMPLES: ClassVar = (
        'glassgpt generate "A robot must obey"',
        'glassgpt generate "It was a dark night, and" -k 40 -t 0.8 --seed 7 -n 60',
        'echo "Dear Sir," | glassgpt generate embedded --num-samples 2 --json',
    )

    words: Annotated[Positional[tuple[str, ...]], arg(metavar="[MODEL] [PROMPT]")] = ()
    """The model and the text to go on from; - reads standard input."""
    num_samples: Annotated[int, arg(metavar="N")] = 1
    """Write N different continuations."""
    logprobs: Annotated[int | None, arg(metavar="K")] = None
    """Show how likely the model found each token, and the K likeliest in its place."""
    interactive: Annotated[bool, arg(aliases=("-i",))] = False
    """Take turns: you write a line, the model goes on, and so forth."""
    echo: bool = True
    """Whether to repeat the prompt before the text."""
    stream: bool = True
    """Whether to print the text as it is written, or once it is finished."""

    def __post_init__(self) -> None:
        """Refuse to write nothing."""
        super().__post_init__()
        if self.num_samples < 1:
            raise UsageError(f"--num-samples {self.num_samples} is not allowed: must be ≥ 1")


@dataclass(slots=True)
class Draft:
    """One continuation while it is being written."""

    pieces: list[str] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)
    logprobs: "list[TokenLogprob]" = field(default_factory=list)
    finish_reason: str = "interrupted"

    def take(self, event: "Event") -> None:
        """Add what the engine has just decided."""
        self.pieces.append(event.text)
        self.ids.append(event.id)
        if event.logprob:
            self.logprobs.append(event.logprob)
        self.finish_reason = event.finish_reason or self.finish_reason


@dataclass(slots=True)
class Pace:
    """When the writing began, when the first token came, and when it ended; seconds."""

    start: float = field(default_factory=time.perf_counter)
    first: float | None = None
    end: float = 0.0


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


def main(options: Generate) -> int:
    """Write, then say how it went."""
    if options.interactive:
        from glassgpt.cli.interactive import take_turns

        return take_turns(options)
    asked, out = sort_out_prompt(options.words, options), Terminal(options)
    settings = settings_of(options)
    lm = open_model(asked.model, options, out)
    prompt, drafts, pace = asked.text or "", [Draft() for _ in range(options.num_samples)], Pace()
    live = options.stream and not options.json and options.num_samples == 1
    page = Page(out, prompt if options.echo else "") if live else None
    try:
        write(lm, prompt, settings, drafts, pace, page)
    except KeyboardInterrupt:  # what is written so far is kept
        pace.end = time.perf_counter()
    if options.json:
        out.json("generate", _facts(lm, prompt, settings, drafts, pace, options))
    elif live:
        out.result("")
    else:
        _print_all(prompt, drafts, options, out)
    if options.logprobs is not None and not options.json:
        for line in (line for draft in drafts for line in _likelihoods(lm, draft, out)):
            out.result(line)
    out.talk(out.paint_talk(trailer(drafts, pace, settings), "dim"))
    return INTERRUPTED if any(draft.finish_reason == "interrupted" for draft in drafts) else 0


def settings_of(options: Generate) -> "Settings":
    """The flags as settings of the engine; a fresh seed where none is given, so that it can be told."""
    return {
        "max_new_tokens": options.max_new_tokens,
        "temperature": options.temperature,
        "top_k": options.top_k,
        "top_p": options.top_p,
        "min_p": options.min_p,
        "typical_p": options.typical_p,
        "repetition_penalty": options.repetition_penalty,
        "presence_penalty": options.presence_penalty,
        "frequency_penalty": options.frequency_penalty,
        "no_repeat_ngram": options.no_repeat_ngram,
        "num_beams": options.num_beams,
        "length_penalty": options.length_penalty,
        "logit_bias": dict(_bias(entry) for entry in options.logit_bias),
        "stop": options.stop,
        "seed": secrets.randbelow(1 << 32) if options.seed is None else options.seed,
        "n": options.num_samples,
        "logprobs": options.logprobs,
        "window": options.window,
    }


def _bias(entry: str) -> tuple[int, float]:
    token, _, bias = entry.partition("=")
    try:
        return int(token), float(bias)
    except ValueError:
        raise UsageError(f"--logit-bias {entry!r} is not allowed: write ID=BIAS, such as 50256=-100") from None


def write(
    lm: "LanguageModel", prompt: str, settings: "Settings", drafts: list[Draft], pace: Pace, page: Page | None
) -> None:
    """Let the model write into the drafts, and onto the page if there is one."""
    for event in lm.events(prompt, **settings):
        if pace.first is None:
            pace.first = time.perf_counter()
        drafts[event.sample].take(event)
        if page:
            page.show(event.text)
    pace.end = time.perf_counter()


def _print_all(prompt: str, drafts: list[Draft], options: Generate, out: Terminal) -> None:
    for number, draft in enumerate(drafts, start=1):
        if len(drafts) > 1:
            out.result(out.paint(f"--- {number} of {len(drafts)} ---", "dim"))
        if options.echo:
            out.text(prompt, "bold")
        out.text("".join(draft.pieces) + "\n")


def _likelihoods(lm: "LanguageModel", draft: Draft, out: Terminal) -> Iterator[str]:
    """A row a token: itself, how likely it was, and what was likeliest in its place."""
    shown = [show(lm.tokenizer.token_bytes(each.id)) for each in draft.logprobs]
    yield ""
    for each, text, space in zip(draft.logprobs, shown, padding(shown, WIDEST), strict=True):
        top = "  ".join(f"{show(lm.tokenizer.token_bytes(t))}{percent(math.exp(value))}" for t, value in each.top)
        yield f"  {out.paint(text, 'bold')}{space}  {percent(math.exp(each.logprob))}  {out.paint(top, 'dim')}".rstrip()


def _as_json(each: "TokenLogprob") -> dict[str, object]:
    return {
        "id": each.id,
        "logprob": each.logprob,
        "top": [{"id": token, "logprob": value} for token, value in each.top],
    }


def trailer(drafts: list[Draft], pace: Pace, settings: "Settings") -> str:
    """Tokens, time to the first, tokens a second, seed, and why it ended."""
    tokens = sum(len(draft.ids) for draft in drafts)
    parts = [plural(tokens, "token")]
    if pace.first is not None:
        parts.append(f"first after {1000 * (pace.first - pace.start):,.0f} ms")
        parts.append(f"{tokens / max(pace.end - pace.start, 1e-9):,.0f} tokens/s")
    parts.append(f"seed {settings.get('seed')}")
    if len(drafts) == 1:
        reason = drafts[0].finish_reason
        parts.append(ENDINGS.get(reason, reason))
    return " · ".join(parts)


def _facts(
    lm: "LanguageModel", prompt: str, settings: "Settings", drafts: list[Draft], pace: Pace, options: Generate
) -> dict[str, object]:
    tokens, seconds = sum(len(draft.ids) for draft in drafts), max(pace.end - pace.start, 1e-9)
    return {
        "model": lm.name,
        "prompt": prompt,
        "seed": settings.get("seed"),
        "samples": [
            {
                "text": "".join(draft.pieces),
                "ids": draft.ids,
                "finish_reason": draft.finish_reason,
                **({} if options.logprobs is None else {"logprobs": [_as_json(each) for each in draft.logprobs]}),
            }
            for draft in drafts
        ],
        "tokens": tokens,
        "first_token_seconds": None if pace.first is None else round(pace.first - pace.start, 6),
        "tokens_per_second": round(tokens / seconds, 3),
    }
