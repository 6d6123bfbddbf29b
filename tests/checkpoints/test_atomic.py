"""A folder appears whole or not at all."""

import subprocess
import sys

import pytest

from glassgpt.checkpoints.atomic import discard, new_file, new_folder, sweep
from glassgpt.errors import CheckpointError

CRASHING = """
import importlib.util, os, sys
spec = importlib.util.spec_from_file_location("atomic", sys.argv[1])
atomic = importlib.util.module_from_spec(spec)
spec.loader.exec_module(atomic)
target, action, crash_at = sys.argv[2], sys.argv[3], int(sys.argv[4])
calls = 0

def dying(real):
    def call(*args, **kwargs):
        global calls
        calls += 1
        if calls == crash_at:
            os._exit(9)
        result = real(*args, **kwargs)
        calls += 1
        if calls == crash_at:
            os._exit(9)
        return result
    return call

for name in ("mkdir", "rename", "replace", "fsync", "unlink", "rmdir"):
    setattr(os, name, dying(getattr(os, name)))
if action == "discard":
    atomic.discard(target)
else:
    with atomic.new_folder(target, replace=True) as folder:
        for name in ("a", "b"):
            (folder / name).write_text("new")
"""


def content(folder):
    return {path.name: path.read_text() for path in folder.iterdir()} if folder.is_dir() else None


def fill(folder, text):
    folder.mkdir()
    for name in ("a", "b"):
        (folder / name).write_text(text)


def test_a_finished_folder_appears_under_its_name(tmp_path):
    with new_folder(tmp_path / "deep" / "x") as folder:
        (folder / "a").write_text("1")
        assert not (tmp_path / "deep" / "x").exists()
    assert content(tmp_path / "deep" / "x") == {"a": "1"}
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["x"]


def interrupt(path):
    path.write_text("half")
    raise KeyboardInterrupt


def test_an_exception_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), new_folder(tmp_path / "x") as folder:
        interrupt(folder / "a")
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_is_refused_and_kept(tmp_path):
    fill(tmp_path / "x", "old")
    with pytest.raises(CheckpointError, match="exists already"), new_folder(tmp_path / "x"):
        pass
    assert content(tmp_path / "x") == {"a": "old", "b": "old"}


def test_a_folder_that_appears_meanwhile_is_refused_and_kept(tmp_path):
    with pytest.raises(CheckpointError, match="exists already"), new_folder(tmp_path / "x"):
        fill(tmp_path / "x", "theirs")
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    assert content(tmp_path / "x") == {"a": "theirs", "b": "theirs"}


def test_an_empty_folder_may_be_filled(tmp_path):
    (tmp_path / "x").mkdir()
    with new_folder(tmp_path / "x") as folder:
        (folder / "a").write_text("1")
    assert content(tmp_path / "x") == {"a": "1"}


def test_a_file_in_the_way_is_refused_even_when_replacing(tmp_path):
    (tmp_path / "x").write_text("precious")
    with pytest.raises(CheckpointError, match="not a folder"), new_folder(tmp_path / "x", replace=True):
        pass
    assert (tmp_path / "x").read_text() == "precious"


def test_replacing_swaps_the_whole_folder(tmp_path):
    fill(tmp_path / "x", "old")
    with new_folder(tmp_path / "x", replace=True) as folder:
        (folder / "c").write_text("new")
    assert content(tmp_path / "x") == {"c": "new"}
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_failed_replacement_keeps_the_old_folder(tmp_path):
    fill(tmp_path / "x", "old")
    with pytest.raises(OSError, match="disk full"), new_folder(tmp_path / "x", replace=True):
        raise OSError("disk full")
    assert content(tmp_path / "x") == {"a": "old", "b": "old"}


def test_a_new_file_replaces_the_old_one_only_when_whole(tmp_path):
    (tmp_path / "f").write_text("old")
    with pytest.raises(KeyboardInterrupt), new_file(tmp_path / "f") as path:
        interrupt(path)
    assert content(tmp_path) == {"f": "old"}
    with new_file(tmp_path / "f") as path:
        path.write_text("new")
    assert content(tmp_path) == {"f": "new"}


def test_discarding_and_sweeping_leave_only_what_counts(tmp_path):
    fill(tmp_path / "keep", "1")
    fill(tmp_path / "drop", "1")
    fill(tmp_path / ".tmp-x-1", "1")
    fill(tmp_path / ".del-y-1", "1")
    fill(tmp_path / ".old-keep-1", "0")
    (tmp_path / ".tmp-file-1").write_text("1")
    discard(tmp_path / "drop")
    sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["keep"]
    assert content(tmp_path / "keep") == {"a": "1", "b": "1"}


@pytest.mark.slow
@pytest.mark.parametrize("action", ["create", "replace", "discard"])
def test_a_process_killed_at_any_step_leaves_the_old_folder_or_the_new_one(tmp_path, action, root):
    old, new = {"a": "old", "b": "old"}, {"a": "new", "b": "new"}
    allowed = {"create": [None, new], "replace": [old, new], "discard": [old, None]}[action]
    for crash_at in range(1, 60):
        parent = tmp_path / str(crash_at)
        parent.mkdir()
        if action != "create":
            fill(parent / "x", "old")
        program = [sys.executable, "-c", CRASHING, root / "src/glassgpt/checkpoints/atomic.py"]
        done = subprocess.run([*program, parent / "x", action, str(crash_at)], timeout=60)
        sweep(parent)
        assert content(parent / "x") in allowed
        assert [path.name for path in parent.iterdir()] in ([], ["x"])
        if done.returncode == 0:
            break
    assert done.returncode == 0
    assert crash_at > 5
    assert content(parent / "x") == (None if action == "discard" else new)
