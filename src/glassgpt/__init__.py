"""GlassGPT: the whole of GPT-2, clear and fast.

    import glassgpt

    lm = glassgpt.load()                      # the model that comes with GlassGPT; or a folder, or "gpt2"
    lm.generate("A robot must obey")          # text in, text out; also .stream, .complete
    lm.next_words("A robot must obey")        # what it would write next; also .score, .embed

Importing this module loads nothing; each name is fetched when it is first used.
"""

from typing import TYPE_CHECKING

from glassgpt.lazy import on_first_use

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

_fetch = on_first_use(
    __name__,
    {
        "GPT2": "model",
        "SIZES": "model",
        "GPT2Config": "model",
        "GlassGPTError": "errors",
        "LanguageModel": "language_model",
        "SamplingParams": "sampling",
        "Tokenizer": "tokens",
        "load": "language_model",
    },
)
del on_first_use


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version(__name__)
    return _fetch(name)


def __dir__() -> list[str]:
    return __all__
