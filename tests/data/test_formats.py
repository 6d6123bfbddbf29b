"""Data of nanoGPT and llm.c is read and written, and damage is an error that names the file."""

import contextlib
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgpt.data import Source, convert_data, open_data, open_folder, prepare
from glassgpt.data.foreign import _end_first, end_last
from glassgpt.data.meta import read_meta
from glassgpt.errors import DataError
from glassgpt.tokens import Tokenizer

END = 50_256
documents = st.lists(st.lists(st.integers(0, END - 1), min_size=1, max_size=12), min_size=1, max_size=6)


def stream(documents: list[list[int]]) -> list[int]:
    return [token for ids in documents for token in (*ids, END)]


def tokens(folder: Path) -> list[int]:
    return [token for shard in open_folder(folder).train for token in shard.tokens.tolist()]


def write_nano(folder: Path, ids: list[int], name: str = "train") -> Path:
    folder.mkdir(exist_ok=True)
    np.array(ids, "<u2").tofile(folder / f"{name}.bin")
    return folder


@given(documents=documents, sizes=st.lists(st.integers(1, 9), min_size=1))
def test_moving_ends_to_the_front_and_back_changes_nothing(documents, sizes):
    ids = stream(documents)
    chunks = np.split(np.array(ids, "<u2"), np.unique(np.minimum(np.cumsum(sizes), len(ids))))
    moved = [token for chunk in _end_first(chunks, END) for token in chunk.tolist()]
    assert moved == [END, *ids[:-1]]
    back = end_last(np.split(np.array(moved, "<u2"), [1, 4, 5]), END)
    assert [token for chunk in back for token in chunk.tolist()] == ids


@pytest.mark.slow  # reads and writes a vocabulary of 50,257 tokens
def test_a_trip_through_every_format_ends_with_the_same_tokens(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trip")
    documents = [[1, 2, 3], [4], [5, 6, 7, 8, 9, 10, 11], [12, 13]]
    ids = stream(documents)
    write_nano(folder / "nano", ids)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("glassgpt.data.foreign.FILE_TOKENS", 7)
        convert_data(folder / "nano", folder / "c", "llm.c")
    parts = sorted((folder / "c").glob("tokens_train_*.bin"))
    heads = [np.fromfile(part, "<i4", 256) for part in parts]
    assert all(head[:2].tolist() == [20240520, 1] and not head[3:].any() for head in heads)
    assert [int(head[2]) for head in heads] == [7] * (len(ids) // 7) + [len(ids) % 7] * bool(len(ids) % 7)
    assert tokens(folder / "c") == [END, *ids[:-1]]
    convert_data(folder / "c", folder / "ours", "glassgpt")
    assert tokens(folder / "ours") == ids
    shard = open_folder(folder / "ours").train[0]
    assert np.diff([*shard.starts, shard.count]).tolist() == [len(one) + 1 for one in documents]
    convert_data(folder / "ours", folder / "back", "nanogpt")
    assert (folder / "back" / "train.bin").read_bytes() == (folder / "nano" / "train.bin").read_bytes()


@pytest.fixture(scope="module")
def three(tmp_path_factory) -> dict[str, Path]:
    """The same text in three formats, with a validation part."""
    folder = tmp_path_factory.mktemp("three")
    (folder / "a.jsonl").write_text('{"text": "A robot must obey orders."}\n' * 9)
    for name, tokenizer in (("glassgpt", Tokenizer.gpt2()), ("bytes", Tokenizer.of_bytes())):
        prepare([Source(folder / "a.jsonl")], folder / name, tokenizer, valid=[Source(folder / "a.jsonl")])
    for to in ("nanogpt", "llm.c"):
        convert_data(folder / "glassgpt", folder / to, to)
    return {name: folder / name for name in ("glassgpt", "nanogpt", "llm.c")}


@pytest.fixture(scope="module")
def quick(three) -> dict[str, Path]:
    """The same, ours with a vocabulary that is read in no time."""
    return {**three, "glassgpt": three["glassgpt"].parent / "bytes"}


@pytest.mark.slow  # likewise
def test_every_format_is_trained_on_alike(three):
    ours = open_folder(three["glassgpt"])
    for name, folder in three.items():
        found = open_folder(folder)
        assert (found.format, found.tokens) == (name, ours.tokens)
        assert found.valid.text_bytes == ours.valid.text_bytes
        assert len(found.train[0].starts) == len(ours.train[0].starts) + (name == "llm.c")
    batches = {name: open_data(folder, context=8, rows=2, seed=1).batch(0) for name, folder in three.items()}
    assert batches["glassgpt"].ids.tolist() == batches["nanogpt"].ids.tolist()


@pytest.mark.slow  # likewise
@settings(max_examples=40)
@given(form=st.sampled_from(["glassgpt", "nanogpt", "llm.c"]), data=st.data())
def test_damage_raises_data_error_or_changes_ids_and_nothing_else(quick, tmp_path_factory, form, data):
    whole = next(path for path in sorted(quick[form].glob("*train*.bin")))
    folder = tmp_path_factory.mktemp("damaged") / "data"
    folder.mkdir()
    if form == "glassgpt":
        (folder / "tokenizer").symlink_to(quick[form] / "tokenizer")
    content = bytearray(whole.read_bytes())
    if data.draw(st.booleans(), "cut"):
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    else:
        content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    (folder / whole.name).write_bytes(content)
    packing = data.draw(st.sampled_from(["concatenate", "aligned", "best_fit"]))
    with contextlib.suppress(DataError):
        read = open_data(folder, context=4, rows=2, seed=0, packing=packing, isolate=True).batch(0)
        assert int(read.ids.max()) <= END


@given(text=st.text(st.characters(codec="utf-8"), min_size=1, max_size=40), protocol=st.integers(2, 5))
def test_characters_of_nano_gpt_are_read_without_unpickling(tmp_path_factory, text, protocol):
    characters = sorted(set(text))
    path = tmp_path_factory.mktemp("meta") / "meta.pkl"
    itos = dict(enumerate(characters))
    meta = {"vocab_size": len(itos), "itos": itos, "stoi": {c: i for i, c in itos.items()}}
    path.write_bytes(pickle.dumps(meta, protocol))
    assert read_meta(path.parent) == (len(characters), characters)


@given(cut=st.integers(0, 10**6), place=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_a_damaged_or_evil_meta_is_refused_or_read_as_something_else(tmp_path_factory, cut, place, bit):
    path = tmp_path_factory.mktemp("meta") / "meta.pkl"
    whole = bytearray(pickle.dumps({"vocab_size": 3, "itos": {0: "a", 1: "b", 2: "c"}, "stoi": {"a": 0, "b": 1}}))
    whole[place % len(whole)] ^= 1 << bit
    path.write_bytes(whole[: cut % (2 * len(whole))])
    with contextlib.suppress(DataError):
        read_meta(path.parent)
    path.write_bytes(pickle.dumps(print))
    with pytest.raises(DataError, match="not allowed"):
        read_meta(path.parent)


def test_characters_of_nano_gpt_become_bytes(tmp_path):
    text = "To be, or not to be: ä\n" * 5
    characters = sorted(set(text))
    for name in ("train", "val"):
        write_nano(tmp_path / "char", [characters.index(c) for c in text], name)
    meta = {"vocab_size": len(characters), "itos": dict(enumerate(characters)), "stoi": {}}
    (tmp_path / "char" / "meta.pkl").write_bytes(pickle.dumps(meta))
    with pytest.raises(DataError, match="data convert"):
        open_folder(tmp_path / "char")
    convert_data(tmp_path / "char", tmp_path / "ours", "glassgpt")
    made = open_folder(tmp_path / "ours")
    assert made.tokenizer.decode(made.train[0].tokens) == text + "<|endoftext|>"
    assert made.valid.text_bytes == len(text.encode())
    convert_data(tmp_path / "ours", tmp_path / "again", "nanogpt")
    assert pickle.loads((tmp_path / "again" / "meta.pkl").read_bytes()) == {"vocab_size": 257}
    with pytest.raises(DataError, match="vocabulary of 257, not of 50,257"):
        open_folder(tmp_path / "again")
    convert_data(tmp_path / "again", tmp_path / "back", "glassgpt", Tokenizer.of_bytes())
    assert (tmp_path / "back" / "train.bin").read_bytes() == (tmp_path / "ours" / "train.bin").read_bytes()


@pytest.mark.slow  # likewise
def test_what_cannot_be_converted_says_why_and_leaves_nothing(tmp_path, three):
    for to in three:
        with pytest.raises(DataError, match="already"):
            convert_data(three[to], tmp_path / "out", to)
    write_nano(tmp_path / "bad", [END + 5, 3])
    with pytest.raises(DataError, match=r"train\.bin: id 50,261 is outside"):
        convert_data(tmp_path / "bad", tmp_path / "out", "glassgpt")
    assert not (tmp_path / "out").exists()
