"""From IR to machine code for this very CPU: compiled once, kept on disk, loaded in milliseconds after that.

A file is used only if it was made by the same source, the same LLVM, for the same CPU; its first bytes are the hash of
the rest, so a damaged one is made anew. It lies in the user's own cache folder and holds code that will run: whoever
can write there can also replace the program itself.
"""

import ctypes
import hashlib
import importlib
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from glassgpt.kernels.arithmetic import ACTIVATION
from glassgpt.kernels.attend import add_attend
from glassgpt.kernels.embed import add_embed
from glassgpt.kernels.ir import Module
from glassgpt.kernels.layout import Format
from glassgpt.kernels.linear import add_linear, ask_add, finish_activate, finish_add, finish_logits, finish_scatter
from glassgpt.kernels.machine import Machine, host
from glassgpt.kernels.normalize import add_normalize
from glassgpt.kernels.sharing import add_sharing
from glassgpt.kernels.tile import add_tiles

if TYPE_CHECKING:
    from llvmlite.binding import TargetMachine


@dataclass(frozen=True, slots=True)
class Design:
    """Which kernels a model needs."""

    body: Format
    """Of the matrices in the blocks."""
    head: Format
    cache: Format
    activation: str


def build(machine: Machine, design: Design) -> Module:
    """All kernels of a design, in IR."""
    assert design.activation in ACTIVATION
    module = Module()
    for form in dict.fromkeys((design.body, design.head, design.cache)):
        add_tiles(module, machine, form)
    add_embed(module, design.head)
    for form in dict.fromkeys((design.body, design.head)):
        add_normalize(module, machine, form)
    add_linear(module, machine, design.body, "scatter", finish_scatter(design.cache))
    add_linear(module, machine, design.body, "add", finish_add, ask_add)
    add_linear(module, machine, design.body, "activate", finish_activate(design.activation, design.body))
    add_linear(module, machine, design.head, "logits", finish_logits)
    add_attend(module, machine, design.cache, design.body)
    add_sharing(module, machine)
    return module


def compile_module(module: Module, machine: Machine, *, assembly: bool = False) -> bytes:
    """Machine code as an object file, or as text to read."""
    llvm = _llvm()
    parsed = llvm.parse_assembly(str(module))
    parsed.triple = llvm.get_process_triple()
    parsed.verify()
    target = _target_of(machine)
    return target.emit_assembly(parsed).encode() if assembly else target.emit_object(parsed)


def _target_of(machine: Machine) -> "TargetMachine":
    """LLVM's idea of the machine; the best variant is tuned for the CPU at hand, by name."""
    llvm = _llvm()
    cpu, features = machine.cpu, machine.features
    if machine == host():
        cpu = llvm.get_host_cpu_name()
        features = ",".join(filter(None, (llvm.get_host_cpu_features().flatten(), features)))
    return llvm.Target.from_triple(llvm.get_process_triple()).create_target_machine(
        cpu=cpu, features=features, opt=3, jit=True
    )


def _llvm() -> ModuleType:
    """LLVM, imported when it is needed: everything else works without it."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm


class Library:
    """Compiled kernels; the code lives as long as this object."""

    def __init__(self, code: bytes) -> None:
        llvm = _llvm()
        self._engine = llvm.create_mcjit_compiler(
            llvm.parse_assembly(""), llvm.Target.from_default_triple().create_target_machine()
        )
        self._engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        self._engine.finalize_object()

    def function(self, name: str, words: int) -> Callable[..., None]:
        """A kernel that takes so many numbers or addresses of 64 bits. Other threads of Python run meanwhile."""
        function = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * words)(self.address(name))
        function.library = self  # the code must not be freed before it  # pyrefly: ignore[missing-attribute]
        return function

    def address(self, name: str) -> int:
        """Where a kernel begins."""
        address = self._engine.get_function_address(name)
        assert address, f"no kernel {name}"
        return address


def load(
    machine: Machine, design: Design, folder: Path | None = None, unkept: Callable[[OSError], None] | None = None
) -> Library:
    """Kernels from `folder`, compiled and put there if need be; without a folder they are compiled each time.

    A folder that cannot be written only costs time; `unkept` is told why.
    """
    if folder is None:
        return Library(compile_module(build(machine, design), machine))
    path = folder / f"{_key(machine, design)}.o"
    code = _read(path)
    if code is None:
        code = compile_module(build(machine, design), machine)
        try:
            _write(path, code)
        except OSError as error:
            if unkept is not None:
                unkept(error)
    return Library(code)


def is_compiled(machine: Machine, design: Design, folder: Path | None) -> bool:
    """Whether `load` would find the kernels; if not, compiling them takes seconds."""
    return folder is not None and (folder / f"{_key(machine, design)}.o").is_file()


def _key(machine: Machine, design: Design) -> str:
    """Names everything that the code depends on."""
    llvm, llvmlite = _llvm(), importlib.import_module("llvmlite")
    cpu = (llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten(), llvm.get_process_triple())
    facts = (machine, design, cpu, llvmlite.__version__, llvm.llvm_version_info, source_hash())
    return f"{machine.name}-{hashlib.sha256(repr(facts).encode()).hexdigest()[:32]}"


@cache
def source_hash() -> str:
    """Names this version of the kernels: a hash of all their source."""
    source = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        source.update(path.read_bytes())
    return source.hexdigest()


def _read(path: Path) -> bytes | None:
    try:
        data = path.read_bytes()
    except OSError:
        return None
    mark, code = data[:32], data[32:]
    return code if hashlib.sha256(code).digest() == mark else None


def _write(path: Path, code: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(hashlib.sha256(code).digest() + code)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
