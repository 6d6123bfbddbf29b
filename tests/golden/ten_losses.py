"""Write ten_losses.json, the losses of ten updates from a frozen seed: `python -m tests.golden.ten_losses`.

Run it only after a change that is meant to change training; the commit says which. Measured on one machine with its
vector instructions switched off one by one (SSE4, AVX2, AVX-512; one and two threads), float32 losses differed by at
most 1.2e-6 and bfloat16 losses by 4e-3: the tolerances of 1e-5 and 2e-2 leave room for other machines.
"""

import json

import torch

from tests.oracle.behaviour import ten_losses
from tests.oracle.ladder import GOLDEN

if __name__ == "__main__":
    losses = {precision: ten_losses(precision) for precision in ("float32", "bfloat16")}
    GOLDEN.write_text(json.dumps({"torch": torch.__version__, "losses": losses}, indent=1) + "\n")
