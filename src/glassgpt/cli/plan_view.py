"""`glassgpt train --dry-run`: every setting, and what the run will cost."""

from collections.abc import Sequence
from dataclasses import asdict

from glassgpt.cli.bars import OPERATIONS, size
from glassgpt.cli.options import Talk
from glassgpt.cli.terminal import Terminal
from glassgpt.train import Recipe
from glassgpt.train.recipe import to_json

PROGRAM_BYTES = 300_000_000
"""Python and PyTorch themselves."""
UNITS = ((31_557_600.0, "years"), (86_400.0, "days"), (3_600.0, "hours"), (60.0, "minutes"))


def show_plan(options: Talk, recipe: Recipe, data: Sequence[str], device: str) -> None:
    """Print the recipe as the file it could come from, then what it costs; or one object."""
    from glassgpt.data import Share, open_folder
    from glassgpt.recipes import as_toml
    from glassgpt.train.plan import plan

    out = Terminal(options)
    out.talk("measuring a step on one and two layers ...")
    cost = plan(recipe, sum(open_folder(Share.parse(one).path).tokens for one in data), device)
    if options.json:
        facts = {**asdict(cost), "memory": {**asdict(cost.memory), "total": cost.memory.total}}
        out.json("train.plan", {"recipe": to_json(recipe), **facts})
        return
    memory = cost.memory
    activations = f"{size(memory.activations)} for activations, {size(memory.loss)} for the loss"
    out.result(as_toml(recipe))
    out.result(f"# {cost.parameters:,} parameters; vocabulary of {recipe.model.vocab_size:,}")
    out.result(f"# {cost.tokens:,} tokens to read, {cost.epochs:.2f} times the data; {_operations(cost.flops)}")
    out.result(
        f"# {size(memory.total + PROGRAM_BYTES)} of memory: {size(memory.weights)} for weights, "
        f"{size(memory.gradients)} for gradients, {size(memory.optimizer + memory.average)} for the optimizer, "
        f"{activations}"
    )
    compiled = ", uncompiled" if recipe.compile else ""
    out.result(f"# about {duration(cost.seconds)} on this machine as it is now, by one step measured{compiled}")


def duration(seconds: float) -> str:
    """A time as people say it."""
    for unit, name in UNITS:
        if seconds >= 2 * unit:
            return f"{seconds / unit:,.1f} {name}"
    return f"{seconds:.0f} seconds"


def _operations(flops: float) -> str:
    return f"{flops:.2e} FLOP" if flops >= 1e15 else size(int(flops), OPERATIONS)
