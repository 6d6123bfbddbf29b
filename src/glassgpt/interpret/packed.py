"""What a figure in a notebook shows of a trace, in one piece of memory.

Everything that can be clicked at travels with it: every head's pattern, and what the lens shows at every token. So it
works where there is no network and, in a saved notebook, where there is no kernel.
"""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save

from glassgpt.errors import InvalidParameter
from glassgpt.interpret.arrays import array
from glassgpt.interpret.attention import patterns
from glassgpt.interpret.trace import Trace

SCRIPT = Path(__file__).parent / "page" / "notebook.js"
"""What draws it: built from `web/` and shipped in the wheel."""
TOP = 10
"""Words of the lens for each token and block."""
MOST_BYTES = 64 * 2**20
"""What all patterns of a trace may take: GPT-2 small with 341 tokens."""


@torch.inference_mode()
def pack(trace: Trace) -> bytes:
    """What a figure shows of a trace, as a safetensors file.

    `looks` (L H T T, float32) has every head's pattern; `lens_ids` and `lens` (L+1 T N) the likeliest words at the
    embedding and after each block, with their probabilities. The metadata holds the words under `facts`, as JSON.
    """
    config, count = trace.config, len(trace.ids)
    needed = 4 * config.n_layers * config.n_heads * count**2
    if needed > MOST_BYTES:
        fitting = int((MOST_BYTES / 4 / config.n_layers / config.n_heads) ** 0.5)
        rule = f"a notebook can hold the patterns of {fitting} tokens of this model: show trace.until({fitting - 1})"
        raise InvalidParameter("trace", f"{count:,} tokens", f"{rule}, or look at it with glassgpt explore")
    looks = np.stack([array(patterns(trace, layer)) for layer in range(config.n_layers)])
    ids, chances = _lens(trace)
    words = {number: trace.spell(number) for number in np.unique(ids).tolist()}
    facts = {
        "config": asdict(config) | {"head_dim": config.head_dim, "mlp_width": config.mlp_width},
        "tokens": [_token(number, text) for number, text in zip(trace.ids, trace.tokens, strict=True)],
        "words": {str(number): _token(number, text) for number, text in words.items()},
        "says": trace.describe(),
    }
    arrays = {"looks": looks, "lens_ids": ids.astype(np.int32), "lens": chances}
    return save(arrays, metadata={"facts": json.dumps(facts)})


def _token(number: int, text: str) -> dict[str, object]:
    return {"id": number, "text": text}


def _lens(trace: Trace) -> tuple[np.ndarray, np.ndarray]:
    """Ids and probabilities of the likeliest words, L+1 T N each; as `lens` gives them, for all tokens at once."""
    top = min(TOP, trace.config.vocab_size)
    levels = [trace.scores(stream).float().softmax(dim=-1).topk(top) for stream in trace.stream[::2]]
    chances, ids = (torch.stack(found).cpu().numpy() for found in zip(*levels, strict=True))
    order = np.lexsort((ids, -chances))  # of equal ones, the lower id first
    return np.take_along_axis(ids, order, -1), np.take_along_axis(chances, order, -1)
