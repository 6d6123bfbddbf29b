"""What to round, to what, and how."""

from dataclasses import dataclass
from typing import Literal

Width = Literal["int8", "int4"]
Method = Literal["nearest", "clip", "gptq"]


@dataclass(frozen=True, slots=True)
class Scheme:
    """How a model is quantized. Normalisations, biases and the embedding of places stay as they are."""

    body: Width = "int4"
    """Format of the four matrices of each block."""
    head: Literal["int8", "int4", "float"] = "int8"
    """Format of the last matrix; where it is the token embedding too, of both. float: as it is."""
    method: Method = "gptq"
    """nearest: the extreme of each group sets its scale; clip: the scale whose errors weigh least; gptq: that, and
    errors are made up for by the columns that follow."""
    balance: bool = True
    """Whether the sizes of inputs are moved into weights first."""

    @property
    def needs_text(self) -> bool:
        """Whether calibration reads anything."""
        return self.method != "nearest" or self.balance


SCHEMES = {
    "int8": Scheme("int8", "int8", "nearest", balance=False),
    "int4": Scheme("int4", "int8"),
}
"""By the name that `glassgpt quantize --scheme` knows; docs/quantization.md has the figures they were chosen by."""
