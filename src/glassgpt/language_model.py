"""Text in, text out: a model, its tokenizer and the engine, put together.

The engine speaks ids; this small class speaks text. Every setting is one of `SamplingParams`, every rule the engine's.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict, Unpack, final

import numpy as np
from jaxtyping import Float32

from glassgpt.checkpoints.download import Progress
from glassgpt.checkpoints.places import locate
from glassgpt.checkpoints.tokenizer_files import load_tokenizer, need_fit
from glassgpt.checkpoints.unread import Unread
from glassgpt.engine import (
    Backend,
    Completion,
    Event,
    NativeBackend,
    Piece,
    Request,
    generate,
    need_no_format,
    open_backend,
    open_native,
    score_ids,
    stream,
)
from glassgpt.errors import ContextOverflow, InvalidParameter
from glassgpt.model import GPT2Config
from glassgpt.sampling import SamplingParams, library
from glassgpt.tokens import Tokenizer

if TYPE_CHECKING:
    from glassgpt.interpret import Intervention, Trace
    from glassgpt.model import GPT2


class Sampling(TypedDict, total=False):
    """The settings every writing method takes; `SamplingParams` says what each one means."""

    max_new_tokens: int
    min_new_tokens: int
    temperature: float
    top_k: int
    top_p: float
    min_p: float
    typical_p: float
    repetition_penalty: float
    presence_penalty: float
    frequency_penalty: float
    no_repeat_ngram: int
    logit_bias: Mapping[int, float]
    stop: tuple[str, ...]
    stop_ids: tuple[int, ...]
    ignore_eos: bool
    seed: int | None
    n: int
    logprobs: int | None
    num_beams: int
    length_penalty: float
    early_stopping: bool | Literal["never"]
    window: Literal["stop", "slide"]
    speculate: bool


@dataclass(frozen=True, slots=True)
class NextWord:
    """A token that may come next: its text, its id, and how likely the model finds it."""

    text: str
    id: int
    probability: float


@dataclass(frozen=True, slots=True)
class Score:
    """How well a model foresees a text; each token is judged by all before it."""

    tokens: tuple[str, ...]
    ids: tuple[int, ...]
    logprobs: Float32[np.ndarray, " T"]
    """Natural logarithm of the probability of each token."""
    nats: float
    """The surprise of the whole text: minus the sum of `logprobs`."""
    bits_per_byte: float
    """The same in bits, for each byte of UTF-8: comparable between vocabularies."""
    perplexity: float
    """Between how many equally likely tokens the model seems to choose at each step."""


@final
class LanguageModel:
    """A GPT-2 that reads and writes text."""

    def __init__(
        self,
        model: "GPT2 | Unread",
        tokenizer: Tokenizer,
        name: str = "model",
        path: Path | None = None,
        *,
        backend: Backend | str = "auto",
        weights: str | None = None,
        kv_cache: str | None = None,
        threads: int | None = None,
        changes: "Sequence[Intervention]" = (),
    ) -> None:
        """Take a model as it stands; `load` is the usual way in, and says what the settings are."""
        self.tokenizer = tokenizer
        self.name = name
        self.path = path
        self._source, self._backend, self._settings = model, backend, (weights, kv_cache, threads)
        self.changes = tuple(changes)

    @cached_property
    def model(self) -> "GPT2":
        """PyTorch's modules. Where native kernels write, they are read from disk when they are first asked for."""
        source = self._source
        return (source.read() if isinstance(source, Unread) else source).eval()

    @cached_property
    def backend(self) -> Backend:
        """What reads and writes. It sees the weights as they were when it was made: at loading, or on first use.

        Who changes `model` makes a new `LanguageModel(model, tokenizer)` of it.
        """
        if isinstance(self._backend, str):
            weights, kv_cache, threads = self._settings
            return open_backend(self.model, self._backend, weights=weights, kv_cache=kv_cache, threads=threads)
        return self._backend

    @property
    def config(self) -> GPT2Config:
        """The model's shape."""
        return self.backend.config if isinstance(self._source, Unread) else self.model.config

    def generate(self, prompt: str = "", **sampling: Unpack[Sampling]) -> str:
        """Continue a text and return what was added; an empty prompt starts a text of its own."""
        if sampling.get("n", 1) != 1:
            raise InvalidParameter("n", sampling.get("n"), "generate returns one text; complete returns several")
        return self.complete(prompt, **sampling)[0].text

    def complete(self, prompt: str = "", **sampling: Unpack[Sampling]) -> list[Completion]:
        """Continue a text `n` times; each result says why it ended, its ids and, if asked, their log-probabilities."""
        return self.complete_many([prompt], **sampling)[0]

    def complete_many(self, prompts: Sequence[str], **sampling: Unpack[Sampling]) -> list[list[Completion]]:
        """Continue many texts at once; each gets what it would get alone."""
        return generate(self.backend, [self.request(prompt, **sampling) for prompt in prompts], self.tokenizer)

    def stream(self, prompt: str = "", **sampling: Unpack[Sampling]) -> Iterator[str]:
        """Continue a text and hand out whole characters as they are written; joined, they are `generate`'s text."""
        if sampling.get("n", 1) != 1:
            raise InvalidParameter("n", sampling.get("n"), "stream writes one text; complete returns several")
        return (event.text for event in self.events(prompt, **sampling) if event.text)

    def events(self, prompt: str = "", **sampling: Unpack[Sampling]) -> Iterator[Event]:
        """Everything that happens while a text is written: ids, text, log-probabilities, the reason it ended."""
        return stream(self.backend, [self.request(prompt, **sampling)], self.tokenizer)

    def request(self, prompt: str = "", **sampling: Unpack[Sampling]) -> Request:
        """What the engine is asked; misspelt settings are refused by name."""
        known = {field.name for field in fields(SamplingParams)}
        for name, value in sampling.items():
            if name not in known:
                raise InvalidParameter(name, value, f"there is no such setting; there are {', '.join(sorted(known))}")
        return Request(self._ids(prompt), SamplingParams(**sampling))  # pyrefly: ignore[open-unpacking]

    def next_words(self, text: str = "", top: int = 10) -> list[NextWord]:
        """The likeliest next tokens, best first; equal ones in order of id."""
        if not 1 <= top <= self.config.vocab_size:
            raise InvalidParameter("top", top, f"must be from 1 to the vocabulary's {self.config.vocab_size:,}")
        ids = self._fitting(text)
        logits = self.backend.extend(self.backend.memory(1, len(ids)), [Piece(0, ids)])
        a = library(logits)
        values, places = a.sort(a.softmax(logits), descending=True)
        pairs = zip(places[0, :top].tolist(), values[0, :top].tolist(), strict=True)
        return [NextWord(self.tokenizer.decode([token]), token, chance) for token, chance in pairs]

    def score(self, text: str) -> Score:
        """How likely the model finds a text, token by token.

        The text starts a document, so its first token counts too. A text longer than the model's window is read in
        windows that overlap by half, so that each later token is judged by at least half a window before it.
        """
        ids = self.tokenizer.encode(text)
        if not ids:
            raise InvalidParameter("text", text, "there is nothing to score; give at least one character")
        logprobs = self._logprobs([self.tokenizer.end_of_text, *ids])
        nats = -float(logprobs.sum(dtype=np.float64))
        return Score(
            tokens=tuple(self.tokenizer.decode([token]) for token in ids),
            ids=tuple(ids),
            logprobs=logprobs,
            nats=nats,
            bits_per_byte=nats / math.log(2) / len(text.encode()),
            perplexity=math.exp(min(nats / len(ids), 700.0)),
        )

    def embed(self, text: str) -> Float32[np.ndarray, " D"]:
        """One vector for a text: the mean, over its tokens, of what the model holds just before its head."""
        import torch

        from glassgpt.interpret import reading
        from glassgpt.model import NOTHING

        ids = torch.tensor([self._fitting(text)], device=self.model.wte.weight.device)
        with torch.inference_mode():
            return reading(*self.changes)(self.model, ids, NOTHING)[0].mean(dim=0).float().cpu().numpy()

    def trace(self, text: str = "", *interventions: "Intervention") -> "Trace":
        """What happens inside while the model reads a text: see `glassgpt.interpret`."""
        from glassgpt.interpret import trace

        changes = (*self.changes, *interventions)
        return trace(self.model, self._fitting(text), changes, spell=self.tokenizer.spell)

    def under(self, *interventions: "Intervention") -> "LanguageModel":
        """The same model with changes made inside, after those it has: whatever it does, it does under them.

        It runs on PyTorch's kernels, on the weights as floats: what is stored as integers is what these stand for.
        """
        from glassgpt.engine import TorchBackend
        from glassgpt.interpret import check, reading

        for one in interventions:
            check(one.part, self.config)
        changes = (*self.changes, *interventions)
        backend = TorchBackend(self.model, pack=False, hidden=reading(*changes))
        return LanguageModel(self.model, self.tokenizer, self.name, self.path, backend=backend, changes=changes)

    def _ids(self, text: str) -> list[int]:
        return self.tokenizer.encode(text) or [self.tokenizer.end_of_text]

    def _fitting(self, text: str) -> list[int]:
        ids, limit = self._ids(text), self.config.context_length
        if len(ids) > limit:
            raise ContextOverflow(
                f"the text has {len(ids):,} tokens; {self.name} sees {limit:,}. Give it a shorter one."
            )
        return ids

    def _logprobs(self, ids: list[int]) -> Float32[np.ndarray, " T"]:
        """Log-probabilities of all ids but the first, window by window."""
        limit = self.config.context_length
        parts: list[np.ndarray] = []
        done, start = 1, 0
        while done < len(ids):
            window = ids[start : start + limit]
            scored = score_ids(self.backend, window)
            parts.append(scored[done - start - 1 :])
            done = start + len(window)
            start = max(start + 1, done - limit // 2)
        return np.concatenate(parts).astype(np.float32)


def load(
    where: str | Path = "embedded",
    *,
    device: str = "auto",
    dtype: str = "auto",
    backend: str = "auto",
    weights: str | None = None,
    kv_cache: str | None = None,
    threads: int | None = None,
    cache: bool = True,
    progress: Progress | None = None,
) -> LanguageModel:
    """Load a model: the one that comes with GlassGPT, a folder, a run, a file, or a name such as "gpt2".

    `backend` is "native" (our own CPU kernels), "torch", or "auto": native on a CPU where they run. Native kernels can
    hold the matrices in `weights`: "float32", "bfloat16", "int8" or "int4", by default as they are stored; and keys and
    values in `kv_cache`: "float32", "bfloat16" or "int8". `threads` is theirs too. Packed weights and compiled kernels
    are kept on disk for the next time unless `cache` is False.
    `progress` is told what takes long: (file, bytes so far, bytes in all) while published weights are downloaded.
    """
    place = locate(where, progress=progress)
    unread = Unread(place, device, dtype)
    settings = {"weights": weights, "kv_cache": kv_cache}
    native = open_native(unread, backend, **settings, threads=threads, cache=cache, report=progress)
    if isinstance(native, NativeBackend):
        tokenizer = load_tokenizer(place)
        need_fit(tokenizer, native.config, place)
        return LanguageModel(unread, tokenizer, place.name, place.folder, backend=native)
    from glassgpt.checkpoints.loading import load_place
    from glassgpt.device import resolve

    wanted = resolve(device, dtype)
    need_no_format(str(wanted.dtype).removeprefix("torch."), **settings)
    loaded = load_place(place, dtype=wanted.dtype, device=wanted.device)
    return LanguageModel(loaded.model, loaded.tokenizer, loaded.name, loaded.path, backend="torch")
