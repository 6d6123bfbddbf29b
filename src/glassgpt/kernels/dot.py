"""The one instruction that differs between formats and CPUs: sum += weights · row, in every lane.

Registers come as 32-bit lanes. A lane of weights holds one step of one output; every lane of the row holds the same
four bytes. What they mean depends on the format.
"""

from collections.abc import Callable
from dataclasses import dataclass

from glassgpt.kernels.arithmetic import multiply_add
from glassgpt.kernels.ir import Function, Value
from glassgpt.kernels.layout import BFLOAT16, FLOAT32, INT4, INT8, Format
from glassgpt.kernels.machine import Machine
from glassgpt.kernels.types_of_llvm import I8, I16, Type

Multiply = Callable[[Function, Value, Value, Value], Value]
"""(function, sum, weights, row) -> sum"""
LOW_HALVES = 0x0F0F0F0F
SIGNS = -0x7F7F7F80
"""0x80808080: the highest bit of four bytes; turning it over takes 128 from a byte and makes it signed."""


@dataclass(frozen=True, slots=True)
class Dot:
    """How one format is multiplied on one machine."""

    form: Format
    machine: Machine
    multiply: Multiply

    @property
    def lanes(self) -> int:
        """Outputs in a register."""
        return self.machine.lanes

    @property
    def halves(self) -> int:
        """How many steps 256 bytes hold."""
        return 2 if self.form is INT4 else 1

    @property
    def centred(self) -> bool:
        """Whether weights lose their offset before they are multiplied: then sums begin at zero."""
        return self.form is INT8 and self.machine.int8 == "sdot"

    @property
    def parts(self) -> int:
        """Into how many registers one of weights is taken apart."""
        split = self.machine.bf16 == "shift" if self.form is BFLOAT16 else self.machine.int8 in ("madd", "plain")
        return 2 if self.form is INT4 or (split and self.form is not FLOAT32) else 1

    def part(self, weight: Value, half: int) -> Value:
        """The bytes of one step: as stored, or the low or high halves of all bytes."""
        if self.form is not INT4:
            return weight ^ SIGNS if self.centred else weight
        return (weight >> 4 if half else weight) & LOW_HALVES


def dot_of(machine: Machine, form: Format) -> Dot:
    """The best way this machine has."""

    def float32(f: Function, total: Value, w: Value, x: Value) -> Value:
        wide = total.type
        return multiply_add(f, machine, f.bits(w, wide), f.bits(x, wide), total)

    def shift(f: Function, total: Value, w: Value, x: Value) -> Value:
        """Bfloat16 is the upper half of float32: one of the pair by a shift, the other by a mask."""
        total = float32(f, total, w << 16, x << 16)
        return float32(f, total, w & -65536, x & -65536)

    if form is FLOAT32:
        return Dot(form, machine, float32)
    if form is BFLOAT16:
        return Dot(form, machine, {"dpbf16": _dpbf16, "bfdot": _bfdot, "shift": shift}[machine.bf16])
    return Dot(form, machine, {"vnni": _vnni, "madd": _madd, "sdot": _sdot, "plain": _plain}[machine.int8])


def _dpbf16(f: Function, total: Value, w: Value, x: Value) -> Value:
    lanes = total.type.lanes
    pairs = Type("bfloat", 2 * lanes)
    name = f"llvm.x86.avx512bf16.dpbf16ps.{32 * lanes}"
    return f.intrinsic(name, total.type, total, f.bits(w, pairs), f.bits(x, pairs))


def _bfdot(f: Function, total: Value, w: Value, x: Value) -> Value:
    pairs = Type("bfloat", 2 * total.type.lanes)
    name = f"llvm.aarch64.neon.bfdot.v{total.type.lanes}f32.v{pairs.lanes}bf16"
    return f.intrinsic(name, total.type, total, f.bits(w, pairs), f.bits(x, pairs))


def _vnni(f: Function, total: Value, w: Value, x: Value) -> Value:
    """Unsigned bytes of the first times signed bytes of the second."""
    return f.intrinsic(f"llvm.x86.avx512.vpdpbusd.{32 * total.type.lanes}", total.type, total, w, x)


def _sdot(f: Function, total: Value, w: Value, x: Value) -> Value:
    """Signed bytes times signed bytes."""
    bytes_ = I8.of(4 * total.type.lanes)
    name = f"llvm.aarch64.neon.sdot.v{total.type.lanes}i32.v{bytes_.lanes}i8"
    return f.intrinsic(name, total.type, total, f.bits(w, bytes_), f.bits(x, bytes_))


def _madd(f: Function, total: Value, w: Value, x: Value) -> Value:
    """Bytes widened to 16 bits, the even ones and the odd ones; the instruction adds products of neighbours."""
    words = I16.of(2 * total.type.lanes)
    w, x = f.bits(w, words), f.bits(x, words)
    name = {4: "sse2.pmadd.wd", 8: "avx2.pmadd.wd", 16: "avx512.pmaddw.d.512"}[total.type.lanes]
    for left, right in ((w & 0x00FF, (x << 8).signed_shift(8)), (w >> 8, x.signed_shift(8))):
        total = total + f.intrinsic(f"llvm.x86.{name}", total.type, left, right)
    return total


def _plain(f: Function, total: Value, w: Value, x: Value) -> Value:
    """Byte by byte, with no instruction that some CPU might lack."""
    for byte in range(4):
        unsigned = (w >> 8 * byte) & 0xFF
        signed = (x << 24 - 8 * byte).signed_shift(24)
        total = total + unsigned * signed
    return total
