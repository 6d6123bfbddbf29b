"""One head in full, and all heads at a glance: a trace in, tables of who looks at whom out.

The four stages of a head's table, as GPT-2 computes them (T queries by T keys):

    raw       q · k
    scaled    raw · scale, where the scale is 1 / √K
    masked    scaled, and -∞ where a token would see a later one
    pattern   softmax of each row: shares that sum to 1
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor
from torch.nn import functional as F

from glassgpt.interpret.arrays import Spell, array, number, place
from glassgpt.interpret.forward import block_of
from glassgpt.interpret.intervention import without_edges
from glassgpt.interpret.tables import HeadTable, Looks, Thumbnails, looking
from glassgpt.interpret.trace import Trace
from glassgpt.model.attend import causal


@dataclass(frozen=True, slots=True, eq=False)
class HeadView:
    """One head on one text, from its vectors to its pattern."""

    layer: int
    head: int
    ids: tuple[int, ...]
    scale: float
    q: Float32[np.ndarray, "T K"]
    k: Float32[np.ndarray, "T K"]
    v: Float32[np.ndarray, "T K"]
    raw: Float32[np.ndarray, "T T"]
    scaled: Float32[np.ndarray, "T T"]
    masked: Float32[np.ndarray, "T T"]
    pattern: Float32[np.ndarray, "T T"]
    spell: Spell = number

    def products(self, query: int, key: int) -> Float32[np.ndarray, " K"]:
        """Element by element, what a query and a key have in common; they sum to the raw score."""
        return self.q[query] * self.k[key]

    def describe(self, query: int = -1) -> str:
        """Where the head looks from one token."""
        return looking(self.pattern[query], f"Head {self.layer}.{self.head}", self.ids, query, self.spell)


@torch.inference_mode()
def attention(trace: Trace, layer: int, head: int) -> HeadView:
    """One head in full: a few tables of T by T numbers."""
    layer, head = _which(trace, layer, head)
    q, k, v = trace.qkv(layer)[:, head]
    scale = block_of(trace.model, layer).attn.scale
    raw = q @ k.mT
    masked = (raw * scale).masked_fill(~_allowed(trace, layer)[head], -torch.inf)
    return HeadView(
        layer=layer,
        head=head,
        ids=trace.ids,
        scale=scale,
        q=array(q),
        k=array(k),
        v=array(v),
        raw=array(raw),
        scaled=array(raw * scale),
        masked=array(masked),
        pattern=array(_softmax(masked)),
        spell=trace.spell,
    )


def pattern(trace: Trace, layer: int, head: int) -> HeadTable:
    """How much each token looks at each other one, in one head."""
    layer, head = _which(trace, layer, head)
    shares = array(patterns(trace, layer, slice(head, head + 1))[0])
    return HeadTable(shares, layer, head, trace.ids, spell=trace.spell)


@torch.inference_mode()
def patterns(trace: Trace, layer: int, heads: slice = slice(None)) -> Float[Tensor, "H T T"]:
    """The patterns of a layer's heads, as a tensor on the model's device."""
    q, k = trace.qkv(layer)[:2, heads]
    scale = block_of(trace.model, place("layer", layer, trace.config.n_layers)).attn.scale
    return _softmax(((q @ k.mT) * scale).masked_fill(~_allowed(trace, layer)[heads], -torch.inf))


@torch.inference_mode()
def looks(trace: Trace, position: int) -> Looks:
    """Where every head of every layer looks from one token: shares over the S tokens up to it."""
    position = place("position", position, len(trace.ids))
    rows: list[Tensor] = []
    for layer in range(trace.config.n_layers):
        q, k, _ = trace.qkv(layer)
        scores = (q[:, position, None] @ k[:, : position + 1].mT)[:, 0] * block_of(trace.model, layer).attn.scale
        allowed = _allowed(trace, layer, position)
        rows.append(_softmax(scores.masked_fill(~allowed[:, 0, : position + 1], -torch.inf)))
    return Looks(array(torch.stack(rows)), position, trace.ids[: position + 1], trace.spell)


@torch.inference_mode()
def thumbnails(trace: Trace, layer: int, size: int = 64) -> Thumbnails:
    """The patterns of a layer's heads, at most `size` cells wide; a cell shows its strongest entry, not the mean."""
    layer = place("layer", layer, trace.config.n_layers)
    small = F.adaptive_max_pool2d(patterns(trace, layer)[None].float(), min(size, len(trace.ids)))[0]
    return Thumbnails(array(small), layer, len(trace.ids))


@torch.inference_mode()
def value_weighted(trace: Trace, layer: int, head: int) -> HeadTable:
    """How much one token writes into another through a head: |pattern · v · W_O|, a length in the stream.

    Kobayashi et al. 2020, "Attention is not only a weight": a token that is looked at but hands over little counts
    little.
    """
    layer, head = _which(trace, layer, head)
    written = trace.qkv(layer)[2, head] @ output_matrix(trace, layer, head)  # T K, K D -> T D
    lengths = array(patterns(trace, layer, slice(head, head + 1))[0] * written.norm(dim=-1))
    return HeadTable(lengths, layer, head, trace.ids, weighted=True, spell=trace.spell)


def output_matrix(trace: Trace, layer: int, head: int) -> Float[Tensor, "K D"]:
    """The rows of the output projection that belong to one head."""
    width = trace.config.head_dim
    return block_of(trace.model, layer).attn.c_proj.weight[:, head * width : (head + 1) * width].detach().mT


def _which(trace: Trace, layer: int, head: int) -> tuple[int, int]:
    return place("layer", layer, trace.config.n_layers), place("head", head, trace.config.n_heads)


def _allowed(trace: Trace, layer: int, position: int | None = None) -> Tensor:
    """Who may look at whom, H T T, or H 1 T for one query."""
    q, k, _ = trace.qkv(layer)[:, None]  # 3 1 H T K
    queries = q if position is None else q[:, :, position : position + 1]
    where = torch.arange(len(trace.ids), device=q.device)[None]
    if position is not None:
        where = where[:, position : position + 1]
    plain = causal(q, k)[:, :, where[0]]
    allowed = without_edges(trace.interventions, layer, queries, k, plain, where)
    assert allowed is not None
    return allowed[0].expand(trace.config.n_heads, -1, -1)


def _softmax(scores: Tensor) -> Tensor:
    """Shares; a row that may look nowhere is all zeros."""
    return scores.float().softmax(dim=-1).nan_to_num(0.0)
