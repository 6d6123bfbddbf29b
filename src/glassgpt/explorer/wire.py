"""What goes over the wire: JSON for words and small numbers, safetensors for arrays, events for what takes time.

An array arrives in the page as it lay in memory here; facts about it travel as JSON in the same reply's header.
"""

import json
import math
from collections.abc import Iterator, Mapping

import numpy as np
from safetensors.numpy import save
from starlette.responses import Response, StreamingResponse

from glassgpt.errors import GlassGPTError

ARRAYS = "application/vnd.safetensors"


def plain(value: object) -> object:
    """The same as JSON can say it: minus infinity, which a mask writes, and what is no number become null."""
    match value:
        case float():
            return value if math.isfinite(value) else None
        case np.generic():
            return plain(value.item())
        case np.ndarray():
            return plain(value.tolist())
        case Mapping():
            return {str(key): plain(entry) for key, entry in value.items()}
        case list() | tuple():
            return [plain(entry) for entry in value]
        case _:
            return value


def json_reply(value: object, *, kept: bool = False) -> Response:
    """A JSON reply; one that can never change may be `kept` by the browser."""
    headers = {"cache-control": "private, max-age=3600" if kept else "no-store"}
    return Response(_json(value), media_type="application/json", headers=headers)


def arrays_reply(arrays: Mapping[str, np.ndarray], facts: object = None) -> Response:
    """Named arrays, and facts about them under the key `facts` of the file's metadata."""
    whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    body = save(whole, metadata={"facts": _json(facts).decode()})
    return Response(body, media_type=ARRAYS, headers={"cache-control": "no-store"})


def event_stream(events: Iterator[tuple[str, object]]) -> Response:
    """Events, each a name and a value, as they happen; a mistake on the way becomes an event named `error`."""
    return StreamingResponse(
        _lines(events), media_type="text/event-stream", headers={"cache-control": "no-store", "x-accel-buffering": "no"}
    )


def _lines(events: Iterator[tuple[str, object]]) -> Iterator[bytes]:
    try:
        for name, value in events:
            yield b"event: %s\ndata: %s\n\n" % (name.encode(), _json(value))
    except GlassGPTError as error:
        yield b"event: error\ndata: %s\n\n" % error_body(type(error).__name__, str(error))


def error_body(kind: str, message: str) -> bytes:
    """What every error looks like."""
    return _json({"error": {"kind": kind, "message": message}})


def _json(value: object) -> bytes:
    return json.dumps(plain(value), ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode(
        "utf-8", "replace"
    )
