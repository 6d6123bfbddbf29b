"""The table of verbs: a word the user types in, the function to import and call out.

A verb's function takes one frozen dataclass of options, annotated, and returns an exit code or None for success:

    def main(options: Train) -> int | None: ...

The dataclass inherits `Talk`, its docstring opens the help page, its attribute docstrings describe the flags, and its
`EXAMPLES` close the page. Nothing here is imported before it is asked for, so `--help` never waits for PyTorch.
"""

import difflib
import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import cast, get_type_hints

from glassgpt.cli.options import Talk


@dataclass(frozen=True, slots=True)
class Verb:
    """One command: where its function lives, and one line about it."""

    target: str
    summary: str
    aliases: tuple[str, ...] = ()

    def load(self) -> tuple[Callable[[Talk], int | None], type[Talk]]:
        """Import the function and the class of its options."""
        module, _, name = self.target.partition(":")
        function = getattr(importlib.import_module(module), name)
        return cast("Callable[[Talk], int | None]", function), get_type_hints(function)["options"]


# fmt: off
VERBS = {
    "generate":        Verb("glassgpt.cli.generate:main", "continue a text, word by word", ("sample",)),
    "next":            Verb("glassgpt.cli.next:main", "the ten words that would come next, as bars"),
    "explore":         Verb("glassgpt.cli.explore:main", "look inside a model: a page on this machine"),
    "score":           Verb("glassgpt.cli.score:main", "how surprising a text is, token by token"),
    "attn":            Verb("glassgpt.cli.attn:main", "where attention looks: one head in full, or all of them"),
    "lens":            Verb("glassgpt.cli.lens:main", "what a model would say if it stopped at each layer"),
    "attribute":       Verb("glassgpt.cli.attribute:main", "which heads and networks say a word"),
    "ablate":          Verb("glassgpt.cli.ablate:main", "what a word loses without each head and network"),
    "heads":           Verb("glassgpt.cli.heads:main", "habits of heads: previous token, induction, and others"),
    "neighbors":       Verb("glassgpt.cli.neighbors:main", "words whose embeddings are alike, sums and differences"),
    "compare":         Verb("glassgpt.cli.compare:main", "one text in two models, or before and after a change"),
    "tokens":          Verb("glassgpt.cli.tokens:main", "the pieces a text is cut into", ("tokenize",)),
    "bench":           Verb("glassgpt.cli.bench:main", "how fast a model runs here, beside what the machine can do"),
    "info":            Verb("glassgpt.cli.info:main", "shape, parameters and memory of a model"),
    "convert":         Verb("glassgpt.cli.convert:main", "rewrite a model in another format"),
    "quantize":        Verb("glassgpt.cli.quantize:main", "write a model in integers, and say what that costs"),
    "train":           Verb("glassgpt.cli.train:main", "train a model from scratch"),
    "lr":              Verb("glassgpt.cli.lr:main", "find a learning rate for a recipe"),
    "mup":             Verb("glassgpt.cli.mup:main", "check that activations keep their size as models widen"),
    "sweep":           Verb("glassgpt.cli.sweep:main", "try settings of a recipe, and keep the best"),
    "scaling":         Verb("glassgpt.cli.scaling:main", "train several sizes, and fit the law of their losses"),
    "recipes":         Verb("glassgpt.cli.recipes:main", "ready settings for training, and what to expect of them"),
    "data prepare":    Verb("glassgpt.cli.data:main", "turn texts into token shards"),
    "data info":       Verb("glassgpt.cli.data_folder:info", "what a data folder holds"),
    "data convert":    Verb("glassgpt.cli.data_folder:convert", "token files for, and of, nanoGPT and llm.c"),
    "evaluate loss":       Verb("glassgpt.cli.evaluate:loss", "nats a token, bits a byte and perplexity of texts"),
    "evaluate perplexity": Verb("glassgpt.cli.evaluate:perplexity", "perplexity by the word: WikiText, Penn Treebank"),
    "evaluate cloze":      Verb("glassgpt.cli.evaluate:cloze", "finding the last word of passages: LAMBADA"),
    "evaluate choices":    Verb("glassgpt.cli.evaluate:choices", "choosing between texts: BLiMP, CBT, Winograd"),
    "runs list":       Verb("glassgpt.cli.runs:list_runs", "runs, how far each is and how good"),
    "runs show":       Verb("glassgpt.cli.runs:show", "one run: settings, loss, evaluations, the last sample"),
    "runs plot":       Verb("glassgpt.cli.runs:plot", "curves of runs, in the terminal or as SVG"),
    "runs compare":    Verb("glassgpt.cli.runs:compare", "settings in which runs differ, and their curves"),
    "runs export":     Verb("glassgpt.cli.runs:export", "logs of runs as CSV, JSON or SVG"),
    "tokenizer train": Verb("glassgpt.cli.tokenizer:main", "learn a vocabulary from texts"),
    "doctor":          Verb("glassgpt.cli.doctor:main", "check this installation and this machine"),
    "completion":      Verb("glassgpt.cli.completion:main", "tab completion for your shell"),
}
# fmt: on


def find(words: list[str]) -> tuple[str, Verb, list[str]] | None:
    """The verb that a command line starts with, and what follows it."""
    for name, verb in VERBS.items():
        for spelling in (name, *verb.aliases):
            parts = spelling.split()
            if words[: len(parts)] == parts:
                return name, verb, words[len(parts) :]
    return None


def nearest(word: str, known: Iterable[str]) -> str:
    """`; did you mean …?` where something known is spelled alike, otherwise nothing."""
    bare = {spelling.lstrip("-"): spelling for spelling in known}
    close = difflib.get_close_matches(word.lower().lstrip("-"), list(bare), n=1, cutoff=0.6)
    return f"; did you mean {bare[close[0]]}?" if close else ""
