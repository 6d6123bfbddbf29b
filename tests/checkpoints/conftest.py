"""Saved models to find, load and damage."""

import pytest

from glassgpt.checkpoints import save_model
from glassgpt.model import GPT2, GPT2Config, initialize
from glassgpt.tokens import Tokenizer, learn


@pytest.fixture(scope="session")
def words() -> Tokenizer:
    """A vocabulary of 256 bytes, a few merges and the end of text."""
    return learn(["to be or not to be, that is the question " * 4], 262)


@pytest.fixture
def own(words) -> GPT2:
    """A model of that vocabulary."""
    config = GPT2Config(vocab_size=words.vocab_size, context_length=8, emb_dim=6, n_heads=2, n_layers=1)
    return initialize(GPT2(config), seed=3).eval()


@pytest.fixture
def own_folder(own, words, tmp_path):
    """It, saved."""
    save_model(own, tmp_path / "own", tokenizer=words)
    return tmp_path / "own"


@pytest.fixture
def no_net(monkeypatch, tmp_path):
    """No hub, no caches but empty ones below `tmp_path`."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_ENDPOINT", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("GLASSGPT_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
