"""What the page may ask: every request as a type, with a bound on everything that comes from outside."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from glassgpt.sampling import SamplingParams

MOST_TOKENS = 4096
MOST_CHARACTERS = 100_000
MOST_INTERVENTIONS = 64
MOST_TOP = 200

Name = Annotated[str, Field(max_length=200)]
Id = Annotated[int, Field(ge=0, lt=2**31)]
Ids = Annotated[list[Id], Field(max_length=MOST_TOKENS)]
Text = Annotated[str, Field(max_length=MOST_CHARACTERS)]
Layer = Annotated[int, Field(ge=0, lt=1000)]
Place = Annotated[int, Field(ge=0, lt=MOST_TOKENS)]
Changes = Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=MOST_INTERVENTIONS)]
"""Interventions as `glassgpt.interpret.intervention` reads them, such as `zero head 5.1`."""
Top = Annotated[int, Field(ge=1, le=MOST_TOP)]
Finite = Annotated[float, Field(allow_inf_nan=False, ge=-1e6, le=1e6)]


class Asked(BaseModel):
    """Any request; a field that does not exist is refused, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Sampling(Asked):
    """How the next word is drawn; `SamplingParams` says what each setting means and what it may be."""

    temperature: Finite = 1.0
    top_k: Annotated[int, Field(ge=0, lt=2**31)] = 0
    top_p: Finite = 1.0
    min_p: Finite = 0.0
    typical_p: Finite = 1.0
    repetition_penalty: Finite = 1.0
    presence_penalty: Finite = 0.0
    frequency_penalty: Finite = 0.0
    no_repeat_ngram: Annotated[int, Field(ge=0, le=MOST_TOKENS)] = 0
    seed: Annotated[int, Field(ge=0, lt=2**53)] = 0

    def params(self, new_tokens: int = 1) -> SamplingParams:
        """The settings as the engine takes them."""
        return SamplingParams(max_new_tokens=new_tokens, window="slide", **self.model_dump())


class OfText(Asked):
    """About one text, as ids, in one model, perhaps a changed one."""

    model: Name = ""
    ids: Ids = []
    changes: Changes = []
    source: Ids = []
    """Another text, that `patch` takes from."""


class NextAsked(OfText):
    """The words that may come next, and how one is drawn."""

    top: Top = 10
    sampling: Sampling = Sampling()
    written: Annotated[int, Field(ge=0, le=MOST_TOKENS)] = 0
    """How many of the last tokens were drawn, not typed: what presence and frequency penalties count."""


class WriteAsked(OfText):
    """Go on writing."""

    sampling: Sampling = Sampling()
    count: Annotated[int, Field(ge=1, le=512)] = 20


class TextAsked(Asked):
    """A text as characters."""

    model: Name = ""
    text: Text = ""


class At(OfText):
    """One position; -1 is the last."""

    position: Annotated[int, Field(ge=-1, lt=MOST_TOKENS)] = -1


class HeadAsked(At):
    """One head."""

    layer: Layer = 0
    head: Layer = 0
    weighted: bool = False
    """By the length of what is handed over, not by the share alone."""
    hide_first: bool = False
    """Without the first token, the others' shares summing to 1 again."""


class LooksAsked(At):
    """Where every head looks from one position."""

    hide_first: bool = False


class StopAsked(At):
    """What one block computes for one token."""

    layer: Layer = 0


class NeuronAsked(StopAsked):
    """One neuron of a block's network; the one that fires most at the position unless another is named."""

    neuron: Annotated[int, Field(ge=0, lt=2**20)] | None = None


class LayerAsked(OfText):
    """All heads of one layer, `size` cells wide."""

    layer: Layer = 0
    size: Annotated[int, Field(ge=4, le=128)] = 64


class SweepAsked(At):
    """Every head and network silenced, one at a time; the likeliest word is watched unless another is named."""

    word: Id | None = None
    how: Annotated[str, Field(max_length=10)] = "zero"


class WordAsked(At):
    """One word that might follow a position, perhaps against another."""

    word: Id | None = None
    against: Id | None = None


class WordsAsked(Asked):
    """Words as vectors: neighbours of the sum of `plus` minus the sum of `minus`."""

    model: Name = ""
    plus: Annotated[list[Id], Field(max_length=8)] = []
    minus: Annotated[list[Id], Field(max_length=8)] = []
    top: Top = 12


class WeightAsked(Asked):
    """One matrix of the model, by a name that the model's own list has."""

    model: Name = ""
    name: Annotated[str, Field(max_length=100)]
    since: Name = ""
    """An earlier checkpoint: what changed since then."""
    size: Annotated[int, Field(ge=8, le=512)] = 192


class DifferenceAsked(Asked):
    """What it means to be one word rather than another."""

    model: Name = ""
    a: Id
    b: Id
    top: Top = 10


class HereAsked(At):
    """A token as it is at one stop of its way up."""

    stop: Annotated[int, Field(ge=0, lt=2000)] = 0
    top: Top = 12


class TablesAsked(Asked):
    """The tables of embeddings: of places, or of words."""

    model: Name = ""


class CompareAsked(OfText):
    """A text in two models; without `other`, in one before and after its changes."""

    other: Name = ""


class ContrastAsked(OfText):
    """Two texts in one model."""

    other_ids: Ids
