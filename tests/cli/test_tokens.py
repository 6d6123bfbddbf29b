"""`glassgpt tokens` and `glassgpt tokenizer train`."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from glassgpt.tokens import Tokenizer

TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=30).filter(
    lambda text: text != "-"  # which stands for standard input
)


def test_ids_are_gpt2s(glassgpt):
    shown = glassgpt("tokens", "--ids", "Hello world")
    assert (shown.code, shown.out, shown.err) == (0, "15496 995\n", "")


def test_the_table_shows_pieces_ids_and_bytes(glassgpt):
    lines = glassgpt("tokens", "Hello world 🤖").out.splitlines()
    assert lines[0] == "Hello|·world|·⟨F0 9F⟩|⟨A4⟩|⟨96⟩"
    assert lines[2].split() == ["Hello", "15496", "48", "65", "6c", "6c", "6f"]


def test_totals_go_to_stderr_and_quiet_silences_them(glassgpt):
    assert glassgpt("tokens", "Hello").err == "1 token · 5 characters · 5 bytes · vocabulary of gpt2\n"
    assert glassgpt("tokens", "Hello", "--quiet").err == ""


def test_colours_come_only_when_asked_for(glassgpt, monkeypatch):
    assert "\x1b[" not in glassgpt("tokens", "Hello").out
    assert "\x1b[" in glassgpt("tokens", "Hello", "--color", "always").out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in glassgpt("tokens", "Hello").out


def test_steps_play_the_merges_back(glassgpt):
    lines = glassgpt("tokens", "--steps", "lower").out.splitlines()
    assert lines[0] == "lower"
    assert lines[1].split() == list("lower")
    assert lines[-2].split() == ["ids", *map(str, Tokenizer.gpt2().encode("lower"))]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXT)
def test_every_way_of_asking_gives_the_same_ids(glassgpt, text):
    ids = Tokenizer.gpt2().encode(text)
    whole = glassgpt("tokens", "--json", "--steps", "-m", "gpt2", "--", text).json
    assert whole["schema"] == "glassgpt.tokens/1"
    assert whole["ids"] == ids
    assert [each["id"] for each in whole["tokens"]] == ids
    assert bytes.fromhex("".join(each["bytes"] for each in whole["tokens"])) == text.encode()
    assert [token for piece in whole["pieces"] for token in piece["ids"]] == ids
    assert glassgpt("tokens", "--count", "-m", "gpt2", "-f", "-", stdin=text.encode()).out == f"{len(ids)}\n"
    assert glassgpt("tokens", "--decode", "--json", json.dumps(ids)).json["text"] == text


def test_a_special_name_is_text_unless_allowed(glassgpt):
    assert glassgpt("tokens", "--count", "<|endoftext|>").out != "1\n"
    assert glassgpt("tokens", "--ids", "--allow-special", "<|endoftext|>").out == "50256\n"


@pytest.mark.parametrize(
    ("typed", "code", "told"),
    [
        (["./nowhere", "Hello"], 3, "there is no model './nowhere'"),
        (["-m", "gpt-2", "Hello"], 3, "did you mean gpt2"),
        ([], 2, "there is no text"),
        (["--decode", "Hello"], 2, "--decode needs ids"),
        (["--decode", "99999999"], 1, "99999999"),
    ],
)
def test_what_cannot_be_done_is_said(glassgpt, typed, code, told):
    met = glassgpt("tokens", *typed)
    assert (met.code, met.out) == (code, "")
    assert told in met.err


@pytest.fixture
def book(tmp_path):
    (tmp_path / "book.txt").write_text("low lower lowest newer newest wide wider widest\n" * 20)
    return tmp_path / "book.txt"


def test_a_vocabulary_is_learned_saved_and_used(glassgpt, book, tmp_path):
    folder = tmp_path / "vocabulary"
    learned = glassgpt("tokenizer", "train", book, "-o", folder, "--vocab-size", 270, "--json").json
    assert (learned["vocab_size"], learned["merges"]) == (270, 13)
    assert learned["fingerprint"] == Tokenizer.load(folder).fingerprint
    used = glassgpt("tokens", folder, "lower", "--json").json
    assert used["ids"] == Tokenizer.load(folder).encode("lower")


def test_a_corpus_too_small_for_the_vocabulary_says_so(glassgpt, book, tmp_path):
    learned = glassgpt("tokenizer", "train", book, "-o", tmp_path / "v", "--vocab-size", 5000)
    assert learned.code == 0
    assert "too few different pairs" in learned.err


@pytest.mark.parametrize(
    ("typed", "code", "told"),
    [
        (["-o", "v"], 2, "SOURCE missing"),
        (["book.txt"], 2, "--out FOLDER missing"),
        (["book.txt", "-o", "v", "--vocab-size", "5"], 2, "from 257 to 1,000,000"),
        (["nowhere.txt", "-o", "v"], 3, "nowhere.txt is not there"),
    ],
)
def test_training_a_vocabulary_refuses_what_it_cannot_do(glassgpt, typed, code, told):
    met = glassgpt("tokenizer", "train", *typed)
    assert (met.code, met.out) == (code, "")
    assert told in met.err
