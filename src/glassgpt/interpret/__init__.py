"""What happens inside: a model and a text in, numbers with a sentence each out. Start with `trace.py`.

from glassgpt.interpret import attention, attribute, lens, trace

seen = trace(lm.model, lm.tokenizer.encode("A robot must obey"))
attention(seen, layer=5, head=1).describe()
"""

from glassgpt.interpret.attention import (
    HeadView,
    attention,
    looks,
    pattern,
    thumbnails,
    value_weighted,
    without_first,
)
from glassgpt.interpret.attribution import Attribution, attribute
from glassgpt.interpret.intervention import Intervention
from glassgpt.interpret.lens import Lens, Watched, lens, lens_of_layer, watch
from glassgpt.interpret.part import Attention, Block, Edge, Head, Mlp, Neuron, Part, Stream
from glassgpt.interpret.trace import Trace, trace

__all__ = [
    "Attention",
    "Attribution",
    "Block",
    "Edge",
    "Head",
    "HeadView",
    "Intervention",
    "Lens",
    "Mlp",
    "Neuron",
    "Part",
    "Stream",
    "Trace",
    "Watched",
    "attention",
    "attribute",
    "lens",
    "lens_of_layer",
    "looks",
    "pattern",
    "thumbnails",
    "trace",
    "value_weighted",
    "watch",
    "without_first",
]
