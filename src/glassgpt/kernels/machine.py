"""What a CPU can do, as far as kernels care: the width of its registers and its dot instructions.

One description steers one generator. `host()` is the CPU at hand at its best; `host_variants()` are all the lesser
ones it can imitate too, down to plain vectors of four that any CPU has: so every form of a kernel can be tested on one
machine.
"""

import ctypes
import importlib.util
import struct
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Bf16 = Literal["dpbf16", "bfdot", "shift"]
"""Products of bfloat16 pairs: by AVX-512's or ARM's own instruction, or widened to float32 by shifts."""
Int8 = Literal["vnni", "madd", "sdot", "plain"]
"""Sums of four byte products: by VNNI or 16-bit multiply-add (x86), by ARM's own instruction, or one by one."""


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
    clock: str = ""
    """The instruction that reads a clock which runs evenly."""


CYCLES = "llvm.readcyclecounter"
STEADY = "llvm.readsteadycounter"
"""On x86 the first is even and the second missing; on ARM programs may only read the second."""
PAUSE = "llvm.x86.sse2.pause"
ISB = "llvm.aarch64.isb"
"""ARM's `yield` does nothing on most CPUs; emptying the pipeline takes about as long as x86's pause."""

PORTABLE = Machine("portable", "", "", lanes=4, registers=16, fused=False)
"""What LLVM's baseline of any architecture has: SSE2 on x86-64, NEON on ARM."""
AVX2 = Machine("avx2", "x86-64-v3", "", lanes=8, registers=16, int8="madd", pause=PAUSE, clock=CYCLES)
AVX2_VNNI = Machine("avx2-vnni", "x86-64-v3", "+avxvnni", lanes=8, registers=16, int8="vnni", pause=PAUSE, clock=CYCLES)
AVX512 = Machine("avx512", "x86-64-v4", "", lanes=16, registers=32, int8="madd", pause=PAUSE, clock=CYCLES)
AVX512_VNNI = Machine(
    "avx512-vnni", "x86-64-v4", "+avx512vnni", lanes=16, registers=32, int8="vnni", pause=PAUSE, clock=CYCLES
)
AVX512_BF16 = Machine(
    "avx512-bf16",
    "x86-64-v4",
    "+avx512vnni,+avx512bf16",
    lanes=16,
    registers=32,
    bf16="dpbf16",
    int8="vnni",
    pause=PAUSE,
    clock=CYCLES,
)
NEON = Machine("neon", "", "", lanes=4, registers=32, pause=ISB, clock=STEADY)
NEON_DOT = Machine("neon-dot", "", "+dotprod", lanes=4, registers=32, int8="sdot", pause=ISB, clock=STEADY)
NEON_BF16 = Machine(
    "neon-bf16", "", "+dotprod,+bf16", lanes=4, registers=32, bf16="bfdot", int8="sdot", pause=ISB, clock=STEADY
)

NEEDS: dict[Machine, frozenset[str]] = {
    AVX512_BF16: frozenset({"avx512f", "avx512bw", "avx512vl", "avx512dq", "avx512vnni", "avx512bf16"}),
    AVX512_VNNI: frozenset({"avx512f", "avx512bw", "avx512vl", "avx512dq", "avx512vnni"}),
    AVX512: frozenset({"avx512f", "avx512bw", "avx512vl", "avx512dq"}),
    AVX2_VNNI: frozenset({"avx2", "fma", "bmi2", "f16c", "avxvnni"}),
    AVX2: frozenset({"avx2", "fma", "bmi2", "f16c"}),
    PORTABLE: frozenset(),
}
"""The x86 variants, best first, with the CPU features that each needs."""
NEEDS_ON_ARM: dict[Machine, frozenset[str]] = {
    NEON_BF16: frozenset({"dotprod", "bf16"}),
    NEON_DOT: frozenset({"dotprod"}),
    NEON: frozenset(),
    PORTABLE: frozenset(),
}
ARM_NAMES = {"dotprod": ("asimddp", "hw.optional.arm.FEAT_DotProd"), "bf16": ("bf16", "hw.optional.arm.FEAT_BF16")}
"""What Linux (in /proc/cpuinfo) and macOS (by sysctl) call them; LLVM does not report all that a CPU has."""


def variants(triple: str, features: frozenset[str]) -> list[Machine]:
    """Every variant that runs on a CPU of this kind with these features, best first.

    >>> [machine.name for machine in variants("x86_64-unknown-linux-gnu", frozenset({"avx2", "fma", "bmi2", "f16c"}))]
    ['avx2', 'portable']
    >>> [machine.name for machine in variants("arm64-apple-darwin", frozenset({"dotprod"}))]
    ['neon-dot', 'neon', 'portable']
    """
    architecture = triple.split("-")[0]
    if architecture in ("aarch64", "arm64"):
        return [machine for machine, needs in NEEDS_ON_ARM.items() if needs <= features]
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
    return variants(llvm.get_process_triple(), has | arm_features())


def arm_features() -> frozenset[str]:
    """Which of `ARM_NAMES` the system says that this CPU has."""
    if sys.platform == "darwin":
        return frozenset(name for name, (_, key) in ARM_NAMES.items() if _sysctl(key))
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return frozenset()
    per_core = [set(line.partition(":")[2].split()) for line in lines if line.startswith("Features")]
    common = set.intersection(*per_core) if per_core else set()
    return frozenset(name for name, (word, _) in ARM_NAMES.items() if word in common)


def _sysctl(key: str) -> bool:
    """Whether macOS answers 1."""
    number, size = ctypes.c_int(0), ctypes.c_size_t(ctypes.sizeof(ctypes.c_int))
    answer = ctypes.CDLL(None).sysctlbyname(key.encode(), ctypes.byref(number), ctypes.byref(size), None, 0)
    return answer == 0 and number.value == 1


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
