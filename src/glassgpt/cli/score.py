"""`glassgpt score`: how surprising a text is to a model, token by token."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from tyro.conf import Positional, arg

from glassgpt.cli.bars import bar, padding
from glassgpt.cli.open_model import open_model
from glassgpt.cli.options import Kernels, Place, Source, Talk, UsageError
from glassgpt.cli.prompt import sort_out
from glassgpt.cli.terminal import Terminal
from glassgpt.cli.tokens import show

if TYPE_CHECKING:
    from glassgpt.language_model import Score

BAR, WIDEST, MOST_BITS = 32, 24, 16.0


@dataclass(frozen=True, kw_only=True)
class ScoreText(Source, Place, Kernels, Talk):
    """Show how surprising a text is to a model, token by token, and in total.

    Surprise is counted in bits: 1 for a token it gave a chance of one in two, 10 for one in a thousand. One word on
    the command line is the text, two are MODEL and TEXT.
    """

    EXAMPLES: ClassVar = (
        'glassgpt score "It was a dark and stormy night"',
        'glassgpt score --summary "It was a dark and stormy night"',
        'glassgpt score --json "To be, or not to be"',
    )

    words: Annotated[Positional[tuple[str, ...]], arg(metavar="[MODEL] [TEXT]")] = ()
    """The model and the text."""
    summary: bool = False
    """Only the totals."""


def main(options: ScoreText) -> None:
    """Print the surprise of each token, then the totals."""
    asked, out = sort_out(options.words, options), Terminal(options)
    if not asked.text:
        raise UsageError("there is no text to score: give it as an argument, with --file, or on standard input")
    lm = open_model(asked.model, options, out)
    score = lm.score(asked.text)
    totals = {
        "tokens": len(score.ids),
        "bytes": len(asked.text.encode()),
        "nats": score.nats,
        "bits_per_byte": score.bits_per_byte,
        "perplexity": score.perplexity,
    }
    if options.json:
        rows = zip(score.tokens, score.ids, score.logprobs.tolist(), strict=True)
        each = [{"text": text, "id": token, "logprob": logprob} for text, token, logprob in rows]
        out.json("score", {"model": lm.name, **totals, **({} if options.summary else {"scores": each})})
        return
    if not options.summary:
        _chart(score, [show(lm.tokenizer.token_bytes(token)) for token in score.ids], out)
    out.result(
        f"{score.nats:,.2f} nats · {score.bits_per_byte:.3f} bits per byte · perplexity {score.perplexity:,.1f} · "
        f"{totals['tokens']:,} tokens, {totals['bytes']:,} bytes"
    )


def _chart(score: "Score", shown: list[str], out: Terminal) -> None:
    for text, space, logprob in zip(shown, padding(shown, WIDEST), score.logprobs.tolist(), strict=True):
        bits = -logprob / math.log(2)
        drawn = out.paint(bar(bits / MOST_BITS, BAR), "red" if bits > MOST_BITS / 2 else "cyan")
        out.result(f"  {out.paint(text, 'bold')}{space}  {bits:5.1f} bits  {drawn}")
    out.result("")
