"""GPT-2's arithmetic on the CPU, written from Python as LLVM IR and compiled for the very CPU it runs on.

To read it, start with `tile.py`, the one loop that everything rests on; then `layout.py` (how matrices lie), `dot.py`
(the instruction that multiplies), `linear.py` and `attend.py` (what is built of it), `program.py` (the whole step).
`ir.py` is how IR is written. Every kernel has a twin in plain NumPy, beside it or in `step.step_twin`.
"""

from glassgpt.kernels.cache import Cache
from glassgpt.kernels.crew import Crew, usable_cores
from glassgpt.kernels.integers import Integers, round_to_nearest
from glassgpt.kernels.layout import FORMATS, Format, Packed
from glassgpt.kernels.library import Design, Library, is_compiled, load, source_hash
from glassgpt.kernels.machine import Machine, Unavailable, host, host_variants, unavailable
from glassgpt.kernels.packed_file import read_facts, read_packed, replace_fact, write_packed
from glassgpt.kernels.packing import pack, unpack
from glassgpt.kernels.step import Stepper, step_twin
from glassgpt.kernels.weights import Shape, Weights, pack_model

__all__ = [
    "FORMATS",
    "Cache",
    "Crew",
    "Design",
    "Format",
    "Integers",
    "Library",
    "Machine",
    "Packed",
    "Shape",
    "Stepper",
    "Unavailable",
    "Weights",
    "host",
    "host_variants",
    "is_compiled",
    "load",
    "pack",
    "pack_model",
    "read_facts",
    "read_packed",
    "replace_fact",
    "round_to_nearest",
    "source_hash",
    "step_twin",
    "unavailable",
    "unpack",
    "usable_cores",
    "write_packed",
]
