"""Listening: a free port on this machine, or all addresses with a key."""

import secrets
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import uvicorn

from glassgpt.errors import InvalidParameter
from glassgpt.explorer.gate import LOOPBACK, Gate

PORT = 8124
MOST_TRIES = 20


@dataclass(frozen=True, slots=True)
class Address:
    """Where the Explorer listens, and the key it asks for, if any."""

    host: str = "127.0.0.1"
    port: int = PORT
    key: str | None = None

    @property
    def is_private(self) -> bool:
        """Whether only this machine can reach it."""
        return self.host in LOOPBACK

    @property
    def url(self) -> str:
        """What to open in a browser."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{name}:{self.port}/" + (f"?key={self.key}" if self.key else "")


@runtime_checkable
class Application(Protocol):
    """How an application is made for those who may reach it: `create_app` or `create_replay`, given what to show."""

    def __call__(self, *, hosts: Iterable[str] | None, key: str | None) -> Gate:
        """The application that answers to `hosts`, or to any with a `key`."""
        ...


def serve(application: Application, address: Address, *, is_exact: bool, ready: Callable[[Address], None]) -> None:
    """Listen until interrupted; `ready` is told the address once a port is taken.

    A busy port is an error if it `is_exact`ly the one that was asked for, otherwise the next free one is taken.
    """
    if not address.is_private and not address.key:
        address = Address(address.host, address.port, secrets.token_urlsafe(24))
    listener = listen(address, is_exact)
    address = Address(address.host, int(listener.getsockname()[1]), address.key)
    app = application(hosts=LOOPBACK if address.is_private else None, key=address.key)
    settings = uvicorn.Config(app, log_level="warning", lifespan="off", server_header=False, date_header=False)
    with listener:
        ready(address)
        uvicorn.Server(settings).run(sockets=[listener])


def listen(address: Address, is_exact: bool) -> socket.socket:
    """Take the port of an address, or the next free one.

    Raises InvalidParameter where none can be had.
    """
    family, cause = socket.AF_INET6 if ":" in address.host else socket.AF_INET, OSError("no port is free")
    for port in range(address.port, min(65536, address.port + (1 if is_exact else MOST_TRIES))):
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((address.host, port))
            listener.listen()  # from now on a browser waits instead of being refused
        except OSError as error:
            listener.close()
            cause = error
        else:
            return listener
    raise InvalidParameter("port", address.port, f"{cause.strerror or cause}: choose another") from cause
