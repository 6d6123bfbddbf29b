"""`glassgpt next`: the words a model would write next, as bars."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from tyro.conf import Positional, arg

from glassgpt.cli.bars import bar, padding, percent, visible
from glassgpt.cli.changing import Changes, under
from glassgpt.cli.open_model import open_model
from glassgpt.cli.options import Kernels, Place, Source, Talk, UsageError
from glassgpt.cli.prompt import sort_out_prompt
from glassgpt.cli.terminal import Terminal
from glassgpt.cli.tokens import show

if TYPE_CHECKING:
    from glassgpt.language_model import LanguageModel, NextWord

BAR, WIDEST, TAIL = 40, 20, 60


@dataclass(frozen=True, kw_only=True)
class Next(Source, Changes, Place, Kernels, Talk):
    """Show the words a model would write next, and how likely it finds each.

    One word on the command line is the text, two are MODEL and PROMPT; without a text, how a document begins.
    """

    EXAMPLES: ClassVar = (
        'glassgpt next "The ship was lost at"',
        'glassgpt next --top 3 "It was a dark and stormy"',
        'glassgpt next --json "Once upon a"',
    )

    words: Annotated[Positional[tuple[str, ...]], arg(metavar="[MODEL] [PROMPT]")] = ()
    """The model and the text to go on from."""
    top: Annotated[int, arg(metavar="N")] = 10
    """How many words to show."""

    def __post_init__(self) -> None:
        """Refuse a list without entries."""
        super().__post_init__()
        if self.top < 1:
            raise UsageError(f"--top {self.top} is not allowed: must be ≥ 1")


def main(options: Next) -> None:
    """Print the chart."""
    asked, out = sort_out_prompt(options.words, options), Terminal(options)
    prompt = asked.text or ""
    lm = under(open_model(asked.model, options, out), options, prompt)
    found = lm.next_words(prompt, options.top)
    if options.json:
        words = [{"text": word.text, "id": word.id, "probability": word.probability} for word in found]
        out.json("next", {"model": lm.name, "prompt": prompt, "next": words})
        return
    out.result(f"\n{out.paint(_ending(prompt), 'bold')} …\n" if prompt else "\nA document begins …\n")
    for line in _chart(found, lm, out):
        out.result(line)


def _chart(found: "list[NextWord]", lm: "LanguageModel", out: Terminal) -> Iterator[str]:
    """One line a word; the longest bar is the likeliest word, the last line all the others together."""
    shown = [*(show(lm.tokenizer.token_bytes(word.id)) for word in found), "others"]
    spaces = padding(shown, WIDEST)
    longest = max(found[0].probability, 1e-9)
    for number, (word, text, space) in enumerate(zip(found, shown, spaces, strict=False), start=1):
        drawn = bar(word.probability / longest, BAR)
        yield f"{number:>4}  {out.paint(text, 'bold')}{space}  {percent(word.probability)}  {out.paint(drawn, 'cyan')}"
    others = lm.config.vocab_size - len(found)
    if others:
        rest = max(0.0, 1 - sum(word.probability for word in found))
        yield out.paint(f"{'':>4}  {shown[-1]}{spaces[-1]}  {percent(rest)}  {others:,} other tokens", "dim")


def _ending(prompt: str) -> str:
    """The last line of a long prompt, or its end."""
    line = visible(prompt.strip()[-TAIL:])
    return f"… {line}" if len(prompt.strip()) > TAIL else line
