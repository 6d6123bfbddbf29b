"""LLVM's text form, written from Python: values with operators, loops, loads and stores; enough for kernels, no more.

    module = Module()
    with module.function("scale", x=PTR, factor=F32, count=I64) as f:
        with f.times(f["count"]) as i:
            place = f["x"] + i * 4
            f.store(f.load(F32, place) * f["factor"], place)

Every value is assigned once (that is LLVM's own rule), so what a loop carries is named: `f.fold(count, start, body)` is
`for i in range(count): values = body(i, values)`. What is carried stays in registers; nothing is ever spilled because
somebody took its address.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from glassgpt.kernels.types_of_llvm import BIT, I32, I64, PTR, Number, Type


def _operator(name: str) -> "Callable[[Value, Value | Number], Value]":
    def apply(left: "Value", right: "Value | Number") -> "Value":
        operation = f"f{name}" if left.type.is_float else name
        return left.function.new(left.type, f"{operation} {left}, {left.function.value(left.type, right).name}")

    return apply


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """Something a function has computed; the usual operators compute more. A pointer plus a number counts bytes."""

    function: "Function"
    type: Type
    name: str

    def __str__(self) -> str:
        return f"{self.type} {self.name}"

    def __add__(self, other: "Value | Number") -> "Value":
        if self.type == PTR and other == 0:
            return self
        if self.type == PTR:
            return self.function.new(PTR, f"getelementptr i8, {self}, {self.function.value(I64, other)}")
        return _operator("add")(self, other)

    __sub__ = _operator("sub")
    __mul__ = _operator("mul")
    __truediv__ = _operator("div")
    __floordiv__ = _operator("udiv")
    __mod__ = _operator("urem")
    __and__ = _operator("and")
    __or__ = _operator("or")
    __xor__ = _operator("xor")
    __lshift__ = _operator("shl")
    __rshift__ = _operator("lshr")  # zeros come in

    def signed_shift(self, bits: int) -> "Value":
        """Shift right; copies of the sign come in."""
        return _operator("ashr")(self, bits)

    def below(self, other: "Value | Number") -> "Value":
        """Whether it is less, lane by lane; whole numbers are taken as signed."""
        test = "fcmp olt" if self.type.is_float else "icmp slt"
        right = self.function.value(self.type, other)
        return self.function.new(BIT.of(self.type.lanes), f"{test} {self}, {right.name}")

    def equals(self, other: "Value | int") -> "Value":
        """Whether two whole numbers are the same."""
        right = self.function.value(self.type, other)
        return self.function.new(BIT.of(self.type.lanes), f"icmp eq {self}, {right.name}")


Body = Callable[[Value, list[Value]], Sequence[Value]]
"""What a loop does: its count and the values it carries in, the next values out."""


class Function:
    """One function while it is written: parameters by name, instructions line by line."""

    def __init__(self, module: "Module", name: str, parameters: dict[str, Type]) -> None:
        self.module, self.name, self.parameters = module, name, parameters
        self.block = "entry"
        self._lines = ["entry:"]
        self._names = 0

    def __getitem__(self, name: str) -> Value:
        """A parameter."""
        return Value(self, self.parameters[name], f"%{name}")

    def __str__(self) -> str:
        parameters = ", ".join(f"{kind} %{name}" for name, kind in self.parameters.items())
        return "\n".join([f"define void @{self.name}({parameters}) #0 {{", *self._lines, "  ret void", "}"])

    def line(self, text: str) -> None:
        """Write an instruction that gives no value."""
        self._lines.append(f"  {text}")

    def new(self, kind: Type, text: str) -> Value:
        """Write an instruction that gives one."""
        result = Value(self, kind, self._name())
        self.line(f"{result.name} = {text}")
        return result

    def value(self, kind: Type, number: Value | Number) -> Value:
        """A constant as a value; a value is passed through."""
        if isinstance(number, Value):
            assert number.type == kind, f"{number.type} where {kind} is needed"
            return number
        return Value(self, kind, kind.literal(number))

    def vector(self, kind: Type, numbers: Sequence[int]) -> Value:
        """A constant with another whole number in each lane."""
        return Value(self, kind.of(len(numbers)), f"<{', '.join(f'{kind} {n}' for n in numbers)}>")

    def table(self, name: str) -> Value:
        """The address of a table of the module."""
        return Value(self, PTR, f"@{name}")

    def load(self, kind: Type, place: Value) -> Value:
        """Read memory; vectors need no more alignment than their elements."""
        return self.new(kind, f"load {kind}, {place}, align {Type(kind.element).bytes}")

    def store(self, value: Value, place: Value) -> None:
        """Write memory."""
        self.line(f"store {value}, {place}, align {Type(value.type.element).bytes}")

    def scratch(self, size: int) -> Value:
        """Some bytes on the stack. Ask for them before any loop."""
        return self.new(PTR, f"alloca [{size} x i8], align 64")

    def splat(self, value: Value, lanes: int) -> Value:
        """The same number in every lane."""
        wide = value.type.of(lanes)
        first = self.new(wide, f"insertelement {wide} poison, {value}, i32 0")
        return self.new(wide, f"shufflevector {first}, {wide} poison, <{lanes} x i32> zeroinitializer")

    def reduce(self, value: Value, join: Callable[[Value, Value], Value]) -> Value:
        """All lanes joined to one: halves, then quarters, so that the order is always the same."""
        lanes = value.type.lanes
        while lanes > 1:
            lanes //= 2
            low, high = (
                self.new(
                    value.type.of(lanes),
                    f"shufflevector {value}, {value.type} poison, {self.vector(I32, range(start, start + lanes))}",
                )
                for start in (0, lanes)
            )
            value = join(low, high)
        return self.new(Type(value.type.element), f"extractelement {value}, i32 0")

    def choose(self, condition: Value, yes: Value, no: Value) -> Value:
        """`yes` where the condition holds, else `no`."""
        return self.new(yes.type, f"select {condition}, {yes}, {no}")

    def bits(self, value: Value, kind: Type) -> Value:
        """The same bits under another type."""
        return value if value.type == kind else self.new(kind, f"bitcast {value} to {kind}")

    def convert(self, instruction: str, value: Value, element: Type) -> Value:
        """`zext`, `sext`, `trunc`, `sitofp` …, lane by lane."""
        kind = element.of(value.type.lanes)
        return self.new(kind, f"{instruction} {value} to {kind}")

    def intrinsic(self, name: str, kind: Type, *arguments: Value) -> Value:
        """Call one of LLVM's built-in functions."""
        self.module.declare(f"declare {kind} @{name}({', '.join(str(a.type) for a in arguments)})")
        return self.new(kind, f"call {kind} @{name}({', '.join(map(str, arguments))})")

    def atomic(self, operation: str, place: Value, number: Value | int) -> Value:
        """Change a 64-bit number that threads share, in one order for all: its old value (`add`, `xchg`)."""
        return self.new(I64, f"atomicrmw {operation} {place}, {self.value(I64, number)} seq_cst")

    def look(self, place: Value) -> Value:
        """Read a number that threads share."""
        return self.new(I64, f"load atomic i64, {place} seq_cst, align 8")

    def swap_if(self, place: Value, expected: Value | int, number: Value | int) -> Value:
        """Write if the old value is the expected one; gives the old value."""
        pair = f"cmpxchg {place}, {self.value(I64, expected)}, {self.value(I64, number)} seq_cst seq_cst"
        both = self.new(Type("{ i64, i1 }"), pair)
        return self.new(I64, f"extractvalue {both}, 0")

    def prefetch(self, place: Value) -> None:
        """Ask for a cache line before it is needed; any address is allowed."""
        self.module.declare("declare void @llvm.prefetch.p0(ptr, i32, i32, i32)")
        self.line(f"call void @llvm.prefetch.p0({place}, i32 0, i32 3, i32 1)")

    def call(self, function: "str | Value", *arguments: Value) -> None:
        """Call a function of this module by name, or any by its address."""
        target = function.name if isinstance(function, Value) else f"@{function}"
        self.line(f"call void {target}({', '.join(map(str, arguments))})")

    def fold(self, count: Value, start: Sequence[Value], body: Body) -> list[Value]:
        """`values = start; for i in range(count): values = body(i, values)`; gives the last values."""
        before, inside, after = self.block, self._label("loop"), self._label("done")
        self._branch(self.value(I64, 0).below(count), inside, after)
        self._begin(inside)
        carried = [Value(self, value.type, self._name()) for value in start]
        i, place = Value(self, I64, self._name()), len(self._lines)
        results = body(i, carried)
        following = i + 1
        last = self.block
        self._branch(following.below(count), inside, after)
        pairs = zip([i, *carried], [self.value(I64, 0), *start], [following, *results], strict=True)
        self._lines[place:place] = [
            f"  {phi.name} = phi {phi.type} [{first.name}, %{before}], [{next_.name}, %{last}]"
            for phi, first, next_ in pairs
        ]
        self._begin(after)
        return [
            self.new(first.type, f"phi {first.type} [{first.name}, %{before}], [{result.name}, %{last}]")
            for first, result in zip(start, results, strict=True)
        ]

    @contextmanager
    def times(self, count: "Value | int") -> Iterator[Value]:
        """`for i in range(count)`, carrying nothing."""
        before, inside, after = self.block, self._label("loop"), self._label("done")
        count = self.value(I64, count)
        self._branch(self.value(I64, 0).below(count), inside, after)
        self._begin(inside)
        i, place = Value(self, I64, self._name()), len(self._lines)
        yield i
        following = i + 1
        self._lines.insert(place, f"  {i.name} = phi i64 [0, %{before}], [{following.name}, %{self.block}]")
        self._branch(following.below(count), inside, after)
        self._begin(after)

    @contextmanager
    def when(self, condition: Value) -> Iterator[None]:
        """`if`, without an else."""
        inside, after = self._label("then"), self._label("after")
        self._branch(condition, inside, after)
        self._begin(inside)
        yield
        self.line(f"br label %{after}")
        self._begin(after)

    @contextmanager
    def forever(self) -> Iterator[Callable[[Value], None]]:
        """Repeat until `leave(condition)`, which the block is given, finds its condition true."""
        inside, after = self._label("again"), self._label("left")
        self.line(f"br label %{inside}")
        self._begin(inside)

        def leave(condition: Value) -> None:
            onward = self._label("on")
            self._branch(condition, after, onward)
            self._begin(onward)

        yield leave
        self.line(f"br label %{inside}")
        self._begin(after)

    def _branch(self, condition: Value, yes: str, no: str) -> None:
        self.line(f"br {condition}, label %{yes}, label %{no}")

    def _begin(self, label: str) -> None:
        self._lines.append(f"{label}:")
        self.block = label

    def _label(self, kind: str) -> str:
        return self._name()[1:].replace("v", kind)

    def _name(self) -> str:
        self._names += 1
        return f"%v{self._names}"


class Module:
    """Functions that are compiled together."""

    def __init__(self) -> None:
        self._declared: dict[str, None] = {}
        self._parts: list[str] = []

    @contextmanager
    def function(self, name: str, **parameters: Type) -> Iterator[Function]:
        """Write a function that returns nothing; it can be called once the block has ended."""
        function = Function(self, name, parameters)
        yield function
        self._parts.append(str(function))

    def table(self, name: str, functions: Sequence[str]) -> None:
        """A constant array of function addresses."""
        self._parts.append(
            f"@{name} = internal constant [{len(functions)} x ptr] [{', '.join(f'ptr @{one}' for one in functions)}]"
        )

    def declare(self, line: str) -> None:
        """What comes from outside."""
        self._declared[line] = None

    def __str__(self) -> str:
        # Without these two, LLVM may split 512-bit vectors where it thinks that a CPU would rather not use them.
        attributes = 'attributes #0 = { nounwind "min-legal-vector-width"="512" "prefer-vector-width"="512" }'
        return "\n\n".join([*self._declared, *self._parts, attributes]) + "\n"
