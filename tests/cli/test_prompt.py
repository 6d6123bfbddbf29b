"""Which word is the model and which the text, and where the text comes from."""

import io
import os
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgpt.cli import prompt
from glassgpt.cli.options import Source, UsageError
from glassgpt.cli.prompt import Asked, names_a_model, sort_out, sort_out_prompt
from glassgpt.errors import DataError


@pytest.fixture
def stdin(monkeypatch):
    def put(data: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), encoding="utf-8"))

    put(b"")
    return put


@pytest.fixture
def folder(tmp_path):
    """A folder that holds a model, as far as its name tells."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "config.json").write_text("{}")
    return tmp_path / "mine"


def test_one_word_is_the_text(stdin):
    assert sort_out(("A robot must obey",), Source()) == Asked("embedded", "A robot must obey")


def test_two_words_are_model_and_text(stdin):
    assert sort_out(("gpt2", "A robot"), Source()) == Asked("gpt2", "A robot")


@pytest.mark.parametrize("word", ["gpt2", "embedded", "./mine", "../mine", "/mine", "~/mine"])
def test_a_word_alone_that_names_a_model_is_the_model(stdin, word):
    stdin(b"A robot")
    assert sort_out((word,), Source()) == Asked(word, "A robot")


def test_a_folder_with_a_model_in_it_is_the_model(stdin, folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    assert sort_out(("mine",), Source()) == Asked("mine", None)
    assert sort_out(("yours",), Source()) == Asked("embedded", "yours")


def test_a_model_flag_leaves_no_doubt(stdin):
    assert sort_out(("gpt2",), Source(model="embedded")) == Asked("embedded", "gpt2")


def test_with_a_file_the_word_is_the_model(stdin, tmp_path):
    (tmp_path / "a.txt").write_text("from a file")
    assert sort_out(("some-name",), Source(file=str(tmp_path / "a.txt"))) == Asked("some-name", "from a file")


@pytest.mark.parametrize("words", [("-",), ("embedded", "-")])
def test_a_dash_is_standard_input(stdin, words):
    stdin("über".encode())
    assert sort_out(words, Source()) == Asked("embedded", "über")


def test_nothing_at_all_is_no_text(stdin, monkeypatch):
    assert sort_out((), Source()) == Asked("embedded", None)
    monkeypatch.setattr(sys, "stdin", None)
    assert sort_out((), Source()) == Asked("embedded", None)


def test_an_empty_argument_is_an_empty_text(stdin):
    stdin(b"not read")
    assert sort_out(("",), Source()) == Asked("embedded", "")


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=20).filter(lambda text: text != "-"))
def test_a_text_beside_a_model_arrives_unchanged(text):
    assert sort_out((text,), Source(model="gpt2")).text == text
    assert sort_out(("gpt2", text), Source()).text == text
    assert sort_out_prompt(("gpt2", text), Source()).text == text


def test_the_newline_that_ends_a_pipe_is_no_part_of_a_prompt_but_of_a_text(stdin):
    stdin(b"one\ntwo\n\n")
    assert sort_out_prompt((), Source()).text == "one\ntwo\n"
    stdin(b"one\r\n")
    assert sort_out_prompt((), Source()).text == "one"
    stdin(b"one\r\n")
    assert sort_out((), Source()).text == "one\r\n"


def test_text_that_is_not_utf8_is_refused_with_the_place(stdin, tmp_path):
    stdin(b"good \xff bad")
    with pytest.raises(DataError, match="standard input is not UTF-8: byte 0xff at offset 5"):
        sort_out((), Source())
    (tmp_path / "latin").write_bytes("é".encode("latin-1"))
    with pytest.raises(DataError, match="latin is not UTF-8"):
        sort_out((), Source(file=str(tmp_path / "latin")))
    with pytest.raises(UsageError, match="not valid UTF-8"):
        sort_out(("\udcff",), Source())


def test_a_missing_file_and_a_folder_are_told_apart(stdin, tmp_path):
    with pytest.raises(DataError, match="there is no file"):
        sort_out((), Source(file=str(tmp_path / "none")))
    with pytest.raises(DataError, match="is a folder"):
        sort_out((), Source(file=str(tmp_path)))


def test_an_open_pipe_on_which_nothing_comes_does_not_hang(monkeypatch):
    read, write = os.pipe()
    monkeypatch.setattr(prompt, "PATIENCE_SECONDS", 0.05)
    with os.fdopen(read) as stream, os.fdopen(write, "w"):
        monkeypatch.setattr(sys, "stdin", stream)
        with pytest.raises(UsageError, match="nothing came on standard input"):
            sort_out((), Source())


@given(st.text(max_size=40))
def test_any_text_can_be_asked_whether_it_is_a_model(text):
    assert names_a_model(text) in (True, False)
