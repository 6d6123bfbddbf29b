"""How text is drawn: the settings of one request, checked when they are made."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from glassgpt.errors import InvalidParameter

MOST_STOPS = 64
"""How many stop strings, and how many stop ids, one request may carry."""
MOST_STOP_CHARACTERS = 4096
MOST_BIASES = 65536
MOST_SAMPLES = 1024
MOST_BEAMS = 64
MOST_LOGPROBS = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class SamplingParams:
    """How the next token is drawn, again and again, and when to stop; the defaults draw from the model as it is."""

    max_new_tokens: int = 100
    """The most tokens to write."""
    min_new_tokens: int = 0
    """End of text and `stop_ids` cannot be drawn before this many tokens."""
    temperature: float = 1.0
    """Divides the logits: below 1 bolder, above 1 more varied; 0 always takes the likeliest token."""
    top_k: int = 0
    """Keep exactly the k likeliest tokens (of equal ones the lower ids); 0 keeps all."""
    top_p: float = 1.0
    """Keep the likeliest tokens that together reach this probability."""
    min_p: float = 0.0
    """Keep tokens at least this likely compared with the likeliest."""
    typical_p: float = 1.0
    """Keep the tokens whose surprise is nearest to the average, up to this probability."""
    repetition_penalty: float = 1.0
    """Above 1 makes every token of the prompt and the text less likely (Keskar et al. 2019)."""
    presence_penalty: float = 0.0
    """Subtracted from the logit of each token already written."""
    frequency_penalty: float = 0.0
    """Subtracted once for each time a token was already written."""
    no_repeat_ngram: int = 0
    """No run of this many tokens occurs twice, the prompt included; 0 allows all."""
    logit_bias: Mapping[int, float] = field(default_factory=dict)
    """Added to the logit of these ids; -inf, or -100 in practice, forbids one."""
    stop: tuple[str, ...] = ()
    """Texts that end the writing; they do not appear in it."""
    stop_ids: tuple[int, ...] = ()
    """Tokens that end the writing; they do not appear in the text."""
    ignore_eos: bool = False
    """Whether to go on after the end-of-text token."""
    seed: int | None = None
    """The same request with the same seed gives the same bytes; None draws a new seed and reports it."""
    n: int = 1
    """How many continuations to write."""
    logprobs: int | None = None
    """Report the log-probability of each token, and of this many likeliest ones beside it."""
    num_beams: int = 1
    """Above 1: beam search with this many beams."""
    length_penalty: float = 1.0
    """Beam search: a text's log-probability is divided by its length to this power."""
    early_stopping: bool | Literal["never"] = False
    """Beam search: stop at the first `num_beams` finished texts; estimate whether better ones can come; or "never"
    stop before that is certain."""
    window: Literal["stop", "slide"] = "stop"
    """What happens when the context is full: stop, or read the later half of it again and go on."""
    speculate: bool = False
    """Guess runs of tokens that stood in the text before and check them together: the same text, and sooner if it
    repeats itself."""

    def __post_init__(self) -> None:
        """Refuse what cannot be meant; copy what could change."""
        self._check_counts()
        self._check_numbers()
        self._check_ends()
        if not isinstance(self.early_stopping, bool) and self.early_stopping != "never":
            raise InvalidParameter("early_stopping", self.early_stopping, "must be False, True or 'never'")
        if self.window not in ("stop", "slide"):
            raise InvalidParameter("window", self.window, "must be 'stop' or 'slide'")
        if self.num_beams > 1:
            self._check_beams()

    def _check_counts(self) -> None:
        most = {"n": MOST_SAMPLES, "num_beams": MOST_BEAMS, "logprobs": MOST_LOGPROBS, "seed": 2**64 - 1}
        least = {"n": 1, "num_beams": 1, "max_new_tokens": 1}
        for name in (
            *("max_new_tokens", "min_new_tokens", "top_k", "no_repeat_ngram", "n", "num_beams"),
            *(name for name in ("seed", "logprobs") if getattr(self, name) is not None),
        ):
            value, low, high = getattr(self, name), least.get(name, 0), most.get(name)
            if isinstance(value, bool) or not isinstance(value, int) or value < low:
                raise InvalidParameter(name, value, f"must be a whole number ≥ {low}")
            if high is not None and value > high:
                raise InvalidParameter(name, value, f"must be at most {high:,}")
        if self.min_new_tokens > self.max_new_tokens:
            raise InvalidParameter("min_new_tokens", self.min_new_tokens, f"max_new_tokens is {self.max_new_tokens}")

    def _check_numbers(self) -> None:
        ranges: dict[str, tuple[str, float, float]] = {
            "temperature": ("must be 0 (greedy) or a number from 0.000001 to 1,000,000", 0.0, 1e6),
            "top_p": ("must be above 0 and at most 1", math.ulp(0.0), 1.0),
            "min_p": ("must be from 0 to 1", 0.0, 1.0),
            "typical_p": ("must be above 0 and at most 1", math.ulp(0.0), 1.0),
            "repetition_penalty": ("must be from 0.000001 to 1,000,000 (1 changes nothing)", 1e-6, 1e6),
            "presence_penalty": ("must be from -1,000,000 to 1,000,000", -1e6, 1e6),
            "frequency_penalty": ("must be from -1,000,000 to 1,000,000", -1e6, 1e6),
            "length_penalty": ("must be from -100 to 100", -100.0, 100.0),
        }
        for name, (rule, low, high) in ranges.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
                raise InvalidParameter(name, value, rule)
        if 0 < self.temperature < 1e-6:
            raise InvalidParameter("temperature", self.temperature, ranges["temperature"][0])

    def _check_ends(self) -> None:
        for name, kind in (("stop", str), ("stop_ids", int)):
            value = getattr(self, name)
            if isinstance(value, str) or not all(type(entry) is kind for entry in value):
                raise InvalidParameter(name, value, f"must be a tuple of {kind.__name__}")
            if len(value) > MOST_STOPS:
                raise InvalidParameter(name, f"{len(value)} entries", f"must be at most {MOST_STOPS}")
            object.__setattr__(self, name, tuple(value))
        if any(not 1 <= len(text) <= MOST_STOP_CHARACTERS for text in self.stop):
            raise InvalidParameter("stop", self.stop, f"each text must have 1 to {MOST_STOP_CHARACTERS} characters")
        if any(token < 0 for token in self.stop_ids):
            raise InvalidParameter("stop_ids", self.stop_ids, "ids are not negative")
        if len(self.logit_bias) > MOST_BIASES:
            raise InvalidParameter("logit_bias", f"{len(self.logit_bias):,} entries", f"at most {MOST_BIASES:,}")
        for token, bias in self.logit_bias.items():
            fair = isinstance(bias, int | float) and (bias == -math.inf or math.isfinite(bias))
            if type(token) is not int or token < 0 or not fair:
                raise InvalidParameter("logit_bias", {token: bias}, "must map ids ≥ 0 to numbers below +inf")
        object.__setattr__(self, "logit_bias", MappingProxyType(dict(self.logit_bias)))

    def _check_beams(self) -> None:
        changed = [
            name
            for name, plain in (("top_k", 0), ("top_p", 1), ("min_p", 0), ("typical_p", 1), ("stop", ()))
            if getattr(self, name) != plain
        ]
        if changed:
            raise InvalidParameter(
                changed[0], getattr(self, changed[0]), "beam search does not use it; set num_beams=1"
            )
        if self.temperature not in (0, 1):
            raise InvalidParameter("temperature", self.temperature, "beam search does not draw: leave it at 1 or 0")
        if self.n > self.num_beams:
            raise InvalidParameter("n", self.n, f"must be at most num_beams={self.num_beams}")
        if self.window == "slide":
            raise InvalidParameter("window", self.window, "beam search stays within the context: use 'stop'")
