"""One text while it is being written: takes ids, gives events, and knows when it is over."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from glassgpt.engine.draw import Place
from glassgpt.engine.request import Decoder, Event, FinishReason, Job, TokenLogprob
from glassgpt.engine.stop import StopWatch
from glassgpt.sampling import Row, key
from glassgpt.tokens import StreamDecoder


@dataclass(slots=True)
class Draft:
    """The state of one sample of one job."""

    job: Job
    sample: int
    context: int
    decoder: Decoder | None
    row: Row = field(init=False)
    finish_reason: FinishReason | None = None
    _characters: StreamDecoder | None = field(init=False)
    _watch: StopWatch = field(init=False)

    def __post_init__(self) -> None:
        self.row = Row(self.job.params, list(self.job.prompt), 0, self.job.ends)
        self._characters = None if self.decoder is None else StreamDecoder(self.decoder)
        self._watch = StopWatch(self.job.params.stop)

    def places(self, guesses: Sequence[int] = ()) -> list[Place]:
        """Where tokens are drawn: after the text, and after the text with one guess more each time.

        The noise of a draw is named by seed, sample and the place of the new token in the text.
        """
        row = self.row
        places: list[Place] = []
        for count in range(len(guesses) + 1):
            if count:
                row = Row(row.params, [*row.text, guesses[count - 1]], row.written + 1, row.ends)
            places.append(Place(row, key(self.job.seed, self.sample, len(row.text))))
        return places

    def push(self, token: int, logprob: TokenLogprob | None) -> Event:
        """Write one token."""
        self.row.text.append(token)
        self.row.written += 1
        text = "" if token in self.job.ends else self._show(token)
        self.finish_reason = self._reason(token)
        if self.finish_reason is not None:
            text += self._flush()
        return Event(self.job.number, self.sample, token, text, logprob, self.finish_reason, self.job.seed)

    def _show(self, token: int) -> str:
        return "" if self._characters is None else self._watch.push(self._characters.push(token))

    def _flush(self) -> str:
        if self._characters is None or self._watch.stopped:
            return ""
        text = self._watch.push(self._characters.finish())
        if self._watch.stopped:
            self.finish_reason = "stop"
        return text + self._watch.finish()

    def _reason(self, token: int) -> FinishReason | None:
        params = self.job.params
        if self._watch.stopped or token in params.stop_ids:
            return "stop"
        if token in self.job.ends:
            return "eos"
        full = params.window == "stop" and len(self.row.text) >= self.context
        return "length" if full or self.row.written >= params.max_new_tokens else None
