"""Looking at a model while it learns: the loss on text held back, and a sample of what it writes.

Both cost time that training could have had. `Budget` keeps what they take under a share of the run's time: a look that
would overdraw it is left out, and the next one that is due asks again.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from glassgpt.data import Shard
from glassgpt.engine import Request, TorchBackend, generate
from glassgpt.evaluate import Loss, loss_of
from glassgpt.model import GPT2
from glassgpt.sampling import SamplingParams
from glassgpt.tokens import Tokenizer
from glassgpt.train.checkpoint import Progress
from glassgpt.train.events import Evaluation, Listener, Sample
from glassgpt.train.optimizer import Updater
from glassgpt.train.ranks import Ranks
from glassgpt.train.recipe import Recipe
from glassgpt.train.settings import Watching

TEMPERATURE, TOP_K = 0.8, 40
"""How samples are drawn: a bit bolder than the likeliest text, without the long tail of a half-trained model."""


@dataclass(slots=True)
class Budget:
    """Whether there is time to look."""

    share: float
    """Largest share of all time that looking may take; 0 sets no limit."""
    spent: float = 0.0
    """Seconds that looks have taken."""
    last: dict[str, float] = field(default_factory=dict)
    """Seconds that the last look of each kind took: the next one is taken to cost the same."""

    def allows(self, kind: str, trained: float) -> bool:
        """Whether one more look keeps the share, `trained` seconds of training having passed.

        What was never done yet has no known cost and is tried.
        """
        if not self.share or kind not in self.last:
            return True
        then = self.spent + self.last[kind]
        return then <= self.share * (trained + then)

    def took(self, kind: str, seconds: float) -> None:
        """Write down what a look cost."""
        self.spent += seconds
        self.last[kind] = seconds


class Observer:
    """Evaluates and samples when it is due, and tells what it saw.

    All ranks evaluate, since they may share one model; samples are written by the first, and only where it has the
    whole model.
    """

    def __init__(
        self, recipe: Recipe, validation: Shard | None, tokenizer: Tokenizer, ranks: Ranks, tell: Listener
    ) -> None:
        self.recipe, self.validation, self.tokenizer = recipe, validation, tokenizer
        self.ranks, self.tell = ranks, tell
        self.budget = Budget(recipe.watching.evaluate_share)
        self.writes = ranks.leads and recipe.parallel.shard == "none" and recipe.parallel.tensor == 1

    def look(self, model: GPT2, updater: Updater, progress: Progress) -> Loss | None:
        """Do what is due after `progress.step` updates; the last step is always looked at.

        The averaged weights are looked at where there are any. Returns the loss on the text held back, if it was
        measured, and writes it into `progress`.
        """
        watching, loss = self.recipe.watching, None
        if self.validation is not None and self._wanted("evaluation", watching.evaluate_every, progress):
            loss = self._timed("evaluation", updater, lambda: self._evaluate(model, progress))
        if watching.sample_every and self._wanted("sample", watching.sample_every, progress) and self.writes:
            self._timed("sample", updater, lambda: self.tell(sample(model, self.tokenizer, watching, progress.step)))
        return loss

    def _wanted(self, kind: str, every: int, progress: Progress) -> bool:
        """Whether it is due and there is time: the same answer on all ranks, whatever their clocks say."""
        if progress.step == self.recipe.steps:
            return True
        if not every or progress.step % every:
            return False
        return not self.budget.share or bool(self.ranks.highest(int(self.budget.allows(kind, progress.seconds))))

    def _timed(self, kind: str, updater: Updater, look: Callable[[], Loss | None]) -> Loss | None:
        began = time.perf_counter()
        with updater.judged():
            seen = look()
        self.budget.took(kind, time.perf_counter() - began)
        return seen

    def _evaluate(self, model: GPT2, progress: Progress) -> Loss:
        assert self.validation is not None
        tokens = self.validation.tokens[: self.recipe.watching.evaluate_tokens + 1]
        text_bytes = round(self.validation.text_bytes * len(tokens) / len(self.validation.tokens))
        loss = loss_of(model, tokens, text_bytes, stride=self.recipe.model.context_length)
        if math.isfinite(loss.nats_per_token):  # what is no number cannot be the best, and JSON has no word for it
            progress.validation = loss.nats_per_token
            progress.best_validation = min(progress.best_validation or math.inf, loss.nats_per_token)
        self.tell(Evaluation(progress.step, loss.nats_per_token, loss.bits_per_byte))
        return loss


def sample(model: GPT2, tokenizer: Tokenizer, watching: Watching, step: int) -> Sample:
    """What the model writes after the recipe's prompt: the same draws at every step, so that samples compare."""
    ids = tokenizer.encode(watching.sample_prompt) or [tokenizer.end_of_text]
    drawing = SamplingParams(
        max_new_tokens=watching.sample_tokens, temperature=TEMPERATURE, top_k=TOP_K, seed=0, window="slide"
    )
    ((written,),) = generate(TorchBackend(model, pack=False), [Request(ids, drawing)], tokenizer)
    return Sample(step, watching.sample_prompt, written.text)
