"""How fast a backend reads and writes, and how much memory traffic and arithmetic that takes at least.

Only the backend is timed: to choose a token from its logits, and to turn it into text, comes on top.
"""

import time
from dataclasses import dataclass

from glassgpt.engine.backend import Backend, Piece
from glassgpt.errors import InvalidParameter
from glassgpt.model.cost import forward_flops

CHUNK = 512
"""Tokens of a prompt that go through the weights together."""


@dataclass(frozen=True, slots=True)
class Work:
    """Something to be timed: `batch` texts that hold `start` tokens, and `count` more in each."""

    batch: int
    start: int
    count: int
    one_by_one: bool
    """Whether the tokens come one after the other, as in writing, or at once, as a prompt does."""

    def __post_init__(self) -> None:
        """Refuse nothing at all."""
        for name, least in (("batch", 1), ("start", 0), ("count", 1)):
            if getattr(self, name) < least:
                raise InvalidParameter(name, getattr(self, name), f"must be a whole number ≥ {least}")

    @property
    def tokens(self) -> int:
        """In all texts."""
        return self.batch * self.count

    def bytes(self, backend: Backend) -> int:
        """What must be read: the weights once a step; while writing, each text's keys and values too."""
        if not self.one_by_one:
            return -(-self.count // CHUNK) * self.batch * backend.bytes_read_each_step
        seen = self.count * self.start + self.count * (self.count + 1) // 2
        return self.count * backend.bytes_read_each_step + self.batch * seen * backend.bytes_kept_each_token

    def operations(self, backend: Backend) -> int:
        """Multiplications and additions; of a prompt only the last token is scored."""
        config = backend.config
        head = 2 * config.vocab_size * config.emb_dim
        each = [forward_flops(config, place + 1) for place in range(self.start, self.start + self.count)]
        return self.batch * (sum(each) - (0 if self.one_by_one else (self.count - 1) * head))


def seconds(backend: Backend, work: Work) -> float:
    """Do it once."""
    config = backend.config
    room = work.start + work.count
    if room > config.context_length:
        raise InvalidParameter("context", room, f"the model sees {config.context_length:,} tokens")
    memory = backend.memory(work.batch, room)
    if work.start:
        for row in range(work.batch):
            backend.extend(memory, [Piece(row, _ids(config.vocab_size, work.start), 0)])
    began = time.perf_counter()
    if work.one_by_one:
        for token in _ids(config.vocab_size, work.count):
            backend.extend(memory, [Piece(row, [token]) for row in range(work.batch)])
    else:
        for row in range(work.batch):
            backend.extend(memory, [Piece(row, _ids(config.vocab_size, work.count))])
    return time.perf_counter() - began


def _ids(vocabulary: int, count: int) -> list[int]:
    return [place * 7919 % vocabulary for place in range(count)]
