"""Token ids in, logits out: GPT-2 itself. Start with `gpt2.py`."""

from glassgpt.model.attend import NOTHING, Past
from glassgpt.model.config import SIZES, GPT2Config
from glassgpt.model.cost import parameter_count, tally
from glassgpt.model.gpt2 import GPT2
from glassgpt.model.init import initialize

__all__ = ["GPT2", "NOTHING", "SIZES", "GPT2Config", "Past", "initialize", "parameter_count", "tally"]
