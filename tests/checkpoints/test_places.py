"""What a name or path may be, and what is said when it is nothing."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from glassgpt.checkpoints import find, load_model, save_model, write_manifest, write_model
from glassgpt.checkpoints.atomic import new_folder
from glassgpt.checkpoints.places import PUBLISHED, locate
from glassgpt.errors import CheckpointError, ModelNotFound
from glassgpt.model import GPT2, GPT2Config, initialize
from glassgpt.tokens import Tokenizer

pytestmark = pytest.mark.usefixtures("no_net")


@pytest.fixture
def run(own, words, tmp_path):
    """A training run with checkpoints of steps 5, 20 and 100."""
    for step in (5, 20, 100):
        with new_folder(tmp_path / "run" / "ckpt" / f"step-{step:08d}") as folder:
            write_model(own, folder, tokenizer=words)
            (folder / "trainer.json").write_text(f'{{"step": {step}}}')
            write_manifest(folder)
    return tmp_path / "run"


def damage(run, step):
    path = run / "ckpt" / f"step-{step:08d}" / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)


def cached(home, name, folder):
    """Put a folder into the hub cache as the hub's library does."""
    repo = Path(home) / "hub" / f"models--{name.replace('/', '--')}"
    snapshot = repo / "snapshots" / "abc123"
    snapshot.mkdir(parents=True)
    (repo / "blobs").mkdir()
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text("abc123")
    for number, path in enumerate(folder.iterdir()):
        (repo / "blobs" / str(number)).write_bytes(path.read_bytes())
        (snapshot / path.name).symlink_to(f"../../blobs/{number}")
    return snapshot


def test_a_folder_is_loaded_with_its_tokenizer(own_folder, own, words):
    loaded = load_model(own_folder)
    assert loaded.name == "own"
    assert loaded.path == own_folder
    assert loaded.tokenizer.fingerprint == words.fingerprint
    assert torch.equal(loaded.model.wte.weight, own.wte.weight)
    assert not loaded.model.training


def test_a_path_may_be_a_text_or_relative(own_folder):
    assert load_model(str(own_folder)).name == load_model("own").name == load_model("./own/").name == "own"


def test_one_file_is_loaded_with_the_config_beside_it(own_folder):
    (own_folder / "model.safetensors").rename(own_folder / "best.safetensors")
    assert load_model(own_folder / "best.safetensors").name == "best"


def test_a_config_stands_for_its_folder(own_folder):
    assert find(own_folder / "config.json") == own_folder


def test_a_run_is_its_newest_checkpoint(run):
    assert load_model(run).name == "run@100"
    assert find(run) == run / "ckpt" / "step-00000100"


def test_newest_means_the_highest_step_not_the_latest_time(run):
    os.utime(run / "ckpt" / "step-00000005", (2e9, 2e9))
    assert locate(run).name == "run@100"


def test_a_step_of_a_run_can_be_chosen(run):
    assert load_model(f"{run}@20").name == "run@20"
    with pytest.raises(ModelNotFound, match=r"no checkpoint of step 21; it has 5, 20, 100\."):
        load_model(f"{run}@21")


def test_a_damaged_checkpoint_is_passed_over_with_a_warning(run, caplog):
    damage(run, 100)
    assert load_model(run).name == "run@20"
    assert "Skipping step 100" in caplog.text
    assert "model.safetensors is damaged" in caplog.text


def test_a_damaged_checkpoint_that_was_asked_for_is_an_error(run):
    damage(run, 100)
    with pytest.raises(CheckpointError, match="damaged"):
        load_model(f"{run}@100")


def test_a_run_without_an_undamaged_checkpoint_is_an_error(run):
    for step in (5, 20, 100):
        damage(run, step)
    with pytest.raises(CheckpointError, match="None of the 3 checkpoints"):
        load_model(run)


def test_a_run_that_has_not_saved_yet_says_so(tmp_path):
    (tmp_path / "run" / "ckpt" / ".tmp-step-00000001-77").mkdir(parents=True)
    with pytest.raises(ModelNotFound, match="no checkpoint yet"):
        load_model(tmp_path / "run")


def test_a_folder_named_with_an_at_sign_is_a_folder(own, words, tmp_path):
    save_model(own, tmp_path / "me@7", tokenizer=words)
    assert load_model(tmp_path / "me@7").name == "me@7"


def test_a_published_model_in_the_hub_cache_comes_first(own_folder, own, words, tmp_path):
    snapshot = cached(tmp_path / "hf", "openai-community/gpt2", own_folder)
    save_model(own, tmp_path / "gpt2", tokenizer=words)
    loaded = load_model("gpt2")
    assert (loaded.path, loaded.name) == (snapshot, "gpt2")


def test_a_cache_from_before_the_hub_had_organisations_counts(own_folder, tmp_path):
    snapshot = cached(tmp_path / "hf", "gpt2-xl", own_folder)
    assert find("gpt2-xl") == snapshot


def test_then_comes_a_folder_of_that_name(own, words, tmp_path):
    save_model(own, tmp_path / "gpt2-medium", tokenizer=words)
    assert find("gpt2-medium").resolve() == tmp_path / "gpt2-medium"


def test_then_comes_our_own_cache(own, words, tmp_path):
    save_model(own, tmp_path / "cache" / "distilbert--distilgpt2", tokenizer=words)
    assert find("distilgpt2") == tmp_path / "cache" / "distilbert--distilgpt2"


def test_any_other_model_in_the_hub_cache_is_found_by_its_full_name(own_folder, tmp_path):
    snapshot = cached(tmp_path / "hf", "someone/tuned-gpt2", own_folder)
    assert load_model("someone/tuned-gpt2").path == snapshot


@pytest.mark.parametrize("name", PUBLISHED)
def test_offline_the_error_says_what_to_put_where(name, tmp_path):
    with pytest.raises(ModelNotFound) as caught:
        load_model(name)
    message = str(caught.value)
    home = tmp_path / "cache" / PUBLISHED[name].replace("/", "--")
    for part in (
        "switched off",
        str(tmp_path / "hf" / "hub"),
        str(tmp_path / name),
        "model.safetensors",
        "config.json",
    ):
        assert part in message
    assert message.count(str(home)) == 2
    assert not home.exists()


def test_following_the_advice_helps(own_folder, tmp_path):
    home = tmp_path / "cache" / "openai-community--gpt2"
    home.mkdir(parents=True)
    for path in own_folder.iterdir():
        (home / path.name).write_bytes(path.read_bytes())
    assert load_model("gpt2").path == home


@pytest.mark.parametrize(
    ("given", "meant"), [("gtp2", "gpt2"), ("gpt2-lage", "gpt2-large"), ("embeded", "embedded"), ("onw", "own")]
)
def test_a_misspelt_name_gets_a_suggestion(own_folder, given, meant):
    with pytest.raises(ModelNotFound, match=f"Did you mean .*{meant}"):
        load_model(given)


def test_a_parent_folder_gets_a_suggestion(own_folder):
    with pytest.raises(ModelNotFound, match=f"Did you mean {own_folder}"):
        load_model(own_folder.parent)


def test_an_empty_folder_says_what_a_model_is(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelNotFound, match=r"neither config\.json .* It is empty"):
        load_model(tmp_path / "empty")


@pytest.mark.parametrize("name", ["pytorch_model.bin", "ckpt.pt", "model.pth", "last.ckpt", "a.pkl"])
def test_pickle_files_are_refused_with_a_way_out(tmp_path, name):
    (tmp_path / name).write_bytes(b"\x80\x04cos\nsystem\n")
    for where in (tmp_path / name, tmp_path):
        with pytest.raises(CheckpointError, match=r"pickle file.*save_pretrained"):
            load_model(where)


@pytest.mark.parametrize("name", ["model.gguf", "notes.txt", "weights.h5"])
def test_other_files_are_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"GGUF")
    with pytest.raises(CheckpointError, match=r"give a \.safetensors file, or a model's folder"):
        load_model(tmp_path / name)


def test_a_tokenizer_that_is_missing_is_asked_for(model, tmp_path):
    save_model(model, tmp_path / "m")
    with pytest.raises(CheckpointError, match=r"no tokenizer.*61.*tokenizer\.json"):
        load_model(tmp_path / "m")


def test_gpt2s_own_tokenizer_stands_in_for_a_vocabulary_of_its_size(tmp_path):
    config = GPT2Config(emb_dim=2, n_heads=1, n_layers=1, context_length=4)
    save_model(initialize(GPT2(config), seed=0), tmp_path / "m")
    assert load_model(tmp_path / "m").tokenizer.end_of_text == 50256


def test_a_tokenizer_larger_than_the_model_is_refused(model, words, tmp_path):
    save_model(model, tmp_path / "m", tokenizer=words)
    with pytest.raises(CheckpointError, match="262 ids, but the model knows only 61"):
        load_model(tmp_path / "m")


@pytest.mark.parametrize(
    "where", ["", ".", "/", "@", "@5", "a@b", "gpt2@5", "\0", "x" * 5000, "~nobody/x", "http://x/y"]
)
def test_strange_names_are_not_found_and_nothing_else(where):
    with pytest.raises((ModelNotFound, CheckpointError)):
        load_model(where)


def test_what_is_neither_file_nor_folder_is_no_model():
    with pytest.raises(ModelNotFound, match="neither a folder nor an ordinary file"):
        load_model("/dev/null")


def test_an_unreadable_disk_is_told_with_its_path(own_folder, monkeypatch):
    def fail(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_dir", fail)
    with pytest.raises(CheckpointError, match=r"Cannot read .*own: Permission denied"):
        find(own_folder)


def test_after_a_replacement_that_never_arrived_the_old_version_is_named(own_folder):
    own_folder.rename(own_folder.with_name(".old-own-4711"))
    with pytest.raises(ModelNotFound, match=r"being replaced .* \S*\.old-own-4711\."):
        load_model(own_folder)
    assert load_model(own_folder.with_name(".old-own-4711")).name == ".old-own-4711"


def test_a_vocabulary_without_end_of_text_can_be_saved(own, words, tmp_path):
    save_model(own, tmp_path / "m", tokenizer=Tokenizer(replace(words.vocabulary, specials={"<x>": words.end_of_text})))
    assert json.loads((tmp_path / "m" / "config.json").read_text())["eos_token_id"] is None
    assert load_model(tmp_path / "m").tokenizer.specials == {"<x>": words.end_of_text}
