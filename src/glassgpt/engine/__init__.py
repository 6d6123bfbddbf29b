"""Ids in, ids out: the loop that writes, and the memory it needs. Start with `scheduler.py`, then `backend.py`.

What needs PyTorch is imported when it is first used.
"""

import typing

from glassgpt import lazy
from glassgpt.engine.backend import Backend, Memory, Piece
from glassgpt.engine.choose_backend import need_no_format, open_backend, open_native
from glassgpt.engine.generate import generate, generate_each, stream
from glassgpt.engine.native_backend import SMALL, NativeBackend
from glassgpt.engine.prefixes import Prefixes, Reading
from glassgpt.engine.request import Completion, Decoder, Event, Request, TokenLogprob, accept
from glassgpt.engine.scheduler import Limits, Scheduler
from glassgpt.engine.score import score_ids
from glassgpt.engine.stream import Stream

if typing.TYPE_CHECKING:
    from glassgpt.engine.native_weights import why_not_native
    from glassgpt.engine.torch_backend import TorchBackend

__all__ = [
    "SMALL",
    "Backend",
    "Completion",
    "Decoder",
    "Event",
    "Limits",
    "Memory",
    "NativeBackend",
    "Piece",
    "Prefixes",
    "Reading",
    "Request",
    "Scheduler",
    "Stream",
    "TokenLogprob",
    "TorchBackend",
    "accept",
    "generate",
    "generate_each",
    "need_no_format",
    "open_backend",
    "open_native",
    "score_ids",
    "stream",
    "why_not_native",
]

__getattr__ = lazy.on_first_use(__name__, {"TorchBackend": "torch_backend", "why_not_native": "native_weights"})
