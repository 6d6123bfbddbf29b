"""Packed weights are made once, found again, and made anew when anything about them has changed."""

import os
import shutil

import numpy as np
import pytest
import torch

from benchmarks.memory import peaks
from glassgpt.checkpoints import save_model, write_manifest
from glassgpt.checkpoints.places import locate
from glassgpt.checkpoints.unread import Unread
from glassgpt.engine import NativeBackend, Piece, open_native
from glassgpt.engine.native_weights import pack, pack_stored
from glassgpt.engine.packed_cache import BESIDE, find
from glassgpt.errors import InvalidParameter
from glassgpt.kernels import Unavailable
from glassgpt.model.gpt2 import Attention
from glassgpt.tokens import Tokenizer
from tests.engine.models import sharp_model
from tests.engine.test_native_backend import SHAPES
from tests.kernels.test_packed_file import arrays


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A model's folder; the user's cache is another one beside it."""
    shutil.copytree(os.environ["GLASSGPT_CACHE"], tmp_path / "cache", dirs_exist_ok=True)  # kernels are compiled once
    monkeypatch.setenv("GLASSGPT_CACHE", str(tmp_path / "cache"))
    save_model(sharp_model(), tmp_path / "model")
    return tmp_path / "model"


def unread(folder, **wanted) -> Unread:
    return Unread(locate(folder), **wanted)


def logits(backend):
    return backend.extend(backend.memory(1, 5), [Piece(0, [3, 1, 4], 3)])


def packed_in(folder):
    return sorted(path.name for path in (folder / BESIDE).iterdir()) if (folder / BESIDE).exists() else []


@pytest.mark.parametrize("weights", ["float32", "int4"])
def test_the_second_time_nothing_but_the_file_is_read_and_the_bits_are_the_same(folder, monkeypatch, weights):
    first = open_native(unread(folder), weights=weights)
    assert packed_in(folder) == [f"float32-{weights}.packed"]
    monkeypatch.setattr(Unread, "survey", lambda self: pytest.fail("the model was read"))
    second = open_native(unread(folder), weights=weights)
    assert second.config == first.config
    assert np.array_equal(logits(first), logits(second))
    plain = NativeBackend.of(sharp_model(), weights=weights)
    assert np.array_equal(logits(plain), logits(second))


def test_another_number_format_is_another_file(folder):
    open_native(unread(folder))
    open_native(unread(folder, dtype="bfloat16"))
    assert packed_in(folder) == ["bfloat16-bfloat16.packed", "float32-float32.packed"]


def test_other_weights_under_the_same_name_are_packed_anew(folder):
    open_native(unread(folder))
    save_model(sharp_model(seed=5), folder, overwrite=True)
    other = open_native(unread(folder))
    assert np.array_equal(logits(other), logits(NativeBackend.of(sharp_model(seed=5))))


def test_a_file_that_came_along_with_the_model_is_not_believed(folder, tmp_path):
    open_native(unread(folder))
    shutil.copytree(folder, tmp_path / "copy")
    assert find(unread(tmp_path / "copy"), "float32") is None


def test_in_the_users_cache_the_same_content_counts_under_other_times(folder, tmp_path):
    write_manifest(folder)
    open_native(unread(folder))
    (folder / "model.safetensors").touch()
    assert find(unread(folder), "float32") is not None
    (path,) = (tmp_path / "cache" / "packed").glob("model-*/*")
    assert path.read_bytes().count(unread(folder).stamp.encode()) == 1  # the next time a look is enough


@pytest.mark.parametrize("spoil", ["flip", "cut", "another version"])
def test_a_bad_file_is_made_anew(folder, monkeypatch, spoil):
    wanted = logits(open_native(unread(folder)))
    path = folder / BESIDE / "float32-float32.packed"
    content = bytearray(path.read_bytes())
    if spoil == "another version":
        monkeypatch.setattr("glassgpt.engine.packed_cache.source_hash", lambda: "newer")
    content[-3] ^= spoil == "flip"
    path.write_bytes(content[: len(content) - (spoil == "cut")])
    assert find(unread(folder), "float32") is None
    assert np.array_equal(logits(open_native(unread(folder))), wanted)
    assert find(unread(folder), "float32") is not None


@pytest.mark.parametrize("why", ["sealed", "linked", "forbidden"])
def test_where_nothing_may_be_put_beside_the_model_the_users_cache_is_taken(folder, tmp_path, monkeypatch, why):
    if why == "sealed":
        write_manifest(folder)
    elif why == "linked":
        (folder / "model.safetensors").rename(tmp_path / "blob")
        (folder / "model.safetensors").symlink_to(tmp_path / "blob")
    else:  # a file where the folder should be: nobody, not even root, can write into it
        (folder / BESIDE).write_text("")
    open_native(unread(folder))
    assert (folder / BESIDE).exists() == (why == "forbidden")
    assert len(list((tmp_path / "cache" / "packed").glob("model-*/float32-float32.packed"))) == 1
    monkeypatch.setattr(Unread, "survey", lambda self: pytest.fail("the model was read"))
    open_native(unread(folder))


def test_who_wants_no_cache_gets_none(folder, tmp_path):
    shutil.rmtree(tmp_path / "cache")
    backend = open_native(unread(folder), cache=False)
    assert np.array_equal(logits(backend), logits(NativeBackend.of(sharp_model())))
    shutil.rmtree(tmp_path / "cache")
    open_native(unread(folder), cache=False)
    assert packed_in(folder) == []
    assert not (tmp_path / "cache").exists()


def test_a_cache_that_cannot_be_written_only_costs_time_and_says_so_once(folder, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("glassgpt.engine.unkept._said", [])
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GLASSGPT_CACHE", str(tmp_path / "file"))
    (folder / BESIDE).write_text("")
    for _ in range(2):
        assert np.array_equal(logits(open_native(unread(folder))), logits(NativeBackend.of(sharp_model())))
    (line,) = caplog.messages  # neither packed weights nor kernels can be kept, twice
    assert "cannot be kept" in line
    assert str(tmp_path / "file") in line
    assert "GLASSGPT_CACHE" in line
    assert "\n" not in line


def test_who_wants_no_cache_is_not_told_that_there_is_none(folder, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("glassgpt.engine.unkept._said", [])
    monkeypatch.setenv("GLASSGPT_CACHE", str(tmp_path / "file"))
    (tmp_path / "file").write_text("")
    open_native(unread(folder), cache=False)
    assert not caplog.messages


def test_a_full_disk_is_a_reason_like_any_other(folder, monkeypatch, caplog):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("glassgpt.engine.unkept._said", [])
    monkeypatch.setattr("glassgpt.engine.packed_cache.write_packed", full)
    assert np.array_equal(logits(open_native(unread(folder))), logits(NativeBackend.of(sharp_model())))
    assert "No space left on device" in caplog.text


@pytest.mark.parametrize(
    ("dtype", "weights"),
    [("float32", "float32"), ("float32", "int4"), ("bfloat16", "bfloat16"), ("bfloat16", "int8")],
)
@pytest.mark.parametrize("shape", SHAPES[1:3], ids=str)
def test_what_is_packed_from_files_is_what_is_packed_from_memory(tmp_path, shape, dtype, weights):
    model = sharp_model(3, **shape)
    save_model(model, tmp_path / "model")
    wanted = pack(model.to(getattr(torch, dtype)), weights)
    found = pack_stored(unread(tmp_path / "model").survey(), dtype, weights)
    assert found.shape == wanted.shape
    assert found.shape.factors == tuple(m.scale for m in model.modules() if isinstance(m, Attention))
    assert (found.words is None) == model.config.tie_embeddings
    for ours, theirs in zip(arrays(found), arrays(wanted), strict=True):
        assert ours.dtype == theirs.dtype
        assert np.array_equal(ours, theirs)


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="this system does not tell a process's memory so")
def test_neither_packing_nor_writing_needs_pytorch_or_much_memory(tmp_path):
    """More than one tensor and its rounding are never in memory beside what is packed; after that, only the latter."""
    model = sharp_model(vocab_size=50257, context_length=64, emb_dim=256, n_heads=4, n_layers=2)
    save_model(model, tmp_path / "model", tokenizer=Tokenizer.gpt2())
    words = 4 * 50257 * 256
    tokenizer, compiler = 115e6, 75e6
    first, later = (peak - start for start, peak in peaks(tmp_path / "model", "int8", ("short", "short")))
    assert first < tokenizer + compiler + 1.25 * words + 40e6
    assert later < tokenizer + compiler + 0.25 * words + 10e6


def test_what_takes_long_is_told_once(folder, tmp_path):
    told = []
    shutil.rmtree(tmp_path / "cache")
    for _ in range(2):
        open_native(unread(folder), report=lambda what, done, goal: told.append(what))
    assert [line.split()[0] for line in told] == ["packing", "compiling"]


def test_what_is_not_to_be_had_says_why(folder):
    assert isinstance(open_native(unread(folder), "torch"), Unavailable)
    assert "float64" in open_native(unread(folder, dtype="float64")).reason
    with pytest.raises(InvalidParameter, match="float16"):
        open_native(unread(folder, dtype="float16"), "native")
    with pytest.raises(InvalidParameter, match="int5"):
        open_native(unread(folder), weights="int5")
    with pytest.raises(InvalidParameter, match="auto, native, torch"):
        open_native(unread(folder), "fast")


def test_the_model_is_read_as_it_would_be_otherwise(folder):
    assert torch.equal(unread(folder).read().wte.weight, sharp_model().wte.weight)
    assert unread(folder, dtype="bfloat16").read().wte.weight.dtype == torch.bfloat16
