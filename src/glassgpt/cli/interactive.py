"""`glassgpt generate --interactive`: you and the model write one text, in turns."""

import contextlib
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from glassgpt.cli.terminal import Terminal
from glassgpt.cli.writing import Draft, Pace, Page, trailer, write

if TYPE_CHECKING:
    from glassgpt.language_model import LanguageModel
    from glassgpt.language_model import Sampling as Settings

GREETING = """\
{name} goes on from what you write. An empty line lets it go on by itself.
/new begins another text, /undo takes back a turn, Ctrl-C stops the model, /quit or Ctrl-D ends."""


def take_turns(lm: "LanguageModel", settings: "Callable[[], Settings]", out: Terminal) -> None:
    """Read a line, let the model go on, until the end of input; `settings` are asked for afresh each time."""
    out.talk(out.paint_talk(GREETING.format(name=lm.name), "dim"))
    turns: list[str] = []
    while (line := _ask(out)) is not None:
        command = line.strip().lower()
        if command == "/quit":
            break
        if command in ("/new", "/undo"):
            turns = [] if command == "/new" else turns[:-1]
            out.talk(out.paint_talk("".join(turns) or "a new text", "dim"))
        else:
            turns.append(_turn(lm, "".join(turns), line, settings(), out))


def _ask(out: Terminal) -> str | None:
    """One line from the user; None at the end of input or on Ctrl-C."""
    try:
        if sys.stdin.isatty() and sys.stdout.isatty():
            with contextlib.suppress(ImportError):  # Windows edits lines without it
                import readline  # noqa: F401  arrow keys and history for input()
            return input("› ")
        line = sys.stdin.readline()
        return line.rstrip("\r\n") if line else None
    except (KeyboardInterrupt, EOFError):
        out.talk("")
        return None


def _turn(lm: "LanguageModel", before: str, line: str, settings: "Settings", out: Terminal) -> str:
    """Let the model go on after the line; what both wrote is the turn."""
    if before and line and not before[-1].isspace() and (line[0].isalnum() or line[0] in "\"'("):
        line = f" {line}"
    draft, pace = Draft(), Pace()
    prompt = _fitting(lm, before + line, settings.get("max_new_tokens", 0))
    with contextlib.suppress(KeyboardInterrupt):  # stops the model, not the conversation
        write(lm, prompt, settings, [draft], pace, Page(out, line.lstrip()))
    out.result("")
    out.talk(out.paint_talk(trailer([draft], pace, settings), "dim"))
    return line + draft.text


def _fitting(lm: "LanguageModel", text: str, wanted: int) -> str:
    """The end of the text that leaves the model room to write; a long conversation forgets its beginning."""
    context = lm.config.context_length
    ids = lm.tokenizer.encode(text)
    room = max(1, context - min(wanted, context // 2))
    return text if len(ids) <= room else lm.tokenizer.decode(ids[-room:]).lstrip("\ufffd")
