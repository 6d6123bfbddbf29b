"""Ask the C library to keep big blocks instead of giving them back to the kernel after every step.

On Linux a third of a CPU training step is page faults: glibc returns each large activation, and the next step faults
it in again. Three settings stop that. Elsewhere, and with another C library, nothing happens.
"""

import ctypes
import sys

TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD = -1, -2, -3
"""Parameters of glibc's `mallopt` (malloc.h)."""


def keep_large_blocks() -> bool:
    """Set the three; say whether the C library took them."""
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    largest = 2**31 - 1
    settings = ((MMAP_THRESHOLD, largest), (TRIM_THRESHOLD, largest), (TOP_PAD, 256 << 20))
    return all(mallopt(name, value) == 1 for name, value in settings)
