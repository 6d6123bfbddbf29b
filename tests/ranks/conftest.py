"""Programs on several ranks, started once for all tests that read what they leave behind."""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from safetensors.torch import load_file

WORDS = ["the", "robot", "must", "obey", "orders", "given", "it", "by", "human", "beings", "except", "where"]


@dataclass(frozen=True)
class Left:
    """What the ranks of one start of `program.py` wrote."""

    folder: Path
    world: int

    def talk(self) -> list[dict[str, object]]:
        return [json.loads((self.folder / f"talk-{rank}.json").read_text()) for rank in range(self.world)]

    def steps(self, case: str, method: str):
        """Losses, lengths and weights, rank by rank."""
        stems = [self.folder / f"{case}-{method}-{rank}" for rank in range(self.world)]
        return [
            (*json.loads(stem.with_suffix(".json").read_text()), load_file(stem.with_suffix(".safetensors")))
            for stem in stems
        ]


def torchrun(world: int, *arguments: str, timeout: float = 240.0) -> subprocess.CompletedProcess[str]:
    """Run a module on several ranks of this host; warnings are errors there too."""
    launcher = [sys.executable, "-W", "error", "-m", "torch.distributed.run", "--standalone"]
    command = [*launcher, "--nproc-per-node", str(world), "-m", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)


def left_by(folder: Path, world: int, *cases: str) -> Left:
    done = torchrun(world, "tests.ranks.program", str(folder), *cases)
    assert done.returncode == 0, done.stderr
    return Left(folder, world)


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shards with a 270-token vocabulary, and a validation shard."""
    from glassgpt.data import Source, prepare
    from glassgpt.tokens import learn

    folder = tmp_path_factory.mktemp("data")
    text = " ".join(WORDS[(i * i + 3 * i) % len(WORDS)] for i in range(3_000))
    (folder / "a.txt").write_text(text)
    (folder / "b.txt").write_text(text[:2_000])
    prepare([Source(folder / "a.txt")], folder / "out", learn([text], 270), valid=[Source(folder / "b.txt")])
    return folder / "out"


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Path:
    """Runs by one process, `alone`, and by two: see `runs.py`."""
    from glassgpt.train import Run, train
    from tests.ranks.runs import RECIPE, WAYS

    folder = tmp_path_factory.mktemp("runs")
    train(RECIPE, folder / "alone", data)
    for way in WAYS:
        shutil.copytree(folder / "alone", folder / f"begun-{way}")
        shutil.rmtree(Run(folder / f"begun-{way}").folder(10))
    done = torchrun(2, "tests.ranks.runs", str(data), str(folder))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return folder


@pytest.fixture(scope="session")
def two_ranks(tmp_path_factory: pytest.TempPathFactory) -> Left:
    cases = [f"{case}:{method}" for case in ("copies", "fsdp", "tensor") for method in ("adamw",)]
    return left_by(tmp_path_factory.mktemp("two"), 2, *cases)


@pytest.fixture(scope="session")
def four_ranks(tmp_path_factory: pytest.TempPathFactory) -> Left:
    return left_by(tmp_path_factory.mktemp("four"), 4, "copies:adamw", "grid:adamw")
