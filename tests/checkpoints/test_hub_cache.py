"""The shared cache is read by its own rules, and never beyond its own folder."""

from pathlib import Path

import pytest

from glassgpt.checkpoints.hub_cache import cached_snapshot, hub_cache
from glassgpt.errors import CheckpointError


@pytest.fixture
def repo(tmp_path):
    """A cached repository with config and weights."""
    home = tmp_path / "models--org--name"
    for folder in ("blobs", "refs", "snapshots/c0ffee"):
        (home / folder).mkdir(parents=True)
    (home / "refs" / "main").write_text("c0ffee\n")
    for name in ("config.json", "model.safetensors"):
        (home / "blobs" / name).write_text(name)
        (home / "snapshots" / "c0ffee" / name).symlink_to(f"../../blobs/{name}")
    return home


def snapshot(repo):
    return cached_snapshot("org/name", {"HF_HUB_CACHE": str(repo.parent)})


def test_the_main_revision_is_found(repo):
    assert snapshot(repo) == repo / "snapshots" / "c0ffee"


def test_a_sharded_model_is_found(repo):
    (repo / "snapshots/c0ffee/model.safetensors").rename(repo / "snapshots/c0ffee/model.safetensors.index.json")
    assert snapshot(repo) == repo / "snapshots" / "c0ffee"


@pytest.mark.parametrize("name", ["snapshots/c0ffee/config.json", "blobs/model.safetensors", "refs/main"])
def test_an_incomplete_entry_does_not_count(repo, name):
    (repo / name).unlink()
    assert snapshot(repo) is None


@pytest.mark.parametrize("commit", ["../../../secret", "", "/etc", "a/b", "..", "\0", "x" * 300])
def test_a_forged_revision_does_not_lead_elsewhere(repo, commit):
    (repo / "refs" / "main").write_text(commit)
    assert snapshot(repo) is None


def test_a_link_out_of_the_repository_is_refused(repo, tmp_path):
    (tmp_path / "secret").write_text("x")
    (repo / "snapshots" / "c0ffee" / "vocab.json").symlink_to(tmp_path / "secret")
    with pytest.raises(CheckpointError, match=r"vocab\.json points out of"):
        snapshot(repo)


def test_a_loop_of_links_does_not_count(repo):
    path = repo / "snapshots" / "c0ffee" / "config.json"
    path.unlink()
    path.symlink_to("config.json")
    assert snapshot(repo) is None


@pytest.mark.parametrize(
    ("environment", "place"),
    [
        ({"HF_HUB_CACHE": "/a", "HF_HOME": "/b"}, "/a"),
        ({"HUGGINGFACE_HUB_CACHE": "/a"}, "/a"),
        ({"HF_HOME": "/b"}, "/b/hub"),
        ({"XDG_CACHE_HOME": "/c"}, "/c/huggingface/hub"),
    ],
)
def test_the_variables_of_the_hubs_library_are_honoured(environment, place):
    assert hub_cache(environment) == Path(place)


def test_by_default_it_is_in_the_users_cache(monkeypatch):
    monkeypatch.setenv("HOME", "/home/someone")
    assert hub_cache({}) == Path("/home/someone/.cache/huggingface/hub")
