"""What a CPU can do, as far as kernels care: the width of its registers and its dot instructions.

One description steers one generator. `host()` is the CPU at hand at its best; `host_variants()` are all the lesser
ones it can imitate too, down to plain vectors of four that any CPU has: so every form of a kernel can be tested on one
machine.
"""

import importlib.util
import struct
import sys
from dataclasses import dataclass
from typing import Literal

Bf16 = Literal["dpbf16", "shift"]
"""Products of bfloat16 pairs: by AVX-512's own instruction, or widened to float32 by shifts."""
Int8 = Literal["vnni", "madd", "plain"]
"""Sums of four byte products: by VNNI, by 16-bit multiply-add (x86), or multiplied one by one."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A target of the generator."""

    name: str
    cpu: str
    """LLVM's name of the CPU; with `features` it decides which instructions may appear."""
    features: str
    lanes: int
    """Float32 numbers in one vector register."""
    registers: int
    """Vector registers."""
    bf16: Bf16 = "shift"
    int8: Int8 = "plain"
    fused: bool = True
    """Whether multiply-add is one instruction."""
    pause: str = ""
    """The instruction that tells the CPU that a thread is only waiting."""


PAUSE = "llvm.x86.sse2.pause"

PORTABLE = Machine("portable", "", "", lanes=4, registers=16, fused=False)
"""What LLVM's baseline of any architecture has: SSE2 on x86-64, NEON on ARM."""
AVX2 = Machine("avx2", "x86-64-v3", "", lanes=8, registers=16, int8="madd", pause=PAUSE)
AVX2_VNNI = Machine("avx2-vnni", "x86-64-v3", "+avxvnni", lanes=8, registers=16, int8="vnni", pause=PAUSE)
AVX512 = Machine("avx512", "x86-64-v4", "", lanes=16, registers=32, int8="madd", pause=PAUSE)
AVX512_VNNI = Machine("avx512-vnni", "x86-64-v4", "+avx512vnni", lanes=16, registers=32, int8="vnni", pause=PAUSE)
AVX512_BF16 = Machine(
    "avx512-bf16",
    "x86-64-v4",
    "+avx512vnni,+avx512bf16",
    lanes=16,
    registers=32,
    bf16="dpbf16",
    int8="vnni",
    pause=PAUSE,
)
NEON = Machine("neon", "", "", lanes=4, registers=32, fused=True)

NEEDS: dict[Machine, frozenset[str]] = {
    AVX512_BF16: frozenset({"avx512f", "avx512bw", "avx512vl", "avx512dq", "avx512vnni", "avx512bf16"}),
    AVX512_VNNI: frozenset({"avx512f", "avx512bw", "avx512vl", "avx512dq", "avx512vnni"}),
    AVX512: frozenset({"avx512f", "avx512bw", "avx512vl", "avx512dq"}),
    AVX2_VNNI: frozenset({"avx2", "fma", "bmi2", "f16c", "avxvnni"}),
    AVX2: frozenset({"avx2", "fma", "bmi2", "f16c"}),
    PORTABLE: frozenset(),
}
"""The x86 variants, best first, with the CPU features that each needs."""


def variants(triple: str, features: frozenset[str]) -> list[Machine]:
    """Every variant that runs on a CPU of this kind with these features, best first.

    >>> [machine.name for machine in variants("x86_64-unknown-linux-gnu", frozenset({"avx2", "fma", "bmi2", "f16c"}))]
    ['avx2', 'portable']
    >>> [machine.name for machine in variants("arm64-apple-darwin", frozenset())]
    ['neon', 'portable']
    """
    architecture = triple.split("-")[0]
    if architecture in ("aarch64", "arm64"):
        return [NEON, PORTABLE]
    if architecture in ("x86_64", "amd64"):
        return [machine for machine, needs in NEEDS.items() if needs <= features]
    return [PORTABLE]


def host() -> Machine:
    """The best variant for the CPU at hand."""
    return host_variants()[0]


def host_variants() -> list[Machine]:
    """Every variant that the CPU at hand can run, best first."""
    import llvmlite.binding as llvm

    has = frozenset(name for name, present in llvm.get_host_cpu_features().items() if present)
    return variants(llvm.get_process_triple(), has)


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Why there can be no kernels here, and what would help."""

    reason: str
    advice: str

    def __str__(self) -> str:
        return f"no native kernels: {self.reason}; {self.advice}"


def unavailable() -> Unavailable | None:
    """What stands in the way of kernels, if anything does; PyTorch runs everywhere."""
    if struct.calcsize("P") != 8 or sys.byteorder != "little":
        return Unavailable("they need a 64-bit, little-endian CPU and Python", "PyTorch's own kernels run instead")
    if importlib.util.find_spec("llvmlite") is None:
        return Unavailable("llvmlite is not installed", "pip install llvmlite")
    try:
        host()
    except (ImportError, OSError, RuntimeError) as error:
        return Unavailable(f"llvmlite does not work here ({error})", "pip install --force-reinstall llvmlite")
    return None
