"""Ids in, ids out: the loop that writes, and the memory it needs. Start with `generate.py`, then `backend.py`."""

from glassgpt.engine.backend import Backend, Memory
from glassgpt.engine.generate import generate, stream
from glassgpt.engine.request import Completion, Decoder, Event, Request, TokenLogprob
from glassgpt.engine.score import score_ids
from glassgpt.engine.torch_backend import TorchBackend

__all__ = [
    "Backend",
    "Completion",
    "Decoder",
    "Event",
    "Memory",
    "Request",
    "TokenLogprob",
    "TorchBackend",
    "generate",
    "score_ids",
    "stream",
]
