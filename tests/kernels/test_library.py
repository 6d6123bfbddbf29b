"""Compiled kernels are kept on disk, and made anew when anything about them is wrong; other CPUs compile too."""

import importlib.util
import sys

import pytest

from glassgpt.kernels import library as module
from glassgpt.kernels.ir import Module
from glassgpt.kernels.layout import BFLOAT16, FLOAT32, INT8
from glassgpt.kernels.library import Design, build, load
from glassgpt.kernels.machine import NEON, PORTABLE, host, unavailable, variants

DESIGN = Design(FLOAT32, FLOAT32, FLOAT32, "gelu_new")


@pytest.fixture
def compilations(monkeypatch):
    """How often something was compiled; only the crew is, which takes no time."""
    count = []

    def build(machine, design):
        count.append(design)
        small = Module()
        module.add_sharing(small, machine)
        return small

    monkeypatch.setattr(module, "build", build)
    return count


def test_kernels_are_compiled_once(tmp_path, compilations):
    for _ in range(3):
        assert load(host(), DESIGN, tmp_path / "a" / "b").address("run")
    assert len(compilations) == 1
    load(host(), Design(FLOAT32, FLOAT32, FLOAT32, "relu"), tmp_path / "a" / "b")
    assert len(compilations) == 2
    assert len(list((tmp_path / "a" / "b").iterdir())) == 2


@pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b"", lambda b: b[:50] + b"x" + b[51:]])
def test_a_damaged_file_is_made_anew(tmp_path, compilations, damage):
    load(host(), DESIGN, tmp_path)
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    assert load(host(), DESIGN, tmp_path).address("run")
    assert len(compilations) == 2
    assert file.read_bytes() == whole


def test_a_folder_that_cannot_be_written_costs_only_time(tmp_path, compilations):
    (tmp_path / "file").write_text("in the way")
    for folder in (None, tmp_path / "file"):
        assert load(host(), DESIGN, folder).address("run")
    assert len(compilations) == 2


@pytest.mark.slow
@pytest.mark.parametrize("triple", ["aarch64-unknown-linux-gnu", "x86_64-unknown-linux-gnu"])
def test_portable_kernels_compile_for_other_cpus_and_call_nothing_outside(triple):
    import llvmlite.binding as llvm

    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    machine = NEON if triple.startswith("aarch64") else PORTABLE
    parsed = llvm.parse_assembly(str(build(machine, Design(INT8, INT8, BFLOAT16, "gelu_new"))))
    parsed.triple = triple
    text = llvm.Target.from_triple(triple).create_target_machine(opt=1).emit_assembly(parsed)
    defined = {line[:-1] for line in text.splitlines() if line.endswith(":")}
    called = {line.split()[1] for line in text.splitlines() if line.split()[:1] in (["bl"], ["callq"])}
    assert {name for name in called if name[0] not in "*%"} <= defined


def test_each_cpu_gets_the_best_it_can_run():
    full = frozenset({"avx2", "fma", "bmi2", "f16c", "avx512f", "avx512bw", "avx512vl", "avx512dq"})
    names = {
        triple: [machine.name for machine in variants(triple, features)]
        for triple, features in {"x86_64-linux": full, "arm64-apple": frozenset(), "riscv64-linux": frozenset()}.items()
    }
    assert names["x86_64-linux"] == ["avx512", "avx2", "portable"]
    assert names["arm64-apple"] == ["neon", "portable"]
    assert names["riscv64-linux"] == ["portable"]


def test_what_is_missing_is_said_and_what_helps(monkeypatch):
    assert unavailable() is None
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert str(unavailable()) == "no native kernels: llvmlite is not installed; pip install llvmlite"
    monkeypatch.setattr(sys, "byteorder", "big")
    assert "little-endian" in unavailable().reason
