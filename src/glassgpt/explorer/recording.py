"""Recordings: each question of the page and its answer in one file, so that no model is needed to see it again.

One line of JSON for each answer, written when it is complete: an interrupted recording holds all that was seen until
then. A question is known by its method, its address and its body; a key that came in the address is left out. What was
refused is not kept.
"""

import base64
import json
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

from fastapi import FastAPI, Request
from starlette.responses import Response

from glassgpt.errors import DataError
from glassgpt.explorer import page
from glassgpt.explorer.gate import LOOPBACK, App, Gate, Message, Receive, Scope, Send
from glassgpt.explorer.wire import error_body

HEADER = {"glassgpt": "recording", "version": 1}
UNASKED = "This recording does not hold that: it was not asked for when the recording was made."


class Recorder:
    """An application that goes on as before and writes down what it answers."""

    def __init__(self, app: App, path: Path) -> None:
        """Begins the file anew."""
        self._app, self._path = app, path
        try:
            path.write_text(json.dumps(HEADER) + "\n", encoding="utf-8")
        except OSError as error:
            raise DataError(f"cannot write {path}: {error.strerror}. Name a file in a folder that is there.") from error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, and keep the answer if it is one."""
        asked, answer = bytearray(), bytearray()
        status, kind = 0, ""

        async def heard() -> Message:
            message = await receive()
            asked.extend(_body(message))
            return message

        async def said(message: Message) -> None:
            nonlocal status, kind
            if message["type"] == "http.response.start":
                status, kind = int(str(message["status"])), _kind(message)
            answer.extend(_body(message))
            await send(message)

        try:
            await self._app(scope, heard, said)
        finally:  # also of a stream that the page has left
            if status == 200 and str(scope.get("path", "")).startswith("/api/"):
                self._keep(_question(scope, bytes(asked)), kind, bytes(answer))

    def _keep(self, question: str, kind: str, answer: bytes) -> None:
        line = {"asked": question, "kind": kind, "answer": base64.b64encode(answer).decode()}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def create_replay(path: Path, *, hosts: Iterable[str] | None = LOOPBACK, key: str | None = None) -> Gate:
    """The Explorer over a recording: the same page, the same answers, no model.

    Raises DataError if the file is no recording.
    """
    answers = read_recording(path)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.api_route("/api/{rest:path}", methods=["GET", "POST"])
    async def answer(request: Request) -> Response:
        question = _question(request.scope, await request.body())
        if question not in answers:
            return Response(error_body("NotRecorded", UNASKED), 404, media_type="application/json")
        kind, body = answers[question]
        return Response(body, media_type=kind, headers={"cache-control": "no-store"})

    app.include_router(page.router)
    return Gate(app, hosts, key)


def read_recording(path: Path) -> dict[str, tuple[str, bytes]]:
    """Each question with the kind and the bytes of its last answer. A last line that was cut off is left out."""
    try:
        header, *lines = path.read_text(encoding="utf-8").splitlines()
        if json.loads(header) != HEADER:
            raise ValueError(header[:80])
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is no recording of the Explorer: glassgpt explore --record FILE makes one.") from error
    found = {}
    for number, line in enumerate(lines, start=1):
        try:
            entry = json.loads(line)
            found[str(entry["asked"])] = str(entry["kind"]), base64.b64decode(entry["answer"], validate=True)
        except (ValueError, KeyError, TypeError) as error:
            if number < len(lines):
                raise DataError(f"{path} is damaged in line {number + 1}: record it again.") from error
    return found


def _question(scope: Scope, body: bytes) -> str:
    """Method, address and body, in one spelling."""
    query = scope.get("query_string", b"")
    pairs = parse_qsl(query.decode("latin-1") if isinstance(query, bytes) else "", keep_blank_values=True)
    address = f"{scope['path']}?{urlencode([pair for pair in pairs if pair[0] != 'key'])}"
    asked = json.dumps(json.loads(body), sort_keys=True) if body else ""
    return f"{scope['method']} {address} {asked}".strip()


def _body(message: Message) -> bytes:
    body = message.get("body", b"")
    return body if isinstance(body, bytes) else b""


def _kind(message: Message) -> str:
    headers = message.get("headers") or ()
    assert isinstance(headers, Iterable)
    return next((value.decode("latin-1") for name, value in headers if name.lower() == b"content-type"), "")
