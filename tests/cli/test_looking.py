"""Verbs that look at a model: next, score, info, convert, doctor; and the examples on every help page."""

import json
import math
import shlex
from importlib.resources import files
from pathlib import Path

import pytest

from glassgpt.cli.prompt import ALIASES
from glassgpt.cli.verbs import VERBS

EMBEDDED = Path(str(files("glassgpt"))) / "checkpoints" / "embedded" / "model.safetensors"
EXAMPLES = [(name, example) for name, verb in VERBS.items() for example in verb.load()[1].EXAMPLES]


def test_the_ten_next_words_as_bars(glassgpt, model, lm):
    lines = glassgpt("next", model, "the dog").out.splitlines()
    rows = [line for line in lines if "%" in line]
    assert lines[1] == "the dog …"
    assert len(rows) == 11
    assert rows[0].endswith("█" * 40)
    assert "280 other tokens" in rows[-1]
    best = lm.next_words("the dog", 1)[0]
    assert f"{100 * best.probability:.1f} %" in rows[0]


def test_next_words_as_json(glassgpt, model, lm):
    answer = glassgpt("next", model, "the dog", "--top", 3, "--json").json
    assert (answer["schema"], answer["prompt"]) == ("glassgpt.next/1", "the dog")
    assert [(word["id"], word["text"]) for word in answer["next"]] == [
        (word.id, word.text) for word in lm.next_words("the dog", 3)
    ]


def test_all_words_leave_no_others(glassgpt, model):
    shown = glassgpt("next", model, "", "--top", 290).out
    assert "A document begins" in shown
    assert "other tokens" not in shown
    assert glassgpt("next", model, "", "--top", 291).code == 2


def test_a_score_shows_each_token_and_the_totals(glassgpt, model, lm):
    score = lm.score("the lazy dog")
    lines = glassgpt("score", model, "the lazy dog").out.splitlines()
    assert len(lines) == len(score.ids) + 2
    assert f"{score.bits_per_byte:.3f} bits per byte" in lines[-1]
    assert glassgpt("score", model, "the lazy dog", "--summary").out == lines[-1] + "\n"


def test_a_score_as_json_adds_up(glassgpt, model):
    answer = glassgpt("score", model, "the lazy dog", "--json").json
    assert math.isclose(-sum(each["logprob"] for each in answer["scores"]), answer["nats"], rel_tol=1e-5)
    assert answer["bytes"] == 12


def test_nothing_to_score_is_a_usage_error(glassgpt, model):
    for typed in ([], [model, ""], [model]):
        assert glassgpt("score", *typed).code == 2


def test_info_counts_every_parameter_once(glassgpt, model):
    answer = glassgpt("info", model, "--json", "--tensors").json
    assert sum(answer["parts"].values()) == answer["parameters"] == sum(t["count"] for t in answer["tensors"])
    assert answer["config"]["context_length"] == 48
    assert answer["file_bytes"] >= 4 * answer["parameters"]


@pytest.mark.parametrize(
    ("name", "count"), [("small", 124_439_808), ("medium", 354_823_168), ("large", 774_030_080), ("xl", 1_557_611_200)]
)
def test_the_published_sizes_are_explained_without_weights(glassgpt, name, count):
    shown = glassgpt("info", name)
    assert shown.code == 0
    assert f"{count:,} parameters" in shown.out
    assert "not on this machine" in shown.err


def test_info_is_plain_text_of_modest_width(glassgpt, model):
    for typed in ([model], ["xl"], ["small", "--tensors"]):
        lines = glassgpt("info", *typed).out.splitlines()
        assert max(map(len, lines)) <= 100 + len(str(model))
        assert not any("\x1b" in line for line in lines)


def test_an_unknown_model_is_exit_3_with_a_hint(glassgpt):
    met = glassgpt("info", "gpt2-largo")
    assert met.code == 3
    assert "gpt2-large" in met.err


def test_known_names_are_those_of_the_library():
    from glassgpt.checkpoints.places import EMBEDDED as NAME
    from glassgpt.checkpoints.places import PUBLISHED

    assert (NAME, *PUBLISHED) == ALIASES


@pytest.mark.parametrize("to", ["hf", "openai"])
def test_a_converted_model_writes_the_same(glassgpt, model, tmp_path, to):
    made = glassgpt("convert", model, tmp_path / "made", "--to", to, "--json")
    assert made.code == 0, made.err
    assert made.json["files"]
    asked = ("--no-echo", "-n", 6, "-s", 1)
    first, second = (glassgpt("generate", where, "the dog", *asked).out for where in (model, tmp_path / "made"))
    assert first == second


def test_convert_refuses_to_overwrite(glassgpt, model, tmp_path):
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "precious").write_text("do not lose me")
    met = glassgpt("convert", model, tmp_path / "made")
    assert met.code == 1
    assert (tmp_path / "made" / "precious").exists()


def test_a_damaged_model_is_reported_in_words(glassgpt, model, tmp_path):
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    for file in filter(Path.is_file, model.iterdir()):
        (damaged / file.name).write_bytes(file.read_bytes()[:200] if "safetensors" in file.name else file.read_bytes())
    for verb in ("generate", "next"):
        met = glassgpt(verb, damaged, "the dog")
        assert met.code == 1
        assert "Traceback" not in met.err
        assert "bug" not in met.err


def test_doctor_looks_at_everything(glassgpt):
    answer = glassgpt("doctor", "--json")
    topics = {finding["topic"]: finding for finding in answer.json["findings"]}
    assert {"python", "packages", "machine", "device", "threads", "tokens", "model"} <= topics.keys()
    assert answer.code == (0 if answer.json["healthy"] else 1)


def test_doctor_fails_when_something_does_not_work(glassgpt, monkeypatch):
    from glassgpt.cli import doctor

    monkeypatch.setattr(doctor, "_tokens", lambda: 1 / 0)
    answer = glassgpt("doctor", "--json")
    assert answer.code == 1
    failed = [finding for finding in answer.json["findings"] if finding["state"] == "failed"]
    assert {"tokens"} <= {finding["topic"] for finding in failed}


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """A folder with the files that the examples speak of."""
    from glassgpt.data import Source, prepare
    from glassgpt.tokens import learn

    line = "It was a dark and stormy night; the rain fell in torrents.\n"
    for name in ("book.txt", "notes.txt", "valid.txt"):
        (tmp_path / name).write_text(line * 60)
    pair = {"sentence_good": "The rain falls.", "sentence_bad": "The rain fall.", "UID": "number", "field": "syntax"}
    (tmp_path / "pairs.jsonl").write_text(json.dumps(pair) + "\n")
    vocabulary = learn([line], 300)
    vocabulary.save(tmp_path / "my-vocabulary")
    prepare([Source(tmp_path / "book.txt")], tmp_path / "data", vocabulary, valid=[Source(tmp_path / "valid.txt")])
    for name in ("first", "wide"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "recipe.json").write_text('{"recipe": {"steps": 2, "rows": 1}}')
        steps = [{"event": "step", "step": n, "loss": 3.0 - n, "tokens_per_second": 9.0} for n in (1, 2)]
        (tmp_path / "runs" / name / "log.jsonl").write_text("".join(json.dumps(step) + "\n" for step in steps))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("uvicorn.Server.run", lambda server, sockets: None)  # it would listen until interrupted
    return tmp_path


# The examples name sizes for a person's afternoon. Given twice, a key's last value counts: here the work is cut short.
SHORT = {
    "lr": "--climb-steps 10 --rows 1 --model.emb-dim 32 --model.n-heads 1 --model.n-layers 1",
    "mup": "--widths 32,64 --steps 2",
    "quantize": "--texts 2 --method nearest",
    "sweep": "--trials 2 --steps 2 --rows 1 --model.emb-dim 32 --model.n-heads 1",
    "scaling": "--sizes 1x32,2x32,2x64 --steps 2 --rows 1",
}


@pytest.mark.slow
@pytest.mark.skipif(not EMBEDDED.exists(), reason="the examples use the embedded model, which is not built yet")
@pytest.mark.parametrize("verb", dict(EXAMPLES))
def test_the_examples_of_a_help_page_run(glassgpt, workplace, verb):
    for name, example in EXAMPLES:
        if name == verb:
            before, _, command = example.partition(" > ")[0].rpartition(" | ")
            stdin = " ".join(shlex.split(before)[1:]).encode() + b"\n" if before else b""
            done = glassgpt(*shlex.split(command)[1:], *SHORT.get(verb, "").split(), stdin=stdin)
            assert done.code == 0, f"{example}: {done.err}"
            assert done.out or "--quiet" in command
            if "--json" in command:
                assert json.loads(done.out)["schema"].startswith("glassgpt.")
