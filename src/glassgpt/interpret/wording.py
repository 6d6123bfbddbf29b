"""Interventions in words, as commands and links carry them: a line in, an `Intervention` out; `str` is the way back.

    zero head 5.1                   scale mlp 3 by 0.5            zero edge 7→3 in head 5.1
    zero neuron 4.512 at 3, 4       mean attention 2              zero position 3 at layer 6
    freeze block 4                  zero edge 7→3                 patch stream 6

mean and freeze take a reference, patch a source: a trace.
"""

import re

from glassgpt.errors import InvalidParameter
from glassgpt.interpret import intervene
from glassgpt.interpret.intervention import Intervention
from glassgpt.interpret.part import Attention, Block, Edge, Head, Mlp, Neuron, Part, Stream
from glassgpt.interpret.trace import Trace

WORDING = re.compile(
    r"(?P<how>zero|scale|mean|freeze|patch)\s+(?P<part>.+?)"
    r"(?:\s+by\s+(?P<factor>[-+]?\d*\.?\d+(?:e[-+]?\d+)?))?(?:\s+at\s+(?P<at>\d+(?:\s*,\s*\d+)*))?"
)
PARTS = (
    (re.compile(r"head (\d+)\.(\d+)"), Head),
    (re.compile(r"attention (\d+)"), Attention),
    (re.compile(r"mlp (\d+)"), Mlp),
    (re.compile(r"neuron (\d+)\.(\d+)"), Neuron),
    (re.compile(r"block (\d+)"), Block),
    (re.compile(r"stream (\d+)"), Stream),
)
POSITION = re.compile(r"position (\d+)(?: at layer (\d+))?")
EDGE = re.compile(r"edge (\d+)\s*(?:→|->|>)\s*(\d+)(?: in (?:layer (\d+)|head (\d+)\.(\d+)))?")
KNOWN = "head L.H, attention L, mlp L, neuron L.N, block L, stream L, position P [at layer L], edge Q>K [in head L.H]"


def intervention(words: str, reference: Trace | None = None, source: Trace | None = None) -> Intervention:
    """Read one line; `reference` is for mean and freeze, `source` for patch."""
    found = WORDING.fullmatch(words.strip())
    if found is None:
        raise InvalidParameter("intervention", words, "say zero, scale, mean, freeze or patch, and a part: " + KNOWN)
    how, at = found["how"], None if found["at"] is None else [int(place) for place in found["at"].split(",")]
    made = part(found["part"])
    if (how == "scale") != (found["factor"] is not None):
        raise InvalidParameter("intervention", words, "scale takes `by` and a number, and nothing else does")
    match how:
        case "zero":
            return intervene.zero(made, at)
        case "scale":
            return intervene.scale(made, float(found["factor"]), at)
    text = source if how == "patch" else reference
    if text is None:
        raise InvalidParameter("intervention", words, f"{how} needs {'another' if how == 'patch' else 'a'} text")
    return {"mean": intervene.mean, "freeze": intervene.freeze, "patch": intervene.patch}[how](made, text, at)


def part(words: str) -> Part:
    """Read the name of a part."""
    for pattern, kind in PARTS:
        if found := pattern.fullmatch(words):
            return kind(*map(int, found.groups()))
    if found := POSITION.fullmatch(words):
        return Stream(int(found[2] or 0), int(found[1]))
    if found := EDGE.fullmatch(words):
        query, key, layer, of, head = (None if group is None else int(group) for group in found.groups())
        assert query is not None
        assert key is not None
        return Edge(query, key, layer if of is None else of, head)
    raise InvalidParameter("part", words, "must be one of: " + KNOWN)
