"""What the verbs that look inside share: which text, which token, which word, and what is changed first."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import arg

from glassgpt.cli.changing import Changes
from glassgpt.cli.open_model import open_model
from glassgpt.cli.options import Place, Source, Talk, UsageError
from glassgpt.cli.prompt import sort_out_prompt
from glassgpt.cli.terminal import Terminal

if TYPE_CHECKING:
    from glassgpt.interpret import Trace
    from glassgpt.language_model import LanguageModel
    from glassgpt.tokens import Tokenizer


@dataclass(frozen=True, kw_only=True)
class Picture:
    """Picture"""

    svg: Annotated[Path | None, arg(metavar="FILE")] = None
    """Draw it into this file too."""

    def draw(self, drawing: str) -> None:
        """Write the file."""
        if self.svg:
            self.svg.expanduser().write_text(drawing, encoding="utf-8")


@dataclass(frozen=True, kw_only=True)
class Inside(Changes, Source, Place, Talk):
    """Where to look"""

    pos: Annotated[int, arg(metavar="POSITION")] = -1
    """Which token, counted from 0, or from the end with -1, -2 …"""
    bos: bool = False
    """Put the end-of-text token first, as the start of a document."""


@dataclass(frozen=True, slots=True)
class Looked:
    """A model that has read a text."""

    lm: "LanguageModel"
    trace: "Trace"
    clean: "Trace"
    """The same without what `--do` changes."""
    out: Terminal

    def facts(self, position: int) -> dict[str, object]:
        """What every answer in JSON begins with."""
        return {
            "model": self.lm.name,
            "ids": list(self.trace.ids),
            "tokens": list(self.trace.tokens),
            "position": position % len(self.trace.ids),
            "changes": [str(one) for one in self.trace.interventions],
        }


def look(words: tuple[str, ...], options: Inside) -> Looked:
    """Open the model, read the text, make the changes."""
    from glassgpt.interpret import intervention, trace

    asked, out = sort_out_prompt(words, options), Terminal(options)
    if not asked.text and not options.bos:
        raise UsageError("there is no text to look at: give it as an argument, with --file, or on standard input")
    lm = open_model(asked.model, options, out)
    ids = lm.tokenizer.encode(asked.text or "")
    ids = [lm.tokenizer.end_of_text, *ids] if options.bos else ids
    clean = trace(lm.model, ids, spell=lm.tokenizer.spell)
    if not -len(ids) <= options.pos < len(ids):
        raise UsageError(f"--pos {options.pos} is not allowed: the text has {len(ids)} tokens")
    changes = [intervention(each, reference=clean) for each in options.do]
    return Looked(lm, clean.under(*changes) if changes else clean, clean, out)


def one_word(typed: str, tokenizer: "Tokenizer", flag: str) -> int:
    """A word's id: the text as typed if that is one token, else with a space before it, or an id written as #417."""
    if typed.startswith("#") and typed[1:].isdigit() and int(typed[1:]) < tokenizer.vocab_size:
        return int(typed[1:])
    for spelling in (typed, f" {typed}"):
        ids = tokenizer.encode(spelling)
        if len(ids) == 1:
            return ids[0]
    pieces = " ".join(map(tokenizer.spell, tokenizer.encode(typed)))
    raise UsageError(
        f"{flag} {typed!r} is not one token of this model but {pieces or 'none'}; name one, or an id: #417"
    )


def a_word(typed: str, tokenizer: "Tokenizer", flag: str) -> int:
    """The same for a word that would follow a text: with a space before it first, unless one is typed."""
    spaced = tokenizer.encode(f" {typed}")
    return spaced[0] if len(spaced) == 1 and typed[:1].isalnum() else one_word(typed, tokenizer, flag)
