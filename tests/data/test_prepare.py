"""Documents of every kind become one shard, `<|endoftext|>` after each."""

import gzip
import json
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgpt.data import Pairs, Source, Text, open_shard, prepare, read_documents, verify_data
from glassgpt.data.documents import read_pieces
from glassgpt.data.estimate import estimate
from glassgpt.data.sources import readings
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


@settings(max_examples=25)
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


class Killed(BaseException):
    """Stands for a signal that nobody catches."""


def corpus(folder: Path) -> list[Source]:
    (folder / "a.txt").write_text("".join(f"story {n}\nof some words\n<|endoftext|>\n" for n in range(30)))
    rows = [{"text": f"line {n} " + "word " * (n % 7)} for n in range(50)]
    (folder / "b.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "long.txt").write_text("a long story, told in parts; " * 40)
    return [Source(folder / "a.txt", 2), Source(folder / "b.jsonl"), Source(folder / "long.txt")]


@pytest.mark.parametrize("dies_at", [1, 2, 7, 16])
def test_a_preparation_that_was_killed_goes_on_and_ends_with_the_same_bytes(
    tmp_path: Path, tokenizer: Tokenizer, monkeypatch, dies_at: int
):
    sources = corpus(tmp_path)
    monkeypatch.setattr("glassgpt.data.encode.GROUP_PIECES", 7)
    monkeypatch.setattr("glassgpt.data.job.EVERY", 300)
    monkeypatch.setattr("glassgpt.data.documents.BLOCK", 64)
    monkeypatch.setattr("glassgpt.data.documents.SECTION", 100)
    prepare(sources, tmp_path / "whole", tokenizer, valid_fraction=0.2)
    encoded = []

    def watch(done: int, tokens: int) -> None:
        encoded.append(done)
        if len(encoded) == dies_at:
            raise Killed

    with pytest.raises(Killed):
        prepare(sources, tmp_path / "parts", tokenizer, valid_fraction=0.2, progress=watch)
    before = list(encoded)
    prepare(sources, tmp_path / "parts", tokenizer, valid_fraction=0.2, progress=watch)
    if dies_at > 5:
        assert encoded[len(before)] > before[-3], "what was noted is encoded again"
    for name in ("train.bin", "valid.bin", "data.json"):
        expected = (tmp_path / "whole" / name).read_bytes()
        assert (tmp_path / "parts" / name).read_bytes().replace(b'"parts"', b'"whole"') == expected
    assert sorted(path.name for path in (tmp_path / "parts").iterdir()) == sorted(
        path.name for path in (tmp_path / "whole").iterdir()
    )


def test_another_corpus_does_not_go_on_where_a_former_one_stopped(tmp_path: Path, tokenizer: Tokenizer, monkeypatch):
    monkeypatch.setattr("glassgpt.data.encode.GROUP_PIECES", 3)
    monkeypatch.setattr("glassgpt.data.job.EVERY", 100)
    sources = corpus(tmp_path)
    calls = []

    def die(done: int, tokens: int) -> None:
        calls.append(done)
        if len(calls) == 8:
            raise Killed

    with pytest.raises(Killed):
        prepare(sources, tmp_path / "out", tokenizer, progress=die)
    (tmp_path / "a.txt").write_text("something else")
    prepare(sources[:1], tmp_path / "out", tokenizer)
    prepare(sources[:1], tmp_path / "fresh", tokenizer)
    assert (tmp_path / "out" / "train.bin").read_bytes() == (tmp_path / "fresh" / "train.bin").read_bytes()


words = st.text(st.sampled_from("ab .\n\r\tüß🙂"), max_size=30)


@given(documents=st.lists(words, max_size=6), block=st.integers(1, 40), section=st.integers(1, 40))
def test_a_text_read_in_parts_is_the_text_read_whole(tmp_path_factory, documents, block, section):
    path = tmp_path_factory.mktemp("text") / "a.txt"
    whole = "<|endoftext|>".join(documents)
    path.write_bytes(whole.encode())
    unix = whole.replace("\r\n", "\n").split("<|endoftext|>")
    last = len(unix) - 1
    stripped = [
        text.strip("\n") if 0 < k < last else text.lstrip("\n") if k > 0 else text.rstrip("\n") if k < last else text
        for k, text in enumerate(unix)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("glassgpt.data.documents.BLOCK", block)
        patch.setattr("glassgpt.data.documents.SECTION", section)
        assert list(read_documents(path)) == [text for text in stripped if text.strip()]


@settings(max_examples=40)
@given(text=words.map(lambda text: text * 9), section=st.integers(1, 60))
def test_the_parts_of_a_text_encode_to_the_ids_of_the_whole(tmp_path_factory, tokenizer, text, section):
    path = tmp_path_factory.mktemp("text") / "a.txt"
    path.write_bytes(text.encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("glassgpt.data.documents.BLOCK", 50)
        patch.setattr("glassgpt.data.documents.SECTION", section)
        pieces = [piece.text for piece in read_pieces(path, Text())]
    unix = text.replace("\r\n", "\n")
    whole = tokenizer.encode(unix) if unix.strip() else []
    assert [token for ids in tokenizer.encode_batch(pieces) for token in ids] == whole


PAIRS = [
    ({"prompt": "Q: 2+2?", "answer": " 4"}, "Q: 2+2?", " 4"),
    ({"question": "Who?", "answer": "Nobody."}, "Who?\n", "Nobody."),
    ({"instruction": "Say it.", "input": "", "output": "It."}, "Say it.\n\n", "It."),
    ({"instruction": "Say it.", "input": "this", "output": "It."}, "Say it.\n\nthis\n\n", "It."),
]


def test_pairs_are_stored_with_where_the_answer_begins(tmp_path: Path, tokenizer: Tokenizer):
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row, _, _ in PAIRS))
    prepare([Source(tmp_path / "a.jsonl")], tmp_path / "out", tokenizer, fields=Pairs())
    shard = open_shard(tmp_path / "out" / "train.bin")
    ends = [*shard.starts[1:], shard.count]
    for (_, prompt, answer), start, middle, end in zip(PAIRS, shard.starts, shard.answers, ends, strict=True):
        assert tokenizer.decode(shard.tokens[start:middle]) == prompt
        assert tokenizer.decode(shard.tokens[middle:end]) == answer + "<|endoftext|>"


def test_pairs_take_templates(tmp_path: Path, tokenizer: Tokenizer):
    (tmp_path / "a.csv").write_text("document,summary\nlong text,short\n")
    fields = Pairs("{document}\nTL;DR:", " {summary}")
    prepare([Source(tmp_path / "a.csv")], tmp_path / "out", tokenizer, fields=fields)
    shard = open_shard(tmp_path / "out" / "train.bin")
    assert tokenizer.decode(shard.tokens) == "long text\nTL;DR: short<|endoftext|>"
    assert tokenizer.decode(shard.tokens[shard.answers[0] :]) == " short<|endoftext|>"
    with pytest.raises(DataError, match=r"'summary'.*--prompt"):
        prepare([Source(tmp_path / "a.csv")], tmp_path / "out", tokenizer, fields=Pairs("{body}", "{summary}"))
    with pytest.raises(InvalidParameter, match="field"):
        Pairs("{document}", "no field")


@settings(max_examples=30)
@given(place=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_every_flipped_bit_of_a_shard_is_found_by_verifying(prepared_once: Path, place: int, bit: int):
    path = prepared_once / "train.bin"
    whole = path.read_bytes()
    damaged = bytearray(whole)
    damaged[place % len(whole)] ^= 1 << bit
    path.write_bytes(damaged)
    with pytest.raises(DataError, match=r"train\.bin is damaged"):
        verify_data(prepared_once)
    path.write_bytes(whole)
    assert verify_data(prepared_once) == 1


@pytest.fixture(scope="module")
def prepared_once(tmp_path_factory: pytest.TempPathFactory, tokenizer: Tokenizer) -> Path:
    folder = tmp_path_factory.mktemp("prepared")
    (folder / "a.txt").write_text(" ".join(TEXTS))
    prepare([Source(folder / "a.txt")], folder / "out", tokenizer)
    return folder / "out"


@pytest.mark.slow  # importing the package takes seconds
def test_hugging_face_datasets_are_read_from_disk(tmp_path: Path):
    datasets = pytest.importorskip("datasets", reason="the package `datasets` is not installed")
    table = datasets.Dataset.from_dict({"text": TEXTS, "id": [1, 2, 3]})
    table.to_parquet(str(tmp_path / "a.parquet"))
    datasets.DatasetDict({"train": table, "test": table.select([0])}).save_to_disk(str(tmp_path / "b"))
    arrow = next((tmp_path / "b" / "train").glob("*.arrow"))
    for path, texts in (("a.parquet", TEXTS), ("b", TEXTS), ("b/test", TEXTS[:1]), (arrow, TEXTS)):
        assert list(read_documents(tmp_path / path)) == texts
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 is not enough")
    with pytest.raises(DataError, match=r"bad\.parquet cannot be read"):
        list(read_documents(tmp_path / "bad.parquet"))


def test_without_the_package_a_dataset_says_what_to_install(tmp_path: Path, monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match=r"pip install 'glassgpt\[data\]'"):
        list(read_documents(tmp_path / "a.parquet"))


def test_the_disk_needed_is_told_before_and_about_right(tmp_path: Path, tokenizer: Tokenizer, monkeypatch):
    (tmp_path / "a.txt").write_text("First document, quite long. " * 3000)
    needed = estimate(readings([Source(tmp_path / "a.txt")], []), tokenizer, Text())
    prepare([Source(tmp_path / "a.txt")], tmp_path / "out", tokenizer)
    written = (tmp_path / "out" / "train.bin").stat().st_size
    assert written <= needed.disk_bytes <= 1.3 * written
    monkeypatch.setattr("glassgpt.data.estimate.free_bytes", lambda out: 1000)
    with pytest.raises(DataError, match=r"about .* bytes needed, 1,000 free"):
        prepare([Source(tmp_path / "a.txt")], tmp_path / "small", tokenizer)
