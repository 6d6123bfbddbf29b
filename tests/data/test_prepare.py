"""Documents of every kind become one shard, `<|endoftext|>` after each."""

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgpt.data import Source, open_shard, prepare, read_documents
from glassgpt.errors import DataError, InvalidParameter
from glassgpt.tokens import Tokenizer, learn

TEXTS = ["First document.", "Zweites, mit Umlaut: äöü.\nTwo lines.", "Third 🙂"]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return learn(TEXTS, 280)  # small: each test writes it out


def write_all_kinds(folder: Path) -> None:
    (folder / "a.txt").write_text(TEXTS[0], encoding="utf-8")
    rows = "".join(json.dumps({"text": text, "id": 1}) + "\n" for text in TEXTS)
    (folder / "b.jsonl").write_text(rows, encoding="utf-8")
    (folder / "c.jsonl.gz").write_bytes(gzip.compress(rows.encode()))
    (folder / "d.csv").write_text('id,text\n1,"one, with comma"\n2,two\n', encoding="utf-8")


def test_every_kind_of_file_is_read(tmp_path: Path):
    write_all_kinds(tmp_path)
    assert list(read_documents(tmp_path)) == [TEXTS[0], *TEXTS, *TEXTS, "one, with comma", "two"]


def test_the_shard_decodes_to_the_documents(tmp_path: Path, tokenizer: Tokenizer):
    write_all_kinds(tmp_path)
    summary = prepare([Source(tmp_path / "b.jsonl")], tmp_path / "out", tokenizer)
    shard = open_shard(tmp_path / "out" / "train.bin")
    assert tokenizer.decode(shard.tokens.tolist()) == "".join(text + "<|endoftext|>" for text in TEXTS)
    assert shard.text_bytes == summary.train_bytes == sum(len(text.encode()) for text in TEXTS)
    assert Tokenizer.load(tmp_path / "out" / "tokenizer").fingerprint == shard.vocabulary


@given(count=st.integers(1, 40), repeat=st.integers(1, 3), every=st.integers(2, 10))
def test_held_out_documents_are_never_trained_on(
    tmp_path_factory: pytest.TempPathFactory, tokenizer: Tokenizer, count: int, repeat: int, every: int
):
    folder = tmp_path_factory.mktemp("corpus")
    texts = [f"document {number}" for number in range(count)]
    (folder / "a.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    prepare([Source(folder / "a.jsonl", repeat)], folder / "out", tokenizer, valid_fraction=1 / every)
    parts = {
        name: tokenizer.decode(open_shard(folder / "out" / name).tokens.tolist()).split("<|endoftext|>")[:-1]
        for name in ("train.bin", "valid.bin")
    }
    assert not set(parts["train.bin"]) & set(parts["valid.bin"])
    assert sorted(set(parts["train.bin"]) | set(parts["valid.bin"])) == sorted(texts)
    assert len(parts["valid.bin"]) == count // every
    assert len(parts["train.bin"]) == repeat * (count - count // every)


def test_named_validation_files_go_to_the_validation_shard(tmp_path: Path, tokenizer: Tokenizer):
    write_all_kinds(tmp_path)
    prepare([Source(tmp_path / "b.jsonl")], tmp_path / "out", tokenizer, valid=[Source(tmp_path / "a.txt")])
    assert tokenizer.decode(open_shard(tmp_path / "out" / "valid.bin").tokens.tolist()) == TEXTS[0] + "<|endoftext|>"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.jsonl", b'{"text": "good"}\n{"text": 3}\n', "line 2"),
        ("x.jsonl", b'{"body": "b"}\n', "'body'"),
        ("x.jsonl", b"{oops\n", "not JSON"),
        ("x.jsonl", b"[" * 100_000, "not JSON"),
        ("x.txt", b"\xff\xfe\x00", "UTF-8"),
        ("x.txt.gz", b"not gzip", "cannot be read"),
        ("x.pdf", b"%PDF", "not a kind of text"),
        ("x.txt", b"  \n", "every document was empty"),
        ("x.csv", b"a,b\n1,2\n", "'a'"),
    ],
)
def test_bad_input_is_named_and_leaves_no_shard(
    tmp_path: Path, tokenizer: Tokenizer, name: str, content: bytes, message: str
):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        prepare([Source(tmp_path / name)], tmp_path / "out", tokenizer)
    assert not list(tmp_path.rglob("*.bin"))


def test_a_missing_file_says_so(tmp_path: Path):
    with pytest.raises(DataError, match="is not there"):
        list(read_documents(tmp_path / "nowhere.txt"))


@pytest.mark.parametrize("text", ["a.txt*0", "a.txt*many", "a.txt*1000"])
def test_a_repetition_must_be_a_small_number(text: str):
    with pytest.raises(InvalidParameter):
        Source.parse(text)
