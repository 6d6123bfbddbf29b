"""What torchrun starts: every case named on the command line, one after the other in one process group.

python -m torch.distributed.run --nproc-per-node 2 -m tests.ranks.program FOLDER CASE:METHOD ...
"""

import json
import sys
from pathlib import Path

import torch.distributed as dist
from safetensors.torch import save_file

from tests.ranks.steps import recipe, twenty_steps
from tests.ranks.talk import facts


def main() -> None:
    folder = Path(sys.argv[1])
    dist.init_process_group("gloo")
    (folder / f"talk-{dist.get_rank()}.json").write_text(json.dumps(facts()))
    for name in sys.argv[2:]:
        losses, lengths, weights = twenty_steps(recipe(*name.split(":")))
        stem = folder / f"{name.replace(':', '-')}-{dist.get_rank()}"
        stem.with_suffix(".json").write_text(json.dumps([losses, lengths]))
        save_file(weights, stem.with_suffix(".safetensors"))
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
