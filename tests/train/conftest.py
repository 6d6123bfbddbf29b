"""A corpus of a few kilobytes, prepared, and a recipe that trains on it in a second."""

from dataclasses import replace
from pathlib import Path

import pytest

WORDS = ["the", "robot", "must", "obey", "orders", "given", "it", "by", "human", "beings", "except", "where"]


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shards with a 270-token vocabulary, and a validation shard."""
    from glassgpt.data import Source, prepare
    from glassgpt.tokens import learn

    folder = tmp_path_factory.mktemp("data")
    text = " ".join(WORDS[(i * i + 3 * i) % len(WORDS)] for i in range(6_000))
    (folder / "a.txt").write_text(text)
    (folder / "b.txt").write_text(text[:2_000])
    prepare([Source(folder / "a.txt")], folder / "out", learn([text], 270), valid=[Source(folder / "b.txt")])
    return folder / "out"


@pytest.fixture
def recipe():
    """Ten steps of a two-layer model, with dropout."""
    from glassgpt.model import GPT2Config
    from glassgpt.train import Recipe, Saving, Schedule, Watching

    shape = GPT2Config(vocab_size=300, context_length=16, emb_dim=24, n_heads=2, n_layers=2, drop_rate=0.1)
    return Recipe(
        model=shape,
        steps=10,
        rows=4,
        micro_rows=2,
        schedule=Schedule(warmup_steps=3),
        saving=Saving(every=5),
        watching=Watching(evaluate_every=5),
    )


@pytest.fixture
def variant(recipe):
    """The recipe with some settings changed; those of the optimizer by keyword too."""

    def change(**settings):
        inner = {name: settings.pop(name) for name in ("method", "lr", "ema") if name in settings}
        return replace(recipe, optimizer=replace(recipe.optimizer, **inner), **settings)

    return change
