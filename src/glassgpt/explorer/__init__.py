"""The Explorer: a page on this machine that shows what a model does. Start with `app.py`, then `workshop.py`.

The page draws; every number it shows was computed by the library, and is copied out as the line of Python that does it.
"""

from glassgpt.explorer.app import create_app
from glassgpt.explorer.recording import create_replay
from glassgpt.explorer.serve import Address, serve
from glassgpt.explorer.workshop import Workshop

__all__ = ["Address", "Workshop", "create_app", "create_replay", "serve"]
