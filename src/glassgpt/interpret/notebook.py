"""A trace in a notebook: the Explorer's pictures as a widget, without a server."""

from importlib.util import find_spec
from typing import TYPE_CHECKING

from glassgpt.errors import GlassGPTError
from glassgpt.interpret.packed import SCRIPT
from glassgpt.interpret.trace import Trace

if TYPE_CHECKING:
    from glassgpt.interpret.widget import TraceWidget


def show(trace: Trace, layer: int = 0, head: int = 0, position: int = -1) -> "TraceWidget":
    """Look at a trace in Jupyter, VS Code, Colab or marimo: tokens, every head, the lens, the next words.

    The selection is the widget's `layer`, `head` and `position` (-1 is the last token), to be read and to be set. Needs
    the extra `notebook`. Raises InvalidParameter for a text whose patterns are too large for a page.
    """
    if find_spec("anywidget") is None:
        raise GlassGPTError("A figure in a notebook needs anywidget: pip install 'glassgpt[notebook]'.")
    if not SCRIPT.is_file():
        raise GlassGPTError("The figures are not built in this clone: run `make page`.")
    from glassgpt.interpret.widget import TraceWidget

    return TraceWidget(trace, layer, head, position)
