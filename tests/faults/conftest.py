"""What the fault tests share: data, tiny recipes, children to kill, and the count of what was done to them.

Every test that counts runs in two sizes: with the figures of `make test`, and, marked `release`, with ten times as many
faults (`make release-faults`).
"""

import json
import os
import random
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.faults.forkserver import Nursery

WORDS = ["the", "robot", "must", "obey", "orders", "given", "it", "by", "human", "beings", "except", "where"]
INJECTED: Counter[str] = Counter()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of this takes minutes."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.timeout(9000 if item.get_closest_marker("release") else 900))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """How many of each were injected."""
    if INJECTED:
        terminalreporter.section("faults injected")
        for name in sorted(INJECTED, key=lambda name: int(name.split()[0][1:])):
            terminalreporter.write_line(f"{INJECTED[name]:>6,}  {name}")


@pytest.fixture
def injected() -> Callable[..., None]:
    """Count faults: injected("F1 kill -9", 3)."""

    def count(name: str, number: int = 1) -> None:
        INJECTED[name] += number

    return count


@pytest.fixture(params=["ci", pytest.param("release", marks=pytest.mark.release)])
def times(request: pytest.FixtureRequest) -> int:
    """What to multiply the number of faults by."""
    return 10 if request.param == "release" else 1


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """The same dice for the same test."""
    return random.Random(request.node.nodeid)


@pytest.fixture(scope="session")
def ram() -> Iterator[Path]:
    """A folder in memory where there is one: what is killed there is killed all the same, and fsync costs nothing."""
    shm = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shm if os.access(shm, os.W_OK) else None, prefix="glassgpt-") as folder:
        yield Path(folder)


@pytest.fixture
def place(ram: Path) -> Iterator[Path]:
    """An empty folder in there."""
    with tempfile.TemporaryDirectory(dir=ram) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def nursery(ram: Path) -> Iterator[Nursery]:
    """Children to be had."""
    started = Nursery(ram)
    yield started
    started.close()


@pytest.fixture(scope="session")
def data(ram: Path) -> Path:
    """Shards with a vocabulary of 270 tokens, and a validation shard."""
    from glassgpt.data import Source, prepare
    from glassgpt.tokens import learn

    text = " ".join(WORDS[(i * i + 3 * i) % len(WORDS)] for i in range(6_000))
    (ram / "a.txt").write_text(text)
    (ram / "b.txt").write_text(text[:2_000])
    prepare([Source(ram / "a.txt")], ram / "data", learn([text], 270), valid=[Source(ram / "b.txt")])
    return ram / "data"


@pytest.fixture
def recipe():
    """Twelve steps of a two-layer model with dropout, each saved."""
    from glassgpt.model import GPT2Config
    from glassgpt.train import Recipe, Saving, Schedule, Watching

    return Recipe(
        model=GPT2Config(vocab_size=270, context_length=16, emb_dim=24, n_heads=2, n_layers=2, drop_rate=0.1),
        steps=12,
        rows=4,
        micro_rows=2,
        precision="float32",
        schedule=Schedule(warmup_steps=3),
        saving=Saving(every=1),
        watching=Watching(evaluate_every=6, evaluate_tokens=200),
    )


@pytest.fixture
def variant(recipe):
    """That recipe as JSON, some keys changed: variant(steps=3, optimizer={"method": "muon"})."""
    from glassgpt.train.recipe import to_json

    def change(**settings: Any) -> dict[str, Any]:
        parts = {name: replace(getattr(recipe, name), **value) for name, value in settings.items() if _is_part(value)}
        plain = {name: value for name, value in settings.items() if not _is_part(value)}
        return to_json(replace(recipe, **parts, **plain))

    return change


def _is_part(value: object) -> bool:
    return isinstance(value, dict)


@pytest.fixture
def command(data: Path, place: Path, variant) -> Callable[..., list[str]]:
    """The command line of a training: command(run, steps=5)."""

    def build(run: Path, **settings: Any) -> list[str]:
        file = place / f"recipe-{len(list(place.iterdir()))}.json"
        file.write_text(json.dumps(variant(**settings)))
        return ["train", str(data), "--out", str(run), "--recipe", str(file), "--device", "cpu"]

    return build


def final(run: Path) -> tuple[int, dict[str, str]]:
    """The newest checkpoint that is whole: its step, and the hashes of what training left in it."""
    from glassgpt.train import Run

    folder = Run(run)
    step = folder.latest()
    assert step is not None
    files = json.loads((folder.folder(step) / "manifest.json").read_text())["files"]
    return step, {name: files[name]["sha256"] for name in ("model.safetensors", "optimizer.safetensors")}


def leftovers(run: Path) -> list[str]:
    """Temporary files and folders that nobody cleared away."""
    return [path.name for path in run.rglob(".*")]


def events(run: Path) -> list[dict[str, Any]]:
    """The lines of the log; none before the first event."""
    log = run / "log.jsonl"
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
