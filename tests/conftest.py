"""Fixtures every test may use: data beside the clone, and a model small enough to run anywhere.

GlassGPT is imported inside the fixtures: pytest installs the shape checks (`--jaxtyping-packages`) only after it has
read this file, and modules imported before that would go unchecked.
"""

import atexit
import os
import shutil
import signal
import tempfile
from pathlib import Path

import hypothesis
import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]

hypothesis.settings.register_profile("local", deadline=None, database=None)
hypothesis.settings.register_profile("ci", deadline=None, database=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "local")

# The models of the tests are small: a second thread costs them more than it brings, far more on a busy machine.
# The same goes for programs that a test starts; torchrun prints a warning where nothing is said.
torch.set_num_threads(1)
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Packed weights and compiled kernels of tests are made once for all of them, and leave the user's own alone.
os.environ["GLASSGPT_CACHE"] = tempfile.mkdtemp(prefix="glassgpt-cache-")
atexit.register(shutil.rmtree, os.environ["GLASSGPT_CACHE"], ignore_errors=True)

# A shell starts jobs in the background with Ctrl-C ignored, and what is ignored stays so in all their children.
signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

# Programs that a test starts import this checkout too.
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT / "src"), os.environ.get("PYTHONPATH")]))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip, with the reason, what this machine cannot run, and what takes hours unless it is asked for."""
    reasons = {}
    if "release" not in config.option.markexpr:
        reasons["release"] = "takes hours: ask for it with -m release"
    if not torch.cuda.is_available():
        reasons["gpu"] = "PyTorch finds no CUDA device here"
    if not os.environ.get("GLASSGPT_GPT2_DIR"):
        reasons["weights"] = "GLASSGPT_GPT2_DIR does not say where the published GPT-2 weights lie"
    for item in items:
        for marker, reason in reasons.items():
            if item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


def beside(name: str) -> Path:
    """A folder of test data that lies beside the clone, or where GLASSGPT_SHARED says."""
    folder = Path(os.environ.get("GLASSGPT_SHARED", ROOT.parent / "shared")) / name
    if not folder.is_dir():
        pytest.skip(f"test data not found: no folder {folder} (set GLASSGPT_SHARED to where it lies)")
    return folder


@pytest.fixture(scope="session")
def root() -> Path:
    """The top of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of corpora, vectors and reference figures."""
    return beside("data")


@pytest.fixture(scope="session")
def shared_fixtures() -> Path:
    """The folder of files written by other programs, such as TensorFlow."""
    return beside("fixtures")


@pytest.fixture
def config():
    """A GPT-2 shape with odd numbers everywhere: 3 heads of width 8, 2 blocks, 61 words, 24 positions."""
    from glassgpt.model import GPT2Config

    return GPT2Config(vocab_size=61, context_length=24, emb_dim=24, n_heads=3, n_layers=2, drop_rate=0.0)


@pytest.fixture
def model(config):
    """That shape with OpenAI's initial weights, in eval mode."""
    from glassgpt.model import GPT2, initialize

    return initialize(GPT2(config), seed=0).eval()


@pytest.fixture
def ids(config) -> torch.Tensor:
    """Three rows of eleven tokens."""
    generator = torch.Generator().manual_seed(1)
    return torch.randint(config.vocab_size, (3, 11), generator=generator)


@pytest.fixture(scope="session")
def small_tokenizer():
    """290 tokens that know a few words."""
    from glassgpt.tokens import learn

    return learn(["the quick brown fox jumps over the lazy dog, and the dog does not care at all. "] * 4, 290)


@pytest.fixture(scope="session")
def small_folder(small_tokenizer, tmp_path_factory):
    """A folder with a small random model whose choices differ: 290 tokens, a window of 48."""
    from glassgpt.checkpoints import save_model
    from glassgpt.model import GPT2, GPT2Config, initialize

    shape = GPT2Config(vocab_size=small_tokenizer.vocab_size, context_length=48, emb_dim=24, n_heads=3, n_layers=2)
    network = initialize(GPT2(shape), seed=3).eval()
    with torch.no_grad():
        network.wte.weight.mul_(20)
    folder = tmp_path_factory.mktemp("models") / "tiny"
    save_model(network, folder, tokenizer=small_tokenizer)
    return folder
