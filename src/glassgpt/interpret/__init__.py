"""What happens inside: a model and a text in, numbers with a sentence each out. Start with `trace.py`.

    from glassgpt.interpret import attention

    seen = lm.trace("A robot must obey")  # or trace(model, ids)
    attention(seen, layer=5, head=1).describe()

`docs/interpret.md` shows the rest.
"""

from glassgpt.interpret.atlas import EmbeddingMap, embedding_map
from glassgpt.interpret.attention import (
    HeadView,
    attention,
    looks,
    pattern,
    thumbnails,
    value_weighted,
)
from glassgpt.interpret.attribution import Attribution, attribute
from glassgpt.interpret.compare import Comparison, Contrast, compare, contrast
from glassgpt.interpret.effect import Effect, effect
from glassgpt.interpret.forward import reading
from glassgpt.interpret.habits import HABITS, HeadScores, score_heads
from glassgpt.interpret.intervene import cut, freeze, mean, patch, scale, steer, zero
from glassgpt.interpret.intervention import Intervention
from glassgpt.interpret.lens import Lens, Watched, lens, lens_of_layer, watch
from glassgpt.interpret.matrix import Weight, weight, weight_change
from glassgpt.interpret.notebook import show
from glassgpt.interpret.part import Attention, Block, Edge, Head, Mlp, Neuron, Part, Stream, check
from glassgpt.interpret.promoted import Promoted, promoted
from glassgpt.interpret.rollout import Rollout, rollout
from glassgpt.interpret.saliency import Saliency, saliency
from glassgpt.interpret.surprise import Surprise, surprise
from glassgpt.interpret.sweep import LayerSweep, Sweep, sweep, sweep_layers
from glassgpt.interpret.tables import HeadTable, Looks, Thumbnails, without_first
from glassgpt.interpret.trace import Trace, trace
from glassgpt.interpret.way import Way, way
from glassgpt.interpret.wording import intervention
from glassgpt.interpret.words import (
    Difference,
    Neighbors,
    PositionSimilarity,
    difference,
    nearest,
    neighbors,
    position_similarity,
)

__all__ = [
    "HABITS",
    "Attention",
    "Attribution",
    "Block",
    "Comparison",
    "Contrast",
    "Difference",
    "Edge",
    "Effect",
    "EmbeddingMap",
    "Head",
    "HeadScores",
    "HeadTable",
    "HeadView",
    "Intervention",
    "LayerSweep",
    "Lens",
    "Looks",
    "Mlp",
    "Neighbors",
    "Neuron",
    "Part",
    "PositionSimilarity",
    "Promoted",
    "Rollout",
    "Saliency",
    "Stream",
    "Surprise",
    "Sweep",
    "Thumbnails",
    "Trace",
    "Watched",
    "Way",
    "Weight",
    "attention",
    "attribute",
    "check",
    "compare",
    "contrast",
    "cut",
    "difference",
    "effect",
    "embedding_map",
    "freeze",
    "intervention",
    "lens",
    "lens_of_layer",
    "looks",
    "mean",
    "nearest",
    "neighbors",
    "patch",
    "pattern",
    "position_similarity",
    "promoted",
    "reading",
    "rollout",
    "saliency",
    "scale",
    "score_heads",
    "show",
    "steer",
    "surprise",
    "sweep",
    "sweep_layers",
    "thumbnails",
    "trace",
    "value_weighted",
    "watch",
    "way",
    "weight",
    "weight_change",
    "without_first",
    "zero",
]
