"""A model in integers: `transform.quantize` is the whole of it, `scheme.py` says what there is to choose.

The other files are one idea each, with its source: `scales.py` (where to cut), `gptq.py` (making up for errors),
`balance.py` (large inputs), `inputs.py` (what calibration sees).
"""

from glassgpt.quantize.scheme import SCHEMES, Scheme
from glassgpt.quantize.transform import Quantized, quantize

__all__ = ["SCHEMES", "Quantized", "Scheme", "quantize"]
