"""Who may ask: the wall around the application, one check of a request after the other.

The Explorer listens on this machine only, but every page in a browser can send requests to this machine. So a request
must name this machine as its host (else a foreign name was pointed at us: DNS rebinding), must come from our own page
if it says where it comes from, and must be JSON if it carries anything (a form of another page cannot send that
unasked). With a key, it must carry the key. Bodies are bounded before they are read.
"""

import hmac
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.exceptions import HTTPException

from glassgpt.explorer.wire import error_body

Scope = MutableMapping[str, object]
Message = MutableMapping[str, object]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
MOST_BYTES = 1_000_000
"""The largest body; a text of the longest context is a hundredth of it."""
COOKIE = "glassgpt_key"
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}


class Gate:
    """The application behind its wall. `hosts` are the names it answers to; None answers to all and demands a key."""

    def __init__(self, app: App, hosts: Iterable[str] | None = LOOPBACK, key: str | None = None) -> None:
        if hosts is None and not key:
            raise ValueError("an Explorer that others can reach needs a key")
        self._app, self._key = app, key
        self._hosts = None if hosts is None else frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or say why not."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = _headers(scope)
        refusal = self._refusal(scope, headers)
        if refusal:
            await _refuse(send, *refusal)
            return
        await self._app(scope, _bounded(receive), _with_headers(send, self._cookie(scope)))

    def _refusal(self, scope: Scope, headers: dict[str, str]) -> tuple[int, str] | None:
        host = headers.get("host", "")
        if self._hosts is not None and _name(host) not in self._hosts:
            return 421, f"This is not the host {host[:100]!r}: open the address that glassgpt explore printed."
        origin = headers.get("origin")
        site = headers.get("sec-fetch-site", "same-origin")
        foreign = origin is not None and urlsplit(origin).netloc != host
        if foreign or (scope["method"] != "GET" and site not in ("same-origin", "none")):
            return 403, "Another page may not use this one."
        if self._key and not any(hmac.compare_digest(given, self._key.encode()) for given in _keys(scope, headers)):
            return 401, "This Explorer asks for its key: open the whole address that glassgpt explore printed."
        if scope["method"] in ("POST", "PUT", "PATCH", "DELETE"):
            return _body_refusal(headers)
        return None

    def _cookie(self, scope: Scope) -> str | None:
        """What makes the browser send the key from now on, where it came in the address."""
        if not self._key or "key" not in parse_qs(_query(scope)):
            return None
        return f"{COOKIE}={self._key}; Path=/; HttpOnly; SameSite=Strict"


_TOO_LARGE = f"A request may have at most {MOST_BYTES:,} bytes."


def _with_headers(send: Send, cookie: str | None) -> Send:
    """The same, with the headers that every answer has."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            raw = message.get("headers") or ()
            assert isinstance(raw, Iterable)
            extra = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
            extra += [(b"set-cookie", cookie.encode())] if cookie else []
            message = {**message, "headers": [*raw, *extra]}
        await send(message)

    return sent


def _headers(scope: Scope) -> dict[str, str]:
    raw = scope["headers"]
    assert isinstance(raw, Iterable)
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in raw}


def _query(scope: Scope) -> str:
    raw = scope.get("query_string", b"")
    return raw.decode("latin-1") if isinstance(raw, bytes) else ""


def _keys(scope: Scope, headers: dict[str, str]) -> list[bytes]:
    """Every key that a request carries: in a header, a cookie, or the address."""
    given = [headers.get("authorization", "").removeprefix("Bearer "), *parse_qs(_query(scope)).get("key", ())]
    try:
        cookies = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        cookies = SimpleCookie()
    if COOKIE in cookies:
        given.append(cookies[COOKIE].value)
    return [key.encode() for key in given]


def _body_refusal(headers: dict[str, str]) -> tuple[int, str] | None:
    length = headers.get("content-length", "0")
    if not length.isdigit() or len(length) > 12:
        return 400, "The length of the request is no number."
    if int(length) > MOST_BYTES:
        return 413, _TOO_LARGE
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        return 415, "Requests are JSON: send content-type: application/json."
    return None


def _bounded(receive: Receive) -> Receive:
    """The same, counting: a body may be longer than it said, or not say."""
    received = 0

    async def counted() -> Message:
        nonlocal received
        message = await receive()
        body = message.get("body", b"")
        received += len(body) if isinstance(body, bytes) else 0
        if received > MOST_BYTES:
            raise HTTPException(413, _TOO_LARGE)
        return message

    return counted


def _name(host: str) -> str:
    """A host without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if host.count(":") == 1 else host


async def _refuse(send: Send, status: int, text: str) -> None:
    body = error_body("Refused", text)
    start = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    start += [(name.encode(), value.encode()) for name, value in HEADERS.items()]
    await send({"type": "http.response.start", "status": status, "headers": start})
    await send({"type": "http.response.body", "body": body})
