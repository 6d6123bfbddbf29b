import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgpt.errors import TokenizerError
from glassgpt.tokens import END_OF_TEXT, Tokenizer, Vocabulary
from tests.tokens.texts import TEXTS


@pytest.fixture(scope="module")
def gpt2():
    return Tokenizer.gpt2()


@pytest.fixture(scope="module")
def nested():
    """A vocabulary in which one special name begins another."""
    return Tokenizer(Vocabulary.from_merges([], ["<x>", "<x><y>", END_OF_TEXT]))


@given(TEXTS)
def test_with_no_merges_every_byte_is_a_token(text):
    ids = Tokenizer.of_bytes().encode(text)
    assert len(ids) == len(text.encode())
    assert Tokenizer.of_bytes().decode(ids) == text
    assert Tokenizer.of_bytes().vocab_size == 257


@given(TEXTS)
def test_decoding_gives_the_text_back(text):
    assert Tokenizer.gpt2().decode(Tokenizer.gpt2().encode(text)) == text


@given(st.lists(TEXTS, max_size=4))
def test_all_ways_of_encoding_agree(texts):
    tokenizer = Tokenizer.gpt2()
    ids = [tokenizer.encode(text) for text in texts]
    assert [row.tolist() for row in tokenizer.encode_batch(texts)] == ids
    assert [tokenizer.encode_array(text).tolist() for text in texts] == ids
    assert [[token for piece in tokenizer.show(text) for token in piece.ids] for text in texts] == ids


@given(st.lists(st.integers(0, 50256)))
def test_any_ids_decode(ids):
    data = Tokenizer.gpt2().decode_bytes(ids)
    assert data == b"".join(Tokenizer.gpt2().token_bytes(token) for token in ids)
    assert Tokenizer.gpt2().decode(ids) == data.decode("utf-8", errors="replace")


def test_arrays_are_the_callers_own(gpt2):
    array, (row,) = gpt2.encode_array("to be"), gpt2.encode_batch(["to be"])
    assert (array.dtype, row.dtype) == (np.uint32, np.uint32)
    array[0] = row[0] = 0
    assert gpt2.encode("to be") == gpt2.encode_array("to be").tolist()


def test_ids_may_come_from_an_array_or_an_iterator(gpt2):
    ids = gpt2.encode("as you like it")
    assert gpt2.decode(np.array(ids)) == gpt2.decode(iter(ids)) == gpt2.decode(tuple(ids)) == "as you like it"


def test_a_special_name_is_plain_text_unless_allowed(gpt2):
    text = f"one{END_OF_TEXT}two"
    assert gpt2.end_of_text not in gpt2.encode(text)
    assert gpt2.end_of_text not in gpt2.encode(text, allow_special=())
    assert gpt2.end_of_text not in gpt2.encode_array(text)
    assert gpt2.end_of_text not in gpt2.encode_batch([text])[0]
    assert gpt2.encode(text, allow_special=True) == [505, 50256, 11545]
    assert gpt2.encode(text, allow_special=END_OF_TEXT) == [505, 50256, 11545]


@given(TEXTS, TEXTS)
def test_an_allowed_special_name_is_a_wall_between_two_texts(first, second):
    tokenizer = Tokenizer.gpt2()
    ids = tokenizer.encode(first + END_OF_TEXT + second, allow_special={END_OF_TEXT})
    first_ids, second_ids = (tokenizer.encode(part, allow_special=True) for part in (first, second))
    assert ids == [*first_ids, 50256, *second_ids]


def test_the_longest_special_name_wins_and_only_allowed_ones_count(nested):
    assert nested.encode("<x><y>", allow_special=True) == [nested.specials["<x><y>"]]
    assert nested.encode("<x><y>", allow_special=["<x>"]) == [nested.specials["<x>"], *nested.encode("<y>")]


def test_a_name_that_is_not_special_cannot_be_allowed(gpt2):
    with pytest.raises(TokenizerError, match=r"'<pad>'.*'<\|endoftext\|>'"):
        gpt2.encode("x", allow_special=["<pad>"])


@pytest.mark.parametrize("token", [-1, 50257, 10**30])
def test_an_id_outside_the_vocabulary_is_named(gpt2, token):
    with pytest.raises(TokenizerError, match=f"id {token} .* 50256"):
        gpt2.decode([15496, token])
    with pytest.raises(TokenizerError, match=f"id {token} "):
        gpt2.token_bytes(token)


@pytest.mark.parametrize("way", ["encode", "encode_array", "show"])
def test_half_a_surrogate_pair_is_refused_with_its_place(gpt2, way):
    with pytest.raises(TokenizerError, match="character 3 is U\\+D83D"):
        getattr(gpt2, way)("abc\ud83d")


def test_half_a_surrogate_pair_in_a_batch_is_refused_too(gpt2):
    with pytest.raises(TokenizerError, match="character 1 is U\\+DE00"):
        gpt2.encode_batch(["fine", "x\ude00"])
    with pytest.raises(TokenizerError, match="character 0"):
        gpt2.encode("\ud800<|endoftext|>", allow_special=True)


def test_no_texts_and_empty_texts_are_fine(gpt2):
    assert gpt2.encode_batch([]) == []
    assert [len(row) for row in gpt2.encode_batch(iter(["", "a", ""]))] == [0, 1, 0]
    assert (gpt2.encode(""), gpt2.encode_array("").tolist(), gpt2.show(""), gpt2.decode([])) == ([], [], [], "")


def test_one_text_is_no_batch(gpt2):
    with pytest.raises(TokenizerError, match=r"use \[text\]"):
        gpt2.encode_batch("one text")


def test_a_vocabulary_without_end_of_text_says_so():
    with pytest.raises(TokenizerError, match=r"no <\|endoftext\|>"):
        _ = Tokenizer(Vocabulary.from_merges([], [])).end_of_text


def test_the_steps_shown_belong_to_their_piece(gpt2):
    piece = gpt2.show("a robot")[1]
    assert (piece.text, piece.ids) == (" robot", [9379])
    assert [step.left + step.right for step in piece.steps] == [b"ro", b"ot", b" ro", b" rob", b" robot"]


def test_a_tokenizer_travels_to_another_process(nested):
    nested.encode("so that everything is set up")
    copy = pickle.loads(pickle.dumps(nested))
    assert copy.encode("a robot<x>", allow_special=True) == nested.encode("a robot<x>", allow_special=True)
    assert copy.fingerprint == nested.fingerprint


def test_the_facts_of_gpt2(gpt2, shared_data):
    assert (gpt2.vocab_size, gpt2.end_of_text, len(gpt2.merges)) == (50257, 50256, 50000)
    shakespeare = (shared_data / "tinyshakespeare" / "input.txt").read_text(encoding="utf-8")
    assert len(gpt2.encode_array(shakespeare)) == 338_025
