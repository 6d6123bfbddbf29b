"""Every change to a described folder is found, and the file is named."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgpt.checkpoints import verify_manifest, write_manifest
from glassgpt.errors import CheckpointError


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "tokenizer").mkdir()
    (tmp_path / "weights").write_bytes(bytes(range(256)))
    (tmp_path / "tokenizer" / "vocab").write_text("words")
    write_manifest(tmp_path)
    return tmp_path


def test_an_untouched_folder_verifies(folder):
    verify_manifest(folder)


def test_writing_it_again_changes_nothing(folder):
    before = (folder / "manifest.json").read_bytes()
    write_manifest(folder)
    assert (folder / "manifest.json").read_bytes() == before


@settings(max_examples=50)
@given(bit=st.integers(0, 256 * 8 - 1))
def test_any_flipped_bit_is_found(tmp_path_factory, bit):
    folder = tmp_path_factory.mktemp("flip")
    data = bytearray(range(256))
    (folder / "weights").write_bytes(data)
    write_manifest(folder)
    data[bit // 8] ^= 1 << bit % 8
    (folder / "weights").write_bytes(data)
    with pytest.raises(CheckpointError, match=r"weights is damaged"):
        verify_manifest(folder)


def test_a_cut_off_file_is_named(folder):
    (folder / "weights").write_bytes(b"short")
    with pytest.raises(CheckpointError, match=r"weights has 5 bytes"):
        verify_manifest(folder)


def test_a_missing_file_is_named(folder):
    (folder / "tokenizer" / "vocab").unlink()
    with pytest.raises(CheckpointError, match=r"vocab is missing"):
        verify_manifest(folder)


def test_an_extra_file_is_named(folder):
    (folder / "tokenizer" / "other").write_text("")
    with pytest.raises(CheckpointError, match=r"other is not in the manifest"):
        verify_manifest(folder)


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"schema": 2, "files": {}}', '{"schema": 1}', '{"schema": 1, "files": []}', "\0" * 100],
)
def test_a_manifest_that_is_none_is_refused(folder, content):
    (folder / "manifest.json").write_text(content)
    with pytest.raises(CheckpointError, match=r"manifest\.json|JSON"):
        verify_manifest(folder)


def test_malformed_entries_are_refused(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    for entry in (None, 3, {}, {"size": "256"}, {"size": 256, "sha256": None}):
        manifest["files"]["weights"] = entry
        (folder / "manifest.json").write_text(json.dumps(manifest))
        with pytest.raises(CheckpointError, match="weights"):
            verify_manifest(folder)


def test_no_manifest_at_all_is_an_error(tmp_path):
    with pytest.raises(CheckpointError, match="Cannot read"):
        verify_manifest(tmp_path)
