"""`glassgpt info`: a model's shape, where every parameter is, and what it costs."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from tyro.conf import Positional, arg

from glassgpt.cli.bars import bar, percent, size
from glassgpt.cli.options import Talk
from glassgpt.cli.terminal import Terminal
from glassgpt.errors import ModelNotFound
from glassgpt.model.config import SIZES, GPT2Config
from glassgpt.model.cost import forward_flops, parameter_count, past_bytes, storage_bytes, tally

PUBLISHED = {"gpt2": "small", "gpt2-medium": "medium", "gpt2-large": "large", "gpt2-xl": "xl"}


@dataclass(frozen=True, kw_only=True)
class Info(Talk):
    """Show a model's shape, where every parameter is, and what it costs in memory and arithmetic.

    The published sizes (gpt2 or small, medium, large, xl) are explained even where their weights are absent.
    """

    EXAMPLES: ClassVar = ("glassgpt info", "glassgpt info gpt2-xl", "glassgpt info --tensors --json")

    where: Annotated[Positional[str], arg(metavar="MODEL")] = "embedded"
    """A folder, a run, a name such as gpt2, or a size."""
    tensors: bool = False
    """List every tensor with its name and shape."""
