"""`glassgpt quantize`: folders, what it says of them, and what it refuses."""

import json
from collections import namedtuple

import pytest

from glassgpt import load


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("GLASSGPT_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def test_a_model_becomes_integers_that_every_verb_takes(glassgpt, model, tmp_path):
    done = glassgpt("quantize", model, "--out", tmp_path / "q", "--texts", 9)
    assert done.code == 0, done.err
    assert "int4 with a head of int8" in done.out
    assert "same likeliest token" in done.out
    wrote = glassgpt("generate", tmp_path / "q", "the dog", "-n", 5, "--seed", 1)
    assert wrote.code == 0
    assert wrote.out == "the dog" + load(tmp_path / "q").generate("the dog", max_new_tokens=5, seed=1) + "\n"
    described = json.loads((tmp_path / "q" / "config.json").read_text())["quantization_config"]
    assert described["calibration"] == {"texts": "texts written by the model", "tokens": 8 * 48}
    assert len(described["source"]["weights_sha256"]) == 64


def test_the_same_seed_makes_the_same_file(glassgpt, model, tmp_path):
    for name in "ab":
        glassgpt("quantize", model, "--out", tmp_path / name, "--texts", 4, "--seed", 3)
    first, second = ((tmp_path / name / "model.safetensors").read_bytes() for name in "ab")
    assert first == second


def test_texts_may_be_given(glassgpt, model, tmp_path):
    (tmp_path / "texts.txt").write_text("the dog and the cat " * 200)
    words = ["quantize", model, "--out", tmp_path / "q", "--scheme", "int8", "--texts", 5, "--json"]
    answer = glassgpt(*words, "--calibration", tmp_path / "texts.txt").json
    assert answer["schema"] == "glassgpt.quantize/1"
    assert answer["scheme"]["body"] == "int8"
    assert 0 <= answer["divergence"] < 0.1
    assert answer["bytes"] == sum(path.stat().st_size for path in (tmp_path / "q").iterdir())


def test_settings_reach_the_scheme(glassgpt, model, tmp_path):
    words = ["quantize", model, "--out", tmp_path / "q", "--texts", 2, "--json"]
    chosen = glassgpt(*words, "--method", "clip", "--head", "float", "--balance", "yes").json["scheme"]
    assert chosen == {"body": "int4", "head": "float", "method": "clip", "balance": True}


def test_what_cannot_be_done_is_said_first(glassgpt, model, tmp_path, monkeypatch):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("x")
    taken = glassgpt("quantize", model, "--out", tmp_path / "full")
    assert taken.code != 0
    assert "--overwrite" in taken.err
    (tmp_path / "short.txt").write_text("the dog")
    short = glassgpt("quantize", model, "--out", tmp_path / "q", "--calibration", tmp_path / "short.txt")
    assert "Give a longer one" in short.err
    none = glassgpt("quantize", model, "--out", tmp_path / "q", "--calibration", tmp_path / "absent.txt")
    assert none.code != 0
    assert "absent.txt" in none.err
    assert glassgpt("quantize", model, "--out", tmp_path / "q", "--texts", 1).code == 2
    disk = namedtuple("disk", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda path: disk(1, 1, 0))
    assert "Make room" in glassgpt("quantize", model, "--out", tmp_path / "q").err
    assert not (tmp_path / "q").exists()


def test_a_folder_is_replaced_when_asked(glassgpt, model, tmp_path):
    words = ["quantize", model, "--out", tmp_path / "q", "--texts", 2, "--method", "nearest"]
    assert glassgpt(*words).code == 0
    assert glassgpt(*words).code != 0
    assert glassgpt(*words, "--overwrite").code == 0


def test_a_quantized_model_can_be_converted(glassgpt, model, tmp_path):
    glassgpt("quantize", model, "--out", tmp_path / "q", "--texts", 2, "--method", "nearest")
    assert glassgpt("convert", tmp_path / "q", tmp_path / "floats").code == 0
    a, b = (load(tmp_path / folder, backend="torch").score("the dog and the cat").nats for folder in ("q", "floats"))
    assert a == pytest.approx(b, abs=1e-4)
