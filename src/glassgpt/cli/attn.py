"""`glassgpt attn`: where one head looks from one token, or where every head does."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from tyro.conf import Positional, arg

from glassgpt.cli.bars import bar, padding
from glassgpt.cli.heat import Table, heat_map
from glassgpt.cli.looking import Inside, Looked, Picture, look
from glassgpt.cli.options import UsageError

if TYPE_CHECKING:
    import numpy as np

WIDE, WIDEST, SMALL = 32, 20, 48


@dataclass(frozen=True, kw_only=True)
class Attn(Picture, Inside):
    """Show where attention looks.

    With --layer and --head, one head in full: each token's raw score (query · key), the scaled one, and its share after
    the softmax. Without, all heads at a glance: the token that each looks at most. The picture has the whole tables.
    """

    EXAMPLES: ClassVar = (
        'glassgpt attn --layer 2 --head 1 "The young man looked at the old woman, and she"',
        'glassgpt attn --pos 3 --hide-first "The young man looked at the old woman"',
        'glassgpt attn --layer 0 --head 0 --svg head.svg --json "It was a dark night"',
    )

    words: Annotated[Positional[tuple[str, ...]], arg(metavar="[MODEL] [TEXT]")] = ()
    """The model and the text."""
    layer: Annotated[int | None, arg(metavar="N")] = None
    """The layer, counted from 0."""
    head: Annotated[int | None, arg(metavar="N")] = None
    """The head, counted from 0."""
    hide_first: bool = False
    """Leave out the first token, which takes what a head has no use for; the others share what it had."""
    values: bool = False
    """Weigh each share by the length of what is handed over."""


def main(options: Attn) -> None:
    """Print one head, or all."""
    if (options.layer is None) != (options.head is None):
        raise UsageError("give --layer and --head together, or neither")
    looked = look(options.words, options)
    if options.layer is None or options.head is None:
        _all_heads(options, looked)
    else:
        _one_head(options, looked, options.layer, options.head)


def _one_head(options: Attn, looked: Looked, layer: int, head: int) -> None:
    from glassgpt.interpret import attention, pattern, value_weighted, without_first

    trace, out = looked.trace, looked.out
    view, at = attention(trace, layer, head), options.pos % len(trace.ids)
    found = (value_weighted if options.values else pattern)(trace, layer, head)
    table = (without_first(found) if options.hide_first else found).values
    title = f"{looked.lm.name}: head {layer}.{head}"
    largest = max(float(table.max()), 1e-9)
    options.draw(heat_map(title, [Table("", table / largest, trace.tokens, trace.tokens)], view.describe(at)))
    if options.json:
        rows = {name: getattr(view, name)[at, : at + 1].tolist() for name in ("raw", "scaled")}
        shares = {"shown": table[at, : at + 1].tolist(), "pattern": view.pattern[at, : at + 1].tolist()}
        out.json("attn", {**looked.facts(at), "layer": layer, "head": head, "scale": view.scale, **rows, **shares})
        return
    out.result(f"{view.describe(at)}\n")
    shown = trace.tokens[: at + 1]
    out.result(out.paint(f"  {'':<4}{'token':<{WIDEST}}  {'raw':>9}  {'scaled':>8}  share", "dim"))
    for key, (text, space) in enumerate(zip(shown, padding(shown, WIDEST), strict=True)):
        value = float(table[at, key])
        line = f"{view.raw[at, key]:9.2f}  {view.scaled[at, key]:8.2f}  {value:5.3f}"
        out.result(f"  {key:<4}{text}{space}  {line}  {out.paint(bar(value / largest, WIDE), 'cyan')}".rstrip())


def _all_heads(options: Attn, looked: Looked) -> None:
    from glassgpt.interpret import looks, thumbnails, without_first

    trace, out, at = looked.trace, looked.out, options.pos % len(looked.trace.ids)
    found = looks(trace, at)
    rows = (without_first(found) if options.hide_first else found).values
    if options.svg:
        small = [
            Table(f"{layer}.{head}", table)
            for layer in range(trace.config.n_layers)
            for head, table in enumerate(thumbnails(trace, layer, SMALL).values)
        ]
        title = f"{looked.lm.name}: every head"
        options.draw(heat_map(title, small, trace.describe(), across=trace.config.n_heads))
    if options.json:
        out.json("attn", {**looked.facts(at), "looks": rows.tolist()})
        return
    out.result(f"At {trace.tokens[at]} ({at}), each head looks most at:\n")
    for line in _strongest(rows, trace.tokens):
        out.result(line)


def _strongest(rows: "np.ndarray", tokens: tuple[str, ...]) -> Iterator[str]:
    """One line a head: its token, the share, a bar."""
    best = rows.argmax(axis=-1)
    names = [f"{tokens[key]} ({key})" for key in best.flatten().tolist()]
    spaces = padding(names, WIDEST)
    for number, (name, space) in enumerate(zip(names, spaces, strict=True)):
        layer, head = divmod(number, rows.shape[1])
        value = float(rows[layer, head, best[layer, head]])
        yield f"  {layer:>2}.{head:<2}  {name}{space}  {value:5.3f}  {bar(value, WIDE)}".rstrip()
