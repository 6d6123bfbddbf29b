"""What is kept, what goes, and that the thread writes what the loop would have written."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from glassgpt.errors import SavingFailed
from glassgpt.tokens import Tokenizer
from glassgpt.train import Run, Saved, Saving, Trouble, train
from glassgpt.train.checkpoint import Progress, Snapshot, read_snapshot
from glassgpt.train.saving import Saver


@pytest.fixture
def tokenizer(prepared: Path) -> Tokenizer:
    return Tokenizer.load(prepared / "tokenizer")


def snapshot(step: int, validation: float | None = None) -> Snapshot:
    from glassgpt.model import GPT2, GPT2Config, initialize

    shape = GPT2Config(vocab_size=270, context_length=4, emb_dim=4, n_heads=1, n_layers=1)
    weights = {name: p.detach() for name, p in initialize(GPT2(shape), step).named_parameters()}
    return Snapshot(shape, weights, {"0.0.step": torch.tensor(float(step))}, Progress(step, validation=validation))


def test_a_snapshot_comes_back_bit_for_bit(tmp_path, tokenizer):
    before = snapshot(3, 0.1)
    before.progress.left_out = [4]
    folder = Run(tmp_path).write(before, tokenizer)
    after = read_snapshot(folder)
    assert after.progress == before.progress
    for mine, theirs in ((before.weights, after.weights), (before.optimizer, after.optimizer)):
        assert mine.keys() == theirs.keys()
        assert all(torch.equal(mine[name], theirs[name]) for name in mine)


def test_the_newest_are_kept_and_the_best_besides(tmp_path, tokenizer):
    saver = Saver(Run(tmp_path), Saving(keep=2, keep_best=2), tokenizer, lambda event: None)
    for step, loss in enumerate([3.0, 1.0, None, 1.5, 9.0, 8.0], start=1):
        saver.save(snapshot(step, loss))
    assert Run(tmp_path).steps() == [2, 4, 5, 6]


def test_a_best_one_among_the_newest_takes_no_other_s_place(tmp_path, tokenizer):
    saver = Saver(Run(tmp_path), Saving(keep=2, keep_best=1), tokenizer, lambda event: None)
    for step, loss in enumerate([3.0, 2.0, 1.0], start=1):
        saver.save(snapshot(step, loss))
    assert Run(tmp_path).steps() == [2, 3]


def hashes(run: Path) -> dict[str, str]:
    names = [path for path in sorted((run / "ckpt").rglob("*")) if path.is_file()]
    return {
        str(path.relative_to(run)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in names
        if path.name not in ("trainer.json", "manifest.json")  # which hold the time that passed
    }


def test_saving_in_the_background_writes_the_same_files(tmp_path, prepared, recipe):
    train(recipe, tmp_path / "front", prepared)
    told: list[object] = []
    train(replace(recipe, saving=Saving(every=5, background=True)), tmp_path / "back", prepared, listen=told.append)
    assert hashes(tmp_path / "front") == hashes(tmp_path / "back")
    assert [event.step for event in told if isinstance(event, Saved)] == [5, 10]


def test_a_fault_in_the_background_surfaces(tmp_path, tokenizer, monkeypatch):
    monkeypatch.setattr("glassgpt.train.run.Run.write", lambda *arguments: 1 / 0)
    saver = Saver(Run(tmp_path), Saving(background=True), tokenizer, lambda event: None)
    saver.save(snapshot(1))
    with pytest.raises(ZeroDivisionError):
        saver.collect(wait=True)


def test_room_is_asked_for_with_numbers(tmp_path, tokenizer):
    saver = Saver(Run(tmp_path), Saving(), tokenizer, lambda event: None)
    with pytest.raises(SavingFailed, match=r"2,200,000,[\d,]+ bytes needed for checkpoints, [\d,]+ free"):
        saver.check_room(10**18)


def test_the_last_save_is_tried_again_at_once(tmp_path, tokenizer, monkeypatch):
    told: list[object] = []
    pauses: list[float] = []
    real, failures = Run.write, [OSError(28, "No space left on device")] * 2

    def write(run: Run, snapshot: Snapshot, tokenizer: Tokenizer) -> Path:
        if failures:
            raise failures.pop()
        return real(run, snapshot, tokenizer)

    monkeypatch.setattr(Run, "write", write)
    Saver(Run(tmp_path), Saving(), tokenizer, told.append, pauses.append).save(snapshot(7), last=True)
    assert [type(event) for event in told] == [Trouble, Trouble, Saved]
    assert len(pauses) == 2
    assert Run(tmp_path).latest() == 7


def test_an_old_checkpoint_that_cannot_be_removed_is_told_and_kept(tmp_path, tokenizer, monkeypatch):
    told: list[object] = []
    saver = Saver(Run(tmp_path), Saving(), tokenizer, told.append)
    for step in (1, 2):
        saver.save(snapshot(step))

    def fail(folder: Path) -> None:
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr("glassgpt.train.run.discard", fail)
    saver.save(snapshot(3))
    assert Run(tmp_path).steps() == [1, 2, 3]
    assert isinstance(told[-1], Trouble)
    assert "Permission denied" in told[-1].message
