"""One file over HTTP: asked about, fetched in resumable pieces, hashed, and only then under its name.

Only the standard library; the bytes on their way stand in a hidden `.partial` file, which a later try continues.
"""

import hashlib
import http.client
import os
import re
import shutil
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urljoin, urlsplit

from glassgpt.checkpoints.atomic import flush
from glassgpt.errors import CheckpointError

TIMEOUT_SECONDS = 30
TRIES = 5
"""How many requests in a row may fail without a new byte."""
NETWORK_TROUBLE = (urllib.error.URLError, http.client.HTTPException, ssl.SSLError, ConnectionError, TimeoutError)
_MAX_REDIRECTS = 10
_WITHOUT_REDIRECTS = (
    urllib.request.ProxyHandler,
    urllib.request.HTTPHandler,
    urllib.request.HTTPSHandler,
    urllib.request.HTTPErrorProcessor,
    urllib.request.HTTPDefaultErrorHandler,
)
"""Redirects are followed by hand, because the hash stands in the answer that redirects."""
_CHUNK = 1 << 20
_WHO = {"User-Agent": "glassgpt"}  # some servers turn the standard library's own name away

Told = Callable[[int, int], None]
"""Told the bytes so far and the bytes in all."""
Pause = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server says about a file: where its bytes are, how many, their hash, and of which revision."""

    url: str
    size: int
    digest: str
    commit: str | None


def ask(url: str) -> Answer:
    """Ask for a file without fetching it."""
    opener = urllib.request.OpenerDirector()
    for handler in _WITHOUT_REDIRECTS:
        opener.add_handler(handler())
    seen: dict[str, str] = {}
    for _ in range(_MAX_REDIRECTS):
        status, headers = _head(opener, url)
        seen = headers | {key: value for key, value in seen.items() if key.startswith("x-")}
        if status < 300:
            break
        url = _next_url(url, seen.get("location", ""))
        if "x-linked-etag" in seen:
            break  # the rest of the way may lead to servers that answer only real requests
    else:
        raise CheckpointError(f"{url} redirects in circles.")
    return _answer(url, seen)


def transfer(target: Path, answer: Answer, *, cap: int, told: Told, pause: Pause = time.sleep) -> None:
    """Fetch a file to `target`, going on where an earlier try stopped."""
    if answer.size > cap:
        raise CheckpointError(
            f"{answer.url} has {answer.size:,} bytes; at most {cap:,} are accepted for {target.name}."
        )
    if target.is_file() and target.stat().st_size == answer.size and _digest(target, answer) == answer.digest:
        return
    partial = target.with_name(f".{target.name}.{answer.digest[:16]}.partial")
    with partial.open("ab") as file, _alone(file, target):
        _need_space(partial, answer.size)
        _fill(file, answer, told, pause)
    flush(partial)
    if _digest(partial, answer) != answer.digest:
        partial.unlink()
        raise CheckpointError(f"{answer.url} arrived damaged or altered: its hash is not the one announced. Try again.")
    partial.replace(target)
    flush(target.parent)
    for stale in target.parent.glob(f".{target.name}.*.partial"):
        stale.unlink()  # of a version the hub no longer has


def _fill(file: BinaryIO, answer: Answer, told: Told, pause: Pause) -> None:
    fruitless = 0
    while (have := file.seek(0, os.SEEK_END)) != answer.size:
        if have > answer.size:
            have = file.truncate(0)
        trouble = _try_to_append(file, have, answer, told)
        if file.seek(0, os.SEEK_END) > have:
            fruitless = 0
            continue
        fruitless += 1
        if fruitless == TRIES or _is_final(trouble):
            raise trouble or ConnectionError(f"{TRIES} tries brought no new bytes of {answer.url}")
        pause(0.5 * 2**fruitless)


def _try_to_append(file: BinaryIO, have: int, answer: Answer, told: Told) -> Exception | None:
    try:
        _append(file, have, answer, told)
    except NETWORK_TROUBLE as error:
        return error
    return None


def _is_final(trouble: Exception | None) -> bool:
    """Whether asking again is useless: the server refused."""
    return isinstance(trouble, urllib.error.HTTPError) and trouble.code < 500


def _append(file: BinaryIO, have: int, answer: Answer, told: Told) -> None:
    rest = {"Range": f"bytes={have}-"} if have else {}
    request = urllib.request.Request(answer.url, headers=_WHO | rest)
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
        if have and not str(response.headers.get("Content-Range", "")).startswith(f"bytes {have}-"):
            have = file.truncate(0)  # this server starts again from the beginning
        while have < answer.size and (chunk := response.read(min(_CHUNK, answer.size - have))):
            have += file.write(chunk)
            told(have, answer.size)
    file.flush()


def _head(opener: urllib.request.OpenerDirector, url: str) -> tuple[int, dict[str, str]]:
    if urlsplit(url).scheme not in ("http", "https"):
        raise CheckpointError(f"{url} is no web address.")
    try:
        with opener.open(urllib.request.Request(url, headers=_WHO, method="HEAD"), timeout=TIMEOUT_SECONDS) as response:
            return response.status, _lower(response.headers)
    except urllib.error.HTTPError as error:
        if not 300 <= error.code < 400:
            raise
        return error.code, _lower(error.headers)


def _lower(headers: Message) -> dict[str, str]:
    return {key.lower(): value for key, value in headers.items()}


def _next_url(url: str, location: str) -> str:
    target = urljoin(url, location)
    if urlsplit(url).scheme == "https" and urlsplit(target).scheme != "https":
        raise CheckpointError(f"{url} redirects to an address without encryption, {target[:200]}.")
    return target


def _answer(url: str, seen: dict[str, str]) -> Answer:
    digest = (seen.get("x-linked-etag") or seen.get("etag", "")).removeprefix("W/").strip('"').lower()
    size = seen.get("x-linked-size") or seen.get("content-length", "")
    if not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", digest) or not re.fullmatch(r"\d{1,15}", size):
        raise CheckpointError(f"{url} comes without size and hash, so it could not be verified. Download it yourself.")
    commit = seen.get("x-repo-commit", "")
    return Answer(url, int(size), digest, commit if re.fullmatch(r"[0-9a-f]{40}", commit) else None)


def _digest(path: Path, answer: Answer) -> str:
    """SHA-256 for long hashes; for short ones git's: SHA-1 of a header and the content."""
    digest = hashlib.sha256()
    if len(answer.digest) == 40:
        digest = hashlib.sha1(f"blob {answer.size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _need_space(partial: Path, size: int) -> None:
    needed, free = size - partial.stat().st_size, shutil.disk_usage(partial.parent).free
    if needed > free:
        raise CheckpointError(
            f"{partial.parent} needs {needed:,} more bytes of disk space, but only {free:,} are free."
        )


@contextmanager
def _alone(file: BinaryIO, target: Path) -> Iterator[None]:
    """Keep two programs from writing the same file; the lock ends with the file handle."""
    try:
        import fcntl
    except ImportError:  # Windows: the worst case is a hash that does not match
        yield
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise CheckpointError(f"Another program is downloading {target}. Wait for it, then try again.") from error
    yield
