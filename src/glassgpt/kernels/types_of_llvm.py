"""The types that kernels compute with, as LLVM writes them."""

import struct
from dataclasses import dataclass

Number = int | float
FLOATS = ("float", "double", "bfloat")


@dataclass(frozen=True, slots=True)
class Type:
    """A number, a pointer, or a vector register of `lanes` numbers (0: no vector)."""

    element: str
    lanes: int = 0

    def __str__(self) -> str:
        return f"<{self.lanes} x {self.element}>" if self.lanes else self.element

    @property
    def bytes(self) -> int:
        """How much memory one takes."""
        one = {"float": 4, "bfloat": 2, "ptr": 8}.get(self.element)
        return max(1, self.lanes) * (one or int(self.element[1:]) // 8)

    @property
    def is_float(self) -> bool:
        """Whether + is LLVM's fadd."""
        return self.element in FLOATS

    def of(self, lanes: int) -> "Type":
        """A vector of such numbers."""
        return Type(self.element, lanes)

    def literal(self, number: Number) -> str:
        """A constant; in all lanes if this is a vector."""
        if self.is_float:  # LLVM wants the bits of the double that equals the float
            rounded = struct.unpack("f", struct.pack("f", number))[0]
            text = f"0x{struct.unpack('Q', struct.pack('d', rounded))[0]:016X}"
        else:
            text = str(int(number))
        return f"splat ({self.element} {text})" if self.lanes else text


F32, I64, I32, I16, I8, BIT, PTR = (Type(name) for name in ("float", "i64", "i32", "i16", "i8", "i1", "ptr"))
