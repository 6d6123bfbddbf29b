"""GlassGPT: the whole of GPT-2, clear and fast.

    import glassgpt

    lm = glassgpt.load()                      # the model that comes with GlassGPT; or a folder, or "gpt2"
    lm.generate("A robot must obey")          # text in, text out; also .stream, .complete
    lm.next_words("A robot must obey")        # what it would write next; also .score, .embed

Importing this module loads nothing; each name is fetched when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from glassgpt.errors import GlassGPTError
    from glassgpt.language_model import LanguageModel, load
    from glassgpt.model import GPT2, SIZES, GPT2Config
    from glassgpt.sampling import SamplingParams
    from glassgpt.tokens import Tokenizer

__all__ = [
    "GPT2",
    "SIZES",
    "GPT2Config",
    "GlassGPTError",
    "LanguageModel",
    "SamplingParams",
    "Tokenizer",
    "load",
]

_HOME = {
    "GPT2": "model",
    "SIZES": "model",
    "GPT2Config": "model",
    "GlassGPTError": "errors",
    "LanguageModel": "language_model",
    "SamplingParams": "sampling",
    "Tokenizer": "tokens",
    "load": "language_model",
}


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version(__name__)
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
