import logging
import random
import sys
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgpt.errors import TokenizerError
from glassgpt.tokens import Tokenizer, Vocabulary, fast, learn
from glassgpt.tokens.fast import FastokensEncoder, ReadableEncoder, TiktokenEncoder, fastest
from tests.tokens.test_merge import rank_tables
from tests.tokens.texts import FEW_LETTERS, TEXTS

MEGABYTE = 10**6
NASTY = {
    "one letter": "a" * MEGABYTE,
    "one digit": "1" * MEGABYTE,
    "one dash": "-" * MEGABYTE,
    "two letters": "ab" * (MEGABYTE // 2),
    "spaces": " " * MEGABYTE,
    "spaces before a word": " " * MEGABYTE + "x",
    "line ends before a word": "\n" * MEGABYTE + "x",
    "apostrophes": "'" * MEGABYTE,
    "zero bytes": "\0" * MEGABYTE,
    "emoji": "🙂" * (MEGABYTE // 4),
    "a word without end": "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz", k=MEGABYTE)),
}


@pytest.fixture(scope="module")
def encoders():
    vocabulary = Tokenizer.gpt2().vocabulary
    return [FastokensEncoder(vocabulary), TiktokenEncoder(vocabulary)]


@pytest.fixture
def fresh_log():
    """Every reason is logged once in a program; a test starts anew."""
    fast._fall_back.cache_clear()
    yield
    fast._fall_back.cache_clear()


@given(st.lists(TEXTS, max_size=4))
def test_each_way_gives_the_ids_of_the_readable_one(encoders, texts):
    plain = ReadableEncoder(Tokenizer.gpt2().vocabulary)
    for encoder in [plain, *encoders]:
        ids, offsets = encoder.flat(texts)
        assert ids.tolist() == [token for text in texts for token in plain.encode(text)]
        assert [ids[a:b].tolist() for a, b in pairwise(offsets)] == list(map(encoder.encode, texts))


@settings(max_examples=60)
@given(rank_tables(), st.lists(FEW_LETTERS, max_size=6))
def test_the_native_way_is_exact_for_merges_no_corpus_would_give(ranks, texts):
    vocabulary = Vocabulary.from_merges(list(ranks))
    encoder, plain = FastokensEncoder(vocabulary), ReadableEncoder(vocabulary)
    assert [encoder.encode(text) for text in texts] == [plain.encode(text) for text in texts]


@settings(max_examples=60)
@given(st.text("abc ", min_size=2, max_size=300), st.integers(258, 290), st.lists(FEW_LETTERS, max_size=6))
def test_all_ways_are_exact_for_a_learnt_vocabulary(corpus, size, texts):
    vocabulary = learn([corpus], size).vocabulary
    plain = ReadableEncoder(vocabulary)
    for kind in (FastokensEncoder, TiktokenEncoder):
        assert [kind(vocabulary).encode(text) for text in texts] == [plain.encode(text) for text in texts]


def test_all_ways_are_exact_when_ids_do_not_follow_the_merges():
    plain = Vocabulary.from_merges([(b"a", b"b"), (b"ab", b"c")])
    shuffled = list(plain.ids.values())
    random.Random(3).shuffle(shuffled)
    vocabulary = Vocabulary(dict(zip(plain.ids, shuffled, strict=True)), plain.merges, {"<x>": 300})
    expected = ReadableEncoder(vocabulary).encode("abcab cab")
    assert FastokensEncoder(vocabulary).encode("abcab cab") == expected
    assert TiktokenEncoder(vocabulary).encode("abcab cab") == expected


def test_a_long_text_is_encoded_in_sections_without_a_seam(shared_data, encoders):
    text = (shared_data / "tinyshakespeare" / "input.txt").read_text(encoding="utf-8")
    ids, offsets = encoders[0].flat(["short", text, ""])
    assert ids[offsets[1] : offsets[2]].tolist() == encoders[0].encode(text) == encoders[1].encode(text)
    assert offsets[2:] == [len(ids), len(ids)]


@pytest.mark.slow
@pytest.mark.parametrize("name", NASTY)
def test_a_megabyte_of_anything_is_encoded_alike_by_the_two_libraries(encoders, name):
    """How long it takes, and how that grows, is measured by benchmarks/tokenize_hard_text.py."""
    native, tiktoken = encoders
    assert native.encode(NASTY[name]) == tiktoken.encode(NASTY[name])


def test_without_the_first_library_the_second_is_used_and_the_log_says_so_once(monkeypatch, caplog, fresh_log):
    monkeypatch.setitem(sys.modules, "fastokens", None)
    vocabulary = Vocabulary.from_merges([(b"a", b"b")])
    with caplog.at_level(logging.WARNING):
        assert isinstance(fastest(vocabulary), TiktokenEncoder)
        assert isinstance(fastest(vocabulary), TiktokenEncoder)
    assert [record.getMessage().split(" (")[0] for record in caplog.records] == ["FastokensEncoder is not used"]


def test_without_any_library_the_readable_way_is_used(monkeypatch, fresh_log, caplog):
    monkeypatch.setitem(sys.modules, "fastokens", None)
    monkeypatch.setitem(sys.modules, "tiktoken", None)
    tokenizer = Tokenizer(Vocabulary.from_merges([(b"a", b"b")]))
    assert tokenizer.encode("abba") == [256, 65, 64]
    assert tokenizer.encode_batch(["ab", ""])[0].tolist() == [256]
    assert len(caplog.records) == 2


def test_a_library_that_encodes_otherwise_is_not_trusted(monkeypatch, caplog, fresh_log):
    monkeypatch.setattr(FastokensEncoder, "encode", lambda self, text: [0])
    assert isinstance(fastest(Vocabulary.from_merges([])), TiktokenEncoder)
    assert "encodes a probe differently" in caplog.text


def test_tiktoken_is_not_used_where_it_would_differ(monkeypatch, caplog, fresh_log):
    monkeypatch.setitem(sys.modules, "fastokens", None)
    odd = Vocabulary.from_merges([(b"a", b"b"), (b"b", b"c"), (b"a", b"bc")])  # "abc" becomes ab + c
    with pytest.raises(TokenizerError, match="its own bytes"):
        TiktokenEncoder(odd)
    assert isinstance(fastest(odd), ReadableEncoder)


def test_the_readable_way_forgets_before_it_grows_without_bound(monkeypatch):
    monkeypatch.setattr(ReadableEncoder, "MEMORY", 10)
    encoder = ReadableEncoder(Vocabulary.from_merges([]))
    encoder.encode(" ".join(map(str, range(1000))) + " " + "x" * 5000)
    assert len(encoder._seen) <= 10
