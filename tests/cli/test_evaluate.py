"""`glassgpt evaluate`: tables and JSON, the same numbers as the library's."""

import json

import pytest

from glassgpt.evaluate import choose, fill, losses_of, read_blanks, word_perplexity
from glassgpt.evaluate.questions import blimp

PAIRS = [("the dog", "dog the"), ("the lazy dog does not care", "the lazy dog care not does"), ("fox", "fxo")]
TEXT = "the quick fox jumps over the dog and does not care. " * 4


@pytest.fixture
def files(tmp_path):
    """One small file for each verb."""
    rows = [
        {"sentence_good": good, "sentence_bad": bad, "UID": f"p{number % 2}", "field": "syntax", "pairID": number}
        for number, (good, bad) in enumerate(PAIRS)
    ]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "book.txt").write_text(TEXT)
    (tmp_path / "two.jsonl").write_text('{"text": "the dog"}\n{"text": "a fox"}\n')
    (tmp_path / "last.txt").write_text("the quick brown fox\nover the lazy dog\n")
    (tmp_path / "corpus.tokens").write_text(" = Dogs = \n The dog 's <unk> , and so on . \n")
    return tmp_path


def test_loss_as_json_is_that_of_the_library(glassgpt, model, lm, files):
    answer = glassgpt(
        "evaluate", "loss", model, files / "book.txt", files / "two.jsonl", "--by-document", "--json"
    ).json
    assert (answer["schema"], answer["model"]) == ("glassgpt.evaluate.loss/1", lm.name)
    book, two = answer["results"]
    (expected,) = losses_of(lm.model, lm.tokenizer, [TEXT])
    assert book["bits_per_byte"] == pytest.approx(expected.bits_per_byte)
    assert (book["tokens"], book["bytes"], book["documents"]) == (expected.tokens, len(TEXT), 1)
    assert [len(each["by_document"]) for each in (book, two)] == [1, 2]
    assert two["bytes"] == sum(part["bytes"] for part in two["by_document"])
    assert book["xz_bits_per_byte"] > 0


def test_loss_as_a_table(glassgpt, model, files):
    lines = glassgpt("evaluate", "loss", model, files / "two.jsonl", "--by-document").out.splitlines()
    assert lines[0].split()[:3] == ["text", "tokens", "bytes"]
    assert [line.split()[0] for line in lines[1:]] == ["document", "document", "two.jsonl"]
    assert len({len(line) for line in lines if "document" in line}) == 1


def test_a_finer_stride_is_another_number(glassgpt, model, files):
    by_stride = {
        stride: glassgpt("evaluate", "loss", model, files / "book.txt", "--stride", stride, "--json").json["results"][0]
        for stride in (1, 48)
    }
    assert by_stride[1]["tokens"] == by_stride[48]["tokens"]
    assert by_stride[1]["nats_per_token"] != by_stride[48]["nats_per_token"]


def test_choices_as_json_and_as_a_table(glassgpt, model, lm, files):
    pairs = files / "pairs.jsonl"
    answer = glassgpt("evaluate", "choices", model, pairs, "--json").json
    (result,) = answer["results"]
    earned = choose(lm.model, lm.tokenizer, list(blimp(pairs)))
    assert result["format"] == "blimp"
    assert result["parts"]["field"]["syntax"]["share"] == pytest.approx(sum(earned) / 3)
    assert {name: part["questions"] for name, part in result["parts"]["paradigm"].items()} == {"p0": 2, "p1": 1}
    lines = glassgpt("evaluate", "choices", model, pairs, "--parts").out.splitlines()
    assert [line.split()[0] for line in lines] == ["blimp", "p0", "p1", "syntax", "mean"]
    assert all("50.0 %" in line for line in lines[1:])  # chance stands beside each score
    limited = glassgpt("evaluate", "choices", model, pairs, "--limit", 1, "--json").json["results"][0]
    assert limited["mean"]["questions"] == 2


def test_cloze_as_json_and_as_a_table(glassgpt, model, lm, files):
    (result,) = glassgpt("evaluate", "cloze", model, files / "last.txt", "--json").json["results"]
    expected = fill(lm.model, lm.tokenizer, list(read_blanks(files / "last.txt")))
    assert (result["passages"], result["accuracy"]) == (2, expected.accuracy)
    assert result["perplexity"] == pytest.approx(expected.perplexity)
    shown = glassgpt("evaluate", "cloze", model, files / "last.txt", "--stop-words")
    assert (shown.code, len(shown.out.splitlines())) == (0, 2)


def test_perplexity_by_the_word_as_json_and_as_a_table(glassgpt, model, lm, files):
    corpus = files / "corpus.tokens"
    (result,) = glassgpt("evaluate", "perplexity", model, corpus, "--json").json["results"]
    expected = word_perplexity(lm.model, lm.tokenizer, corpus.read_text())
    assert (result["format"], result["words"], result["lines"], result["unknown"]) == ("wikitext", 12, 2, 1)
    assert result["word_perplexity"] == pytest.approx(expected.perplexity)
    lines = glassgpt("evaluate", "perplexity", model, corpus, "--format", "plain").out.splitlines()
    assert lines[1].split()[:4] == ["corpus.tokens", "plain", "14", "1"]


@pytest.mark.parametrize(
    ("typed", "code", "told"),
    [
        (["loss"], 2, "FILE missing"),
        (["loss", "missing.txt"], 3, "no file missing.txt"),
        (["loss", "no-such-model", "book.txt"], 3, "no-such-model"),
        (["choices", "book.txt"], 3, "holds no questions known here"),
        (["choices", "pairs.jsonl", "--format", "squad"], 2, "'blimp'"),
        (["cloze", "book.txt", "--limit", "-1"], 2, "--limit -1 is not allowed"),
        (["loss", "book.txt", "--stride", "9999"], 2, "--stride 9999 is not allowed"),
        (["loss", "two.jsonl", "--key", "body"], 3, "no text under 'body'"),
    ],
)
def test_mistakes_are_told_with_what_to_do(glassgpt, model, files, typed, code, told, monkeypatch):
    monkeypatch.chdir(files)
    named = [] if typed[1:2] in ([], ["no-such-model"]) else ["-m", model]
    met = glassgpt("evaluate", *typed, *named)
    assert (met.code, met.out) == (code, "")
    assert told in met.err


def test_the_first_word_is_the_model_unless_a_file_has_that_name(files, monkeypatch):
    from pathlib import Path

    from glassgpt.cli.evaluate import EvaluateLoss
    from glassgpt.errors import GlassGPTError

    monkeypatch.chdir(files)
    (files / "texts").mkdir()
    (files / "net").mkdir()
    (files / "net" / "config.json").write_text("{}")

    def asked(*words, model=None):
        return EvaluateLoss(words=words, model=model).model_and_files()

    assert asked("book.txt", "two.jsonl") == ("embedded", [Path("book.txt"), Path("two.jsonl")])
    assert asked("gpt2", "book.txt") == ("gpt2", [Path("book.txt")])
    assert asked("texts", "book.txt")[0] == "embedded"
    assert asked("net", "book.txt") == ("net", [Path("book.txt")])
    assert asked("net", model="gpt2") == ("gpt2", [Path("net")])
    with pytest.raises(GlassGPTError, match="FILE missing"):
        asked(model="gpt2")
