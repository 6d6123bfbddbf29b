"""`glassgpt generate --prompts FILE`: a prompt a line in, a text a line out, all written side by side."""

import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from glassgpt.cli.bars import plural
from glassgpt.cli.progress import progress
from glassgpt.cli.prompt import read_stdin, read_text
from glassgpt.cli.terminal import Terminal, one_line
from glassgpt.errors import DataError, GlassGPTError

if TYPE_CHECKING:
    from glassgpt.engine import Completion, Request, TokenLogprob
    from glassgpt.language_model import LanguageModel
    from glassgpt.language_model import Sampling as Settings

MOST_TOLD = 10
"""How many bad lines are named one by one."""


@dataclass(frozen=True, slots=True)
class Line:
    """One prompt of the file, and where it stood."""

    number: int
    id: object
    prompt: str
    settings: dict[str, object]
    """What this line sets for itself."""


def write_many(lm: "LanguageModel", file: str, settings: "Settings", batch: int, out: Terminal) -> None:
    """Answer every line in the order of the file, each as soon as it and all before it are finished.

    At most `batch` texts are written side by side.
    """
    from glassgpt.engine import generate_each

    lines = read_lines(file)
    requests = list(_requests(lm, lines, settings, file))
    start, tokens = time.perf_counter(), 0
    with progress(out) as report:
        report("texts", 0, len(lines))
        answers = generate_each(lm.backend, requests, lm.tokenizer, batch)
        for done, (line, texts) in enumerate(zip(lines, answers, strict=True), start=1):
            for sample, text in enumerate(texts):
                out.result(one_line(_answer(line, sample, text)))
                tokens += len(text.ids)
            report("texts", done, len(lines))
    seconds = max(time.perf_counter() - start, 1e-9)
    said = f"{plural(len(lines), 'prompt')} · {plural(tokens, 'token')} · {tokens / seconds:,.0f} tokens/s"
    out.talk(out.paint_talk(f"{said} · seeds from {settings.get('seed')}", "dim"))


def read_lines(file: str) -> list[Line]:
    """The prompts of a file: each line a JSON string, or an object with `prompt`, perhaps `id`, and settings."""
    text = read_stdin(insist=True) if file == "-" else read_text(Path(file).expanduser())
    lines: list[Line] = []
    wrong: list[str] = []
    for number, line in enumerate((text or "").split("\n"), start=1):
        if line.strip():
            try:
                lines.append(_line(number, line))
            except (ValueError, TypeError) as error:
                wrong.append(f"line {number}: {error}")
    _refuse(file, wrong)
    return lines


def _line(number: int, text: str) -> Line:
    try:
        found = json.loads(text, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"is not JSON: {error.msg} at column {error.colno}") from None
    fields = {"prompt": found} if isinstance(found, str) else found
    if not isinstance(fields, dict):
        raise ValueError('must be a string, or an object such as {"prompt": "It was"}')
    if not isinstance(fields.get("prompt"), str):
        raise ValueError('has no text under "prompt"')
    settings = {name: _setting(name, value) for name, value in fields.items() if name not in ("prompt", "id")}
    return Line(number, fields.get("id", number), fields["prompt"], settings)


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _setting(name: str, value: object) -> object:
    """JSON knows no tuples, no whole numbers as keys, and writes 1.0 as 1."""
    from glassgpt.sampling import PLAIN

    if isinstance(value, list):
        return tuple(cast("list[object]", value))
    if name == "logit_bias" and isinstance(value, dict):
        return {int(token): float(bias) for token, bias in cast("dict[str, float]", value).items()}
    return float(value) if type(value) is int and isinstance(getattr(PLAIN, name, None), float) else value


def _requests(lm: "LanguageModel", lines: list[Line], settings: "Settings", file: str) -> Iterator["Request"]:
    """Each line with the settings of the command line, and its own before those; all lines are checked first."""
    from glassgpt.engine import accept

    first, wrong = settings.get("seed") or 0, list[str]()
    for count, line in enumerate(lines):
        own = cast("Settings", {**settings, "seed": (first + count) % 2**64, **line.settings})
        try:
            request = lm.request(line.prompt, **own)
            accept(count, request, lm.config, lm.tokenizer)
            yield request
        except (GlassGPTError, TypeError) as error:
            wrong.append(f"line {line.number}: {error}")
    _refuse(file, wrong)


def _refuse(file: str, wrong: list[str]) -> None:
    if wrong:
        more = [f"and {len(wrong) - MOST_TOLD:,} more"] if len(wrong) > MOST_TOLD else []
        raise DataError("\n  ".join([f"{file}: {plural(len(wrong), 'bad line')}", *wrong[:MOST_TOLD], *more]))


def _answer(line: Line, sample: int, text: "Completion") -> dict[str, object]:
    return {
        "id": line.id,
        "sample": sample,
        "text": text.text,
        "ids": list(text.ids),
        "finish_reason": text.finish_reason,
        "seed": text.seed,
        **({} if text.score is None or not math.isfinite(text.score) else {"score": text.score}),
        **({} if text.logprobs is None else {"logprobs": [as_json(each) for each in text.logprobs]}),
    }


def as_json(each: "TokenLogprob") -> dict[str, object]:
    """How likely a token was, and what was likeliest in its place."""
    return {
        "id": each.id,
        "logprob": each.logprob,
        "top": [{"id": token, "logprob": value} for token, value in each.top],
    }
