"""A run is followed while another program trains it."""

import signal
import subprocess
import sys

import pytest

from tests.browser.conftest import Visit, listening

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

STEP = "Number(document.querySelector('tr.on td.mono').textContent.split('/')[0].replace(/\\D/g, ''))"
CHECKPOINTS = "Number(document.querySelector('tr.on td:last-child').textContent)"
SMALL = ("--model.emb-dim", "16", "--model.n-layers", "1", "--model.context-length", "16", "--rows", "2")
ENDLESS = ("--steps", "1000000", "--saving.every", "100", "--saving.keep", "10000", "--threads", "1")


@pytest.fixture
def runs(tmp_path):
    """A folder of runs in which one trains until the test is over."""
    glassgpt = [sys.executable, "-m", "glassgpt"]
    book = tmp_path / "book.txt"
    book.write_text("the cat sat on the mat and the dog sat on the cat. " * 200)
    prepare = [*glassgpt, "data", "prepare", book, "--valid", book, "--tokenizer", "bytes", "-o", tmp_path / "data"]
    subprocess.run(prepare, capture_output=True, check=True, timeout=240)
    train = [*glassgpt, "train", tmp_path / "data", "--out", tmp_path / "runs" / "live", *SMALL, *ENDLESS]
    with subprocess.Popen(train, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as training:
        try:
            yield tmp_path / "runs"
            assert training.poll() is None, "it ended before the test"
        finally:
            training.send_signal(signal.SIGKILL)


def test_a_run_is_followed_while_it_trains_and_its_checkpoints_open(chromium, workshop, runs):
    from glassgpt.explorer import Workshop

    with listening(Workshop(workshop.subject().lm, runs=[runs], device="cpu")) as address:
        visit = Visit(chromium, address)
        while not visit_finds_a_run(visit):
            pass
        first = visit.wait(STEP)
        saved = visit.wait(CHECKPOINTS)
        assert "training" in visit.text("tr.on")
        visit.wait(f"{STEP} > {first} && {CHECKPOINTS} > {saved}")  # the page was not touched
        visit.click("main button", "Explore this step")
        visit.wait("new URLSearchParams(location.hash.split('?')[1]).get('m')?.startsWith('live@')")
        visit.page("write")
        assert visit.wait("document.querySelectorAll('main ol li button').length") == 10
        assert visit.complaints() == []
        assert visit.foreign() == []


def visit_finds_a_run(visit):
    """Open the page of runs; whether the run is there by now. The timeout of the test bounds the asking."""
    visit.open("#/train")
    visit.settle()
    return "live" in visit.text("main table")
