"""Ids in, ids out: the loop that writes, and the memory it needs. Start with `scheduler.py`, then `backend.py`."""

from glassgpt.engine.backend import Backend, Memory, Piece
from glassgpt.engine.choose_backend import open_backend
from glassgpt.engine.generate import generate, generate_each, stream
from glassgpt.engine.native_backend import NativeBackend, why_not_native
from glassgpt.engine.request import Completion, Decoder, Event, Request, TokenLogprob, accept
from glassgpt.engine.scheduler import Limits, Scheduler
from glassgpt.engine.score import score_ids
from glassgpt.engine.stream import Stream
from glassgpt.engine.torch_backend import TorchBackend

__all__ = [
    "Backend",
    "Completion",
    "Decoder",
    "Event",
    "Limits",
    "Memory",
    "NativeBackend",
    "Piece",
    "Request",
    "Scheduler",
    "Stream",
    "TokenLogprob",
    "TorchBackend",
    "accept",
    "generate",
    "generate_each",
    "open_backend",
    "score_ids",
    "stream",
    "why_not_native",
]
