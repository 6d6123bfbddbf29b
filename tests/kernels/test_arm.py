"""The micro-kernels for ARM, compiled here and run by an emulator where one is at hand.

On Debian: apt-get install qemu-user binutils-aarch64-linux-gnu
"""

import shutil
import subprocess

import numpy as np
import pytest

from glassgpt.kernels.ir import Module
from glassgpt.kernels.layout import FORMATS
from glassgpt.kernels.library import build
from glassgpt.kernels.machine import NEON, NEON_BF16, NEON_DOT, PORTABLE, arm_features, variants
from glassgpt.kernels.packing import pack
from glassgpt.kernels.tile import MOST_ROWS, TALL, add_tile, tile_twin
from tests.kernels.machines import DESIGNS, stored_rows

MACHINES = {machine.name: machine for machine in (NEON_BF16, NEON_DOT, NEON, PORTABLE)}
TRIPLE = "aarch64-unknown-linux-gnu"
TOOLS = [shutil.which(name) for name in ("aarch64-linux-gnu-as", "aarch64-linux-gnu-ld", "qemu-aarch64")]
MAIN = """
    .globl _start
_start:
    adr x9, inputs
    ldp x0, x1, [x9]
    ldp x2, x3, [x9, #16]
    ldp x4, x5, [x9, #32]
    ldp x6, x7, [x9, #48]
    bl tile
    mov x0, #1
    adr x9, inputs
    ldr x1, [x9, #40]
    mov x2, #{size}
    mov x8, #64
    svc #0
    mov x0, #0
    mov x8, #93
    svc #0
    .balign 64
inputs: .quad w, scales, x, {x_stride}, {steps}, out, 256, w
    .balign 64
w: .incbin "w"
    .balign 64
scales: .incbin "scales"
    .balign 64
x: .incbin "x"
    .data
    .balign 64
out: .zero {size}
"""


def tile(machine, form, rows, streams) -> str:
    module = Module()
    add_tile(module, "tile", machine, form, rows, streams)
    return assembly(module, machine)


def assembly(module, machine) -> str:
    import llvmlite.binding as llvm

    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    parsed = llvm.parse_assembly(str(module))
    parsed.triple = TRIPLE
    parsed.verify()
    target = llvm.Target.from_triple(TRIPLE).create_target_machine(features=machine.features, opt=3, reloc="static")
    return target.emit_assembly(parsed)


def emulate(folder, machine, packed, x, streams):
    """(rows, 64): what the kernel stores."""
    rows, stored = len(x), stored_rows(x, packed.format)
    scales = packed.group_scales if packed.group_scales is not None else np.zeros(1)
    for name, array in (("w", packed.data), ("scales", scales), ("x", stored)):
        (folder / name).write_bytes(np.ascontiguousarray(array).tobytes())
    numbers = {"x_stride": stored.strides[0], "steps": packed.inner // packed.format.per_step, "size": rows * 256}
    source = tile(machine, packed.format, rows, streams) + "\n    .text\n" + MAIN.format(**numbers)
    (folder / "all.s").write_text(source.replace('.section\t".note.GNU-stack"', ".section .note.GNU-stack"))
    assembler, linker, emulator = TOOLS
    subprocess.run([assembler, "-march=armv8.6-a", "-o", "all.o", "all.s"], cwd=folder, check=True)
    subprocess.run([linker, "-o", "all", "all.o"], cwd=folder, check=True)
    result = subprocess.run([emulator, "-cpu", "max", "./all"], cwd=folder, check=True, stdout=subprocess.PIPE)
    return np.frombuffer(result.stdout, np.float32).reshape(rows, 64)


@pytest.mark.parametrize(
    ("machine", "name", "instruction"),
    [
        ("neon", "float32", "fmla"),
        ("neon-dot", "int8", "sdot"),
        ("neon-dot", "int4", "sdot"),
        ("neon-bf16", "bfloat16", "bfdot"),
    ],
)
def test_arms_own_instructions_are_used_and_sums_stay_in_registers(machine, name, instruction):
    text = tile(MACHINES[machine], FORMATS[name], MOST_ROWS, False)
    assert f"\t{instruction}\t" in text
    loops = text.split(".LBB0_")
    inner = max(loops, key=lambda loop: loop.count(f"\t{instruction}\t"))
    assert not [line for line in inner.splitlines() if "\tstr\tq" in line and "[sp" in line]


@pytest.mark.slow
def test_whole_programs_compile_for_arm():
    text = assembly(build(NEON_BF16, DESIGNS["int8, cache int8"]), NEON_BF16)
    assert "\tisb" in text
    assert "\tbl\tmem" not in text


def test_what_a_cpu_has_decides():
    names = [[machine.name for machine in variants(TRIPLE, frozenset(has))] for has in ({"dotprod", "bf16"}, {"bf16"})]
    assert names == [["neon-bf16", "neon-dot", "neon", "portable"], ["neon", "portable"]]
    assert arm_features() <= {"dotprod", "bf16"}


@pytest.mark.slow
@pytest.mark.skipif(None in TOOLS, reason="no ARM assembler, linker and emulator")
@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("machine", MACHINES)
def test_kernels_for_arm_equal_their_twin(tmp_path, machine, name):
    random = np.random.default_rng(3)
    packed = pack(random.standard_normal((64, 192)).astype(np.float32), FORMATS[name])
    x = random.standard_normal((TALL, 192)).astype(np.float32)
    wanted = tile_twin(packed, x)
    tall = emulate(tmp_path, MACHINES[machine], packed, x, streams=True)
    np.testing.assert_allclose(tall, wanted, rtol=0, atol=3e-6 * np.abs(wanted).max())
    for rows, streams in ((1, True), (MOST_ROWS, False)):
        fewer = emulate(tmp_path, MACHINES[machine], packed, x[:rows], streams)
        assert (fewer == tall[:rows]).all()
