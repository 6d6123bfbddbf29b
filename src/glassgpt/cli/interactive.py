"""`glassgpt generate --interactive`: you and the model write one text, in turns."""

import contextlib
import sys
import time
from typing import TYPE_CHECKING

from glassgpt.cli.generate import Draft, Generate, Pace, Page, settings_of, trailer, write
from glassgpt.cli.open_model import open_model
from glassgpt.cli.options import UsageError
from glassgpt.cli.prompt import names_a_model
from glassgpt.cli.terminal import Terminal

if TYPE_CHECKING:
    from glassgpt.language_model import LanguageModel

GREETING = """\
{name} goes on from what you write. An empty line lets it go on by itself.
/new begins another text, /undo takes back a turn, Ctrl-C stops the model, /quit or Ctrl-D ends."""


def take_turns(options: Generate) -> int:
    """Read a line, let the model go on, until the end of input."""
    if options.json or options.num_samples > 1 or options.num_beams > 1 or options.file:
        raise UsageError("--interactive goes with none of --json, --num-samples, --num-beams and --file")
    words = options.words
    if len(words) > 1 or (words and not (options.model is None and names_a_model(words[0]))):
        raise UsageError("--interactive takes at most a MODEL; the text is what you write at the prompt")
    out = Terminal(options)
    lm = open_model(words[0] if words else options.model or "embedded", options, out)
    out.talk(out.paint_talk(GREETING.format(name=lm.name), "dim"))
    turns: list[str] = []
    while (line := _ask()) is not None:
        command = line.strip().lower()
        if command == "/quit":
            break
        if command in ("/new", "/undo"):
            turns = [] if command == "/new" else turns[:-1]
            out.talk(out.paint_talk("".join(turns) or "a new text", "dim"))
        else:
            turns.append(_turn(lm, "".join(turns), line, options, out))
    out.talk("")
    return 0


def _ask() -> str | None:
    """One line from the user; None at the end of input or on Ctrl-C."""
    try:
        if sys.stdin.isatty() and sys.stdout.isatty():
            with contextlib.suppress(ImportError):  # Windows edits lines without it
                import readline  # noqa: F401  arrow keys and history for input()
            return input("› ")
        line = sys.stdin.readline()
        return line.rstrip("\r\n") if line else None
    except (KeyboardInterrupt, EOFError):
        return None


def _turn(lm: "LanguageModel", before: str, line: str, options: Generate, out: Terminal) -> str:
    """Let the model go on after the line; what both wrote is the turn."""
    if before and line and not before[-1].isspace() and (line[0].isalnum() or line[0] in "\"'("):
        line = f" {line}"
    draft, pace, settings = Draft(), Pace(), settings_of(options)
    prompt = _fitting(lm, before + line, options)
    try:
        write(lm, prompt, settings, [draft], pace, Page(out, line.lstrip()))
    except KeyboardInterrupt:
        pace.end = time.perf_counter()
    out.result("")
    out.talk(out.paint_talk(trailer([draft], pace, settings), "dim"))
    return line + "".join(draft.pieces)


def _fitting(lm: "LanguageModel", text: str, options: Generate) -> str:
    """The end of the text that leaves the model room to write; a long conversation forgets its beginning."""
    room = max(1, lm.config.context_length - min(options.max_new_tokens, lm.config.context_length // 2))
    ids = lm.tokenizer.encode(text)
    return text if len(ids) <= room else lm.tokenizer.decode(ids[-room:]).lstrip("\ufffd")
