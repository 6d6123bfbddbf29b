"""Flags that several verbs share: dataclasses to inherit from, each a group on the help page.

The names are those people already type for Hugging Face, OpenAI and llama.cpp; each has one meaning.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from tyro.conf import UseAppendAction, arg

from glassgpt.errors import GlassGPTError


class UsageError(GlassGPTError):
    """A command line that cannot be understood: exit code 2."""


@dataclass(frozen=True, kw_only=True)
class Talk:
    """Output"""

    EXAMPLES: ClassVar[tuple[str, ...]] = ()
    EXIT_CODES: ClassVar[dict[int, str]] = {}
    """Those that only this verb has."""

    json: bool = False
    """Print one JSON object, errors too."""
    quiet: Annotated[bool, arg(aliases=("-q",))] = False
    """Say nothing on stderr but errors."""
    verbose: Annotated[bool, arg(aliases=("-v", "--debug"))] = False
    """Say more, and show the traceback of an error."""
    color: Literal["auto", "always", "never"] = "auto"
    """When to use colours; auto respects NO_COLOR and terminals."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where to compute"""

    device: Annotated[str, arg(metavar="NAME")] = "auto"
    """auto, cpu, cuda, cuda:N or mps."""
    dtype: Literal["auto", "float32", "bfloat16", "float16", "float64"] = "auto"
    """Number format of the weights."""
    threads: Annotated[int, arg(metavar="N")] = 0
    """CPU threads; 0 takes one for small models and one a core for others."""

    def __post_init__(self) -> None:
        """Refuse counts below zero."""
        if not 0 <= self.threads <= 1024:
            raise UsageError(f"--threads {self.threads} is not allowed: must be from 0 to 1024")


@dataclass(frozen=True, kw_only=True)
class Kernels:
    """Which kernels compute"""

    backend: Literal["auto", "native", "torch"] = "auto"
    """PyTorch's kernels, our own for the CPU, or (auto) our own where they run."""
    weights: Literal["auto", "float32", "bfloat16", "int8", "int4"] = "auto"
    """Format in which native kernels hold the matrices; auto keeps the model's own."""
    kv_cache: Literal["auto", "float32", "bfloat16", "int8"] = "auto"
    """Format in which native kernels remember a text; auto is bfloat16, and float32 beside float32 weights."""
    cache: bool = True
    """Keep nothing on disk for the next time: neither packed weights (beside the model, in its folder .glassgpt, or in
    the cache folder) nor compiled kernels (there too)."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """Model and text"""

    model: Annotated[str | None, arg(aliases=("-m",), metavar="MODEL")] = None
    """The model, where it is not the first argument."""
    file: Annotated[str | None, arg(aliases=("-f",), metavar="FILE")] = None
    """Read the text from a file; - is standard input."""


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How the next token is chosen: penalties, then temperature, top-k, top-p, min-p, typical"""

    max_new_tokens: Annotated[int, arg(aliases=("-n", "--max-tokens", "--n-predict"), metavar="N")] = 100
    """Write at most this many tokens."""
    temperature: Annotated[float, arg(aliases=("-t", "--temp"), metavar="X")] = 1.0
    """Divide the logits; below 1 is safer, above 1 bolder, 0 always takes the likeliest token."""
    top_k: Annotated[int, arg(aliases=("-k",), metavar="K")] = 0
    """Keep the K likeliest tokens; 0 keeps all. -k 40 is GPT-2's own recipe."""
    top_p: Annotated[float, arg(aliases=("-p",), metavar="P")] = 1.0
    """Keep the likeliest tokens that together reach probability P; 1 keeps all."""
    min_p: Annotated[float, arg(metavar="P")] = 0.0
    """Drop tokens less likely than P times the likeliest; 0 drops none."""
    typical_p: Annotated[float, arg(aliases=("--typical",), metavar="P")] = 1.0
    """Keep the tokens whose surprise is nearest to the average, up to mass P; 1 keeps all."""
    repetition_penalty: Annotated[float, arg(aliases=("--repeat-penalty",), metavar="X")] = 1.0
    """Make tokens that stand in the text less likely; 1 is off."""
    presence_penalty: Annotated[float, arg(metavar="X")] = 0.0
    """Subtract from the logit of each token already written."""
    frequency_penalty: Annotated[float, arg(metavar="X")] = 0.0
    """The same, once for each time it was written."""
    no_repeat_ngram: Annotated[int, arg(metavar="N")] = 0
    """Never write the same N tokens in a row twice; 0 is off."""
    num_beams: Annotated[int, arg(metavar="N")] = 1
    """Search for the likeliest text with N beams instead of drawing."""
    length_penalty: Annotated[float, arg(metavar="X")] = 1.0
    """With beams: above 0 favours longer texts."""
    logit_bias: Annotated[tuple[str, ...], arg(metavar="ID=BIAS"), UseAppendAction] = ()
    """Add BIAS to the logit of token ID; -100 bans it."""
    stop: Annotated[tuple[str, ...], arg(metavar="TEXT"), UseAppendAction] = ()
    """Stop before this text appears."""
    seed: Annotated[int | None, arg(aliases=("-s",), metavar="N")] = None
    """The same seed writes the same text; without one a fresh seed is drawn and shown."""
    window: Literal["stop", "slide"] = "stop"
    """When the model's window is full: stop, or slide on and forget the beginning."""
    speculate: bool = False
    """Guess runs of words that stood in the text before: the same text, sooner where it repeats itself."""
