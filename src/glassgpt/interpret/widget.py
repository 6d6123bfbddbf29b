"""The widget that `show` makes. Imported on use: anywidget is an extra."""

from typing import ClassVar, final

import anywidget
import traitlets

from glassgpt.interpret.arrays import place
from glassgpt.interpret.packed import SCRIPT, pack
from glassgpt.interpret.trace import Trace


@final
class TraceWidget(anywidget.AnyWidget):
    """A trace that can be looked at; `layer`, `head` and `position` are what is selected, here and on the page."""

    _esm: ClassVar[str] = SCRIPT.read_text(encoding="utf-8")
    data = traitlets.Bytes().tag(sync=True)
    layer = traitlets.Int().tag(sync=True)
    head = traitlets.Int().tag(sync=True)
    position = traitlets.Int(-1).tag(sync=True)

    def __init__(self, trace: Trace, layer: int = 0, head: int = 0, position: int = -1) -> None:
        """Pack the trace; nothing is computed later."""
        self.trace = trace
        super().__init__(data=pack(trace), layer=layer, head=head, position=position)

    def describe(self) -> str:
        """What is selected, in a sentence."""
        from glassgpt.interpret.attention import pattern

        return pattern(self.trace, self.layer, self.head).describe(self.position)

    @traitlets.validate("layer", "head", "position")
    def _is_there(self, proposal: traitlets.Bunch) -> int:
        name = proposal["trait"].name
        config = self.trace.config
        counts = {"layer": config.n_layers, "head": config.n_heads, "position": len(self.trace.ids)}
        inside = place(name, proposal["value"], counts[name])
        return proposal["value"] if name == "position" else inside
