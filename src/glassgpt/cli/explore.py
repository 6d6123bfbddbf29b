"""`glassgpt explore`: open the Explorer, a page on this machine that shows what a model does."""

import sys
import webbrowser
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, ClassVar

from tyro.conf import Positional, UseAppendAction, arg

from glassgpt.cli.open_model import open_model
from glassgpt.cli.options import Place, Talk, UsageError
from glassgpt.cli.terminal import Terminal
from glassgpt.errors import GlassGPTError

RUNS = Path("runs")
PORT = 8124


@dataclass(frozen=True, kw_only=True)
class Explore(Place, Talk):
    """Open the Explorer: next words, attention, the way up the stack, experiments, runs that train.

    It listens on this machine only and sends nothing anywhere. Ctrl+C ends it.
    """

    EXAMPLES: ClassVar = ("glassgpt explore", "glassgpt explore --no-open --port 8130", "glassgpt explore --json")

    model: Annotated[Positional[str], arg(metavar="[MODEL]")] = "embedded"
    """The model that opens first."""
    compare: Annotated[tuple[str, ...], arg(metavar="MODEL"), UseAppendAction] = ()
    """Another model to choose from; may be given again."""
    runs: Annotated[tuple[Path, ...], arg(metavar="FOLDER"), UseAppendAction] = ()
    """Where training runs are; without it ./runs, if there is one."""
    port: Annotated[int | None, arg(metavar="N")] = None
    """The port; without it 8124, or the next one that is free."""
    host: Annotated[str, arg(metavar="ADDRESS")] = "127.0.0.1"
    """Listen here; an address that others can reach asks them for a key."""
    key: Annotated[str | None, arg(metavar="KEY")] = None
    """The key that every request must carry; made up where it is needed and not given."""
    record: Annotated[Path | None, arg(metavar="FILE")] = None
    """Write down all that is looked at, for --replay."""
    replay: Annotated[Path | None, arg(metavar="FILE")] = None
    """Show a recording again; no model is opened."""
    open: bool = True
    """Open the page in a browser, if this is a terminal."""

    def __post_init__(self) -> None:
        """Refuse ports that are none."""
        super().__post_init__()
        if self.port is not None and not 0 <= self.port <= 65535:
            raise UsageError(f"--port {self.port} is not allowed: must be from 0 to 65535")
        if self.record and self.replay:
            raise UsageError("--record and --replay exclude each other: a recording is made of a model that is open")


def main(options: Explore) -> None:
    """Load the model or the recording, listen, tell where."""
    out = Terminal(options)
    _need_web()
    from glassgpt.explorer import Address, Workshop, create_app, create_replay, serve
    from glassgpt.explorer.page import is_built

    if options.replay:
        name, application = str(options.replay), partial(create_replay, options.replay)
    else:
        lm = open_model(options.model, options, out)
        folders = options.runs or ((RUNS,) if RUNS.is_dir() else ())
        workshop = Workshop(lm, options.compare, [folder.expanduser() for folder in folders], options.device)
        name, application = lm.name, partial(create_app, workshop, record=options.record)
    if not is_built():
        out.talk("the page is not built in this clone: run `make page`; the API answers all the same")

    def ready(where: Address) -> None:
        if options.json:
            out.json("explore", {"url": where.url, "host": where.host, "port": where.port, "model": name})
        else:
            out.result(where.url)
        out.talk(f"{name} is open; Ctrl+C ends the Explorer")
        if options.open and sys.stderr.isatty():
            webbrowser.open(where.url)

    wanted = PORT if options.port is None else options.port
    serve(application, Address(options.host, wanted, options.key), is_exact=options.port is not None, ready=ready)


def _need_web() -> None:
    """FastAPI is an extra: a server of completions or a training machine has no use for it."""
    missing = [name for name in ("fastapi", "uvicorn") if find_spec(name) is None]
    if missing:
        raise GlassGPTError(f"The Explorer needs {' and '.join(missing)}: pip install 'glassgpt[explore]'.")
