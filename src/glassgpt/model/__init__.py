"""Token ids in, logits out: GPT-2 itself. Start with `gpt2.py`.

Shapes and their cost are pure arithmetic; what needs PyTorch is imported when it is first used.
"""

import typing

from glassgpt import lazy
from glassgpt.model.config import SIZES, GPT2Config
from glassgpt.model.cost import parameter_count, tally

if typing.TYPE_CHECKING:
    from glassgpt.model.attend import NOTHING, Past
    from glassgpt.model.gpt2 import GPT2
    from glassgpt.model.init import initialize

__all__ = ["GPT2", "NOTHING", "SIZES", "GPT2Config", "Past", "initialize", "parameter_count", "tally"]

__getattr__ = lazy.on_first_use(__name__, {"GPT2": "gpt2", "NOTHING": "attend", "Past": "attend", "initialize": "init"})
