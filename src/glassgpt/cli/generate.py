"""`glassgpt generate`: a prompt in, the text a model continues it with out, word by word."""

import contextlib
import math
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from tyro.conf import Positional, arg

from glassgpt.cli.bars import padding, percent
from glassgpt.cli.changing import Changes, under
from glassgpt.cli.many import as_json, write_many
from glassgpt.cli.open_model import open_model
from glassgpt.cli.options import Kernels, Place, Sampling, Source, Talk, UsageError
from glassgpt.cli.prompt import EMBEDDED, names_a_model, sort_out_prompt
from glassgpt.cli.terminal import Terminal
from glassgpt.cli.tokens import show
from glassgpt.cli.writing import Draft, Pace, Page, trailer, write

if TYPE_CHECKING:
    from glassgpt.language_model import LanguageModel
    from glassgpt.language_model import Sampling as Settings

INTERRUPTED = 130
WIDEST = 24


@dataclass(frozen=True, kw_only=True)
class Generate(Source, Sampling, Changes, Place, Kernels, Talk):
    """Continue a text, word by word, as the model would write it.

    One word on the command line is the PROMPT, for the model that comes with GlassGPT; two are MODEL and PROMPT.
    A word alone that is a model's name, a path or a model's folder is the MODEL; its prompt then comes from --file
    or standard input. Without any prompt the model begins a document of its own. Text goes to stdout, the number of
    tokens, speed and seed to stderr.
    """

    EXAMPLES: ClassVar = (
        'glassgpt generate "A robot must obey"',
        'glassgpt generate "It was a dark night, and" -k 40 -t 0.8 --seed 7 -n 60',
        "echo '\"Dear Sir,\"' | glassgpt generate embedded --num-samples 2 --prompts -",
    )

    words: Annotated[Positional[tuple[str, ...]], arg(metavar="[MODEL] [PROMPT]")] = ()
    """The model and the text to go on from; - reads standard input."""
    prompts: Annotated[str | None, arg(metavar="FILE")] = None
    """Answer a file of prompts: a JSON string a line, or an object with prompt, id and settings of its own. JSON lines
    come out, in the same order; line after line gets the seed after the one before. - is standard input."""
    batch: Annotated[int, arg(metavar="N")] = 64
    """With --prompts: write at most N texts side by side. More are faster together, and take more memory."""
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
        if self.batch < 1:
            raise UsageError(f"--batch {self.batch} is not allowed: must be ≥ 1")


def main(options: Generate) -> int:
    """Write, then say how it went."""
    out = Terminal(options)
    if options.interactive:
        return _take_turns(options, out)
    if options.prompts:
        return _answer_all(options, options.prompts, out)
    asked, settings = sort_out_prompt(options.words, options), settings_of(options)
    lm = under(open_model(asked.model, options, out), options, asked.text or "")
    prompt, drafts, pace = asked.text or "", [Draft() for _ in range(options.num_samples)], Pace()
    live = options.stream and not options.json and options.num_samples == 1
    page = Page(out, prompt if options.echo else "") if live else None
    with contextlib.suppress(KeyboardInterrupt):  # what is written so far is kept
        write(lm, prompt, settings, drafts, pace, page)
    if options.json:
        out.json("generate", _facts(lm, prompt, settings, drafts, pace, options))
    else:
        out.result("") if live else _print_all(prompt, drafts, options, out)
        for line in _likelihoods(lm, drafts, out):
            out.result(line)
    out.talk(out.paint_talk(trailer(drafts, pace, settings), "dim"))
    return INTERRUPTED if any(draft.finish_reason == "interrupted" for draft in drafts) else 0


def _take_turns(options: Generate, out: Terminal) -> int:
    from glassgpt.cli.interactive import take_turns

    if options.json or options.num_samples > 1 or options.num_beams > 1 or options.file or options.prompts:
        raise UsageError("--interactive goes with none of --json, --num-samples, --num-beams, --file and --prompts")
    words = options.words
    if len(words) > 1 or (words and not (options.model is None and names_a_model(words[0]))):
        raise UsageError("--interactive takes at most a MODEL; the text is what you write at the prompt")
    settings_of(options)  # mistakes are told of before the model is loaded
    lm = under(open_model(words[0] if words else options.model or EMBEDDED, options, out), options)
    take_turns(lm, lambda: settings_of(options), out)
    return 0


def _answer_all(options: Generate, prompts: str, out: Terminal) -> int:
    words = options.words
    if len(words) > (options.model is None) or options.file:
        raise UsageError("--prompts takes at most a MODEL; the texts are those of the file")
    settings = settings_of(options)  # mistakes are told of before the model is loaded
    lm = under(open_model(words[0] if words else options.model or EMBEDDED, options, out), options)
    try:
        write_many(lm, prompts, settings, options.batch, out)
    except KeyboardInterrupt:  # the lines that are out are whole
        return INTERRUPTED
    return 0


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
        "speculate": options.speculate,
    }


def _bias(entry: str) -> tuple[int, float]:
    token, _, bias = entry.partition("=")
    try:
        return int(token), float(bias)
    except ValueError:
        raise UsageError(f"--logit-bias {entry!r} is not allowed: write ID=BIAS, such as 50256=-100") from None


def _print_all(prompt: str, drafts: list[Draft], options: Generate, out: Terminal) -> None:
    for number, draft in enumerate(drafts, start=1):
        if len(drafts) > 1:
            out.result(out.paint(f"--- {number} of {len(drafts)} ---", "dim"))
        if options.echo:
            out.text(prompt, "bold")
        out.text(draft.text + "\n")


def _likelihoods(lm: "LanguageModel", drafts: list[Draft], out: Terminal) -> Iterator[str]:
    """With --logprobs a row a token: itself, how likely it was, and what was likeliest in its place."""
    for draft in (draft for draft in drafts if draft.logprobs):
        yield ""
        shown = [show(lm.tokenizer.token_bytes(each.id)) for each in draft.logprobs]
        for each, text, space in zip(draft.logprobs, shown, padding(shown, WIDEST), strict=True):
            top = "  ".join(f"{show(lm.tokenizer.token_bytes(t))}{percent(math.exp(value))}" for t, value in each.top)
            yield f"  {out.paint(text, 'bold')}{space}  {percent(math.exp(each.logprob))}  {out.paint(top, 'dim')}"


def _facts(
    lm: "LanguageModel", prompt: str, settings: "Settings", drafts: list[Draft], pace: Pace, options: Generate
) -> dict[str, object]:
    tokens = sum(len(draft.ids) for draft in drafts)
    return {
        "model": lm.name,
        "prompt": prompt,
        "seed": settings.get("seed"),
        "samples": [
            {
                "text": draft.text,
                "ids": draft.ids,
                "finish_reason": draft.finish_reason,
                **({} if options.logprobs is None else {"logprobs": [as_json(each) for each in draft.logprobs]}),
            }
            for draft in drafts
        ],
        "tokens": tokens,
        "first_token_seconds": None if pace.first is None else round(pace.first - pace.start, 6),
        "tokens_per_second": round(pace.tokens_per_second(tokens), 3),
        "prompt_tokens": pace.prompt,
        "prefill_tokens_per_second": _rounded(pace.prefill),
        "decode_tokens_per_second": _rounded(pace.decode(drafts)),
    }


def _rounded(speed: float | None) -> float | None:
    return None if speed is None else round(speed, 3)
