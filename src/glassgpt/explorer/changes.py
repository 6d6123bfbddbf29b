"""A model with the changes that the page asks for: read, traced and written with like any other."""

from collections.abc import Sequence
from functools import cached_property

from glassgpt.engine import Backend, Reading, TorchBackend
from glassgpt.explorer.asked import OfText
from glassgpt.explorer.spelled import started
from glassgpt.explorer.workshop import Subject
from glassgpt.interpret import Intervention, Trace, intervention, reading, trace


class Changed:
    """A subject, a text, and what is changed in the model; without changes, the model as it is."""

    def __init__(self, subject: Subject, asked: OfText) -> None:
        """The text that is asked about is also the one that `mean` and `freeze` take their numbers from."""
        self.subject, self._lines, self._source = subject, tuple(asked.changes), asked.source
        self.ids = started(subject.lm.tokenizer, asked.ids)

    @cached_property
    def interventions(self) -> tuple[Intervention, ...]:
        """The changes, read."""
        if not self._lines:
            return ()
        reference, source = self.before, self._traced(self._source) if self._source else None
        return tuple(intervention(line, reference, source) for line in self._lines)

    @property
    def backend(self) -> Backend:
        """What writes texts."""
        if not self._lines:
            return self.subject.lm.backend
        return TorchBackend(self.subject.lm.model, pack=False, hidden=reading(*self.interventions))

    @property
    def before(self) -> Trace:
        """The text in the model as it is."""
        return self._traced(self.ids)

    @property
    def trace(self) -> Trace:
        """The text in the changed model; kept for the next question about it."""
        return self._traced(self.ids, self._lines) if self._lines else self.before

    def read(self) -> Reading:
        """The scores of the next word; what an unchanged model has read before is not read again."""
        if not self._lines:
            return self.subject.prefixes.read(self.ids)
        return Reading(self.trace.logits(), 0, len(self.ids), 0.0, 0)

    def _traced(self, ids: Sequence[int], lines: tuple[str, ...] = ()) -> Trace:
        lm = self.subject.lm
        return self.subject.traces.get(
            (tuple(ids), lines, tuple(self._source) if lines else ()),
            lambda: trace(lm.model, ids, self.interventions if lines else (), spell=lm.tokenizer.spell),
            lambda made: made.stream.nbytes + sum(each.nbytes for each in made.kept),
        )
