"""How far a preparation is, on disk: so that one which was killed goes on and ends with the same bytes."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from glassgpt.checkpoints.atomic import new_file
from glassgpt.data.writer import Written

JOURNAL = ".tmp-journal.json"


@dataclass(slots=True)
class Position:
    """What has been read, and what of it written."""

    file: int = 0
    pieces: int = 0
    """Of that file."""
    document: int = 0
    """Its number among the different documents of the corpus: the same in each repetition."""
    first: int = 0
    """The number of the first document of the source being read."""
    inside: bool = False
    """Whether the next piece goes on with a document."""
    documents: int = 0
    """How many different ones there are to train on."""
    text_bytes: int = 0
    written: dict[str, Written] = field(default_factory=dict)
    """By name of the shard."""


def note(folder: Path, plan: Mapping[str, object], position: Position) -> None:
    """Write down where a preparation stands; the file is replaced whole."""
    with new_file(folder / JOURNAL) as temporary:
        temporary.write_text(json.dumps({"plan": plan, "position": asdict(position)}))


def recall(folder: Path, plan: Mapping[str, object]) -> Position | None:
    """Where a preparation of the very same plan stood, or None."""
    try:
        noted = json.loads((folder / JOURNAL).read_text())
        if noted["plan"] != json.loads(json.dumps(plan)):
            return None
        written = {name: Written(**values) for name, values in noted["position"].pop("written").items()}
        return Position(**noted["position"], written=written)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def forget(folder: Path) -> None:
    """Nothing is left to go on with."""
    (folder / JOURNAL).unlink(missing_ok=True)
