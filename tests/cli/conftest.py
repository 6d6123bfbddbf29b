"""Running the program inside the test's process, which is quick; what a terminal would see comes back."""

import io
import json
import sys
from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Ran:
    """Exit code, and what went to the two streams."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict:
        lines = self.out.splitlines()
        assert len(lines) == 1, self.out
        return json.loads(lines[0])


@pytest.fixture
def glassgpt(capsys, monkeypatch):
    """Call the program: glassgpt("tokens", "Hello", stdin=b"")."""
    from glassgpt.cli.main import main

    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("NO_COLOR", raising=False)

    def call(*arguments: object, stdin: bytes = b"") -> Ran:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return Ran(code, said.out, said.err)

    return call
