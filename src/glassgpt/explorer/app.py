"""The application: one function that puts the wall, the questions that can be asked, and the page together."""

from collections.abc import Iterable
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from glassgpt.errors import GlassGPTError, ModelNotFound
from glassgpt.explorer import attention, experiments, journey, models, page, reading, runs, vectors, weights, writing
from glassgpt.explorer.gate import LOOPBACK, Gate
from glassgpt.explorer.recording import Recorder
from glassgpt.explorer.wire import error_body
from glassgpt.explorer.workshop import Workshop

ROUTERS = (models, writing, attention, journey, experiments, vectors, weights, reading, runs)


def create_app(
    workshop: Workshop,
    *,
    hosts: Iterable[str] | None = LOOPBACK,
    key: str | None = None,
    record: Path | None = None,
) -> Gate:
    """The Explorer as an ASGI application over a workshop.

    `hosts` are the names it answers to; None answers to any and demands a `key` that every request must carry. What it
    answers is written to `record`, for `create_replay`.
    """
    app = FastAPI(title="GlassGPT Explorer", docs_url=None, redoc_url=None, openapi_url="/api/openapi.json")
    app.state.workshop = workshop
    for module in ROUTERS:
        app.include_router(module.router, prefix="/api")
    app.add_exception_handler(GlassGPTError, _mistake)
    app.add_exception_handler(RequestValidationError, _misspelt)
    app.add_exception_handler(HTTPException, _absent)
    app.add_exception_handler(Exception, _fault)
    app.include_router(page.router)
    return Gate(Recorder(app, record) if record else app, hosts, key)


def _mistake(_: Request, error: Exception) -> Response:
    """What was asked cannot be: the library says why."""
    return _error(404 if isinstance(error, ModelNotFound) else 400, type(error).__name__, str(error))


def _misspelt(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = error.errors()[0]
    where = ".".join(str(part) for part in found["loc"] if part != "body")
    return _error(422, "InvalidRequest", f"{where or 'request'}: {found['msg']}.")


def _absent(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _error(error.status_code, "NotFound" if error.status_code == 404 else "Refused", str(error.detail))


def _fault(_: Request, error: Exception) -> Response:
    """A fault of ours; its traceback is in the terminal."""
    return _error(500, "Fault", f"unexpected {type(error).__name__}. This is a bug; the terminal shows where.")


def _error(status: int, kind: str, message: str) -> Response:
    return Response(error_body(kind, message), status, media_type="application/json")
