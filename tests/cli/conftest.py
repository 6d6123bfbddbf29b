"""Running the program inside the test's process, which is quick; what a terminal would see comes back."""

import io
import json
import sys
from dataclasses import dataclass

import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread():
    """These models are so small that a second thread would only be waited for."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


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


@pytest.fixture(scope="session")
def model(small_folder):
    """The folder of a small random model."""
    return small_folder


@pytest.fixture(scope="session")
def lm(model):
    """The same model, loaded."""
    import glassgpt

    return glassgpt.load(model, device="cpu")


@pytest.fixture
def prepared_by_command(glassgpt, tmp_path):
    """Shards of a small text with a small vocabulary."""
    book = tmp_path / "book.txt"
    book.write_text("the cat sat on the mat and the dog sat on the cat. " * 200)
    glassgpt("tokenizer", "train", book, "-o", tmp_path / "vocabulary", "--vocab-size", 280)
    made = glassgpt(
        "data",
        "prepare",
        book,
        "--valid",
        book,
        "--tokenizer",
        tmp_path / "vocabulary",
        "-o",
        tmp_path / "data",
        "--json",
    )
    assert made.json["documents"] == 1
    assert made.json["valid_bytes"] == made.json["train_bytes"] == len(book.read_text())
    return tmp_path / "data"
