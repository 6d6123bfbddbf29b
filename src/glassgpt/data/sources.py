"""What a corpus is made of: files and folders, how often each is read, and in which order."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from glassgpt.data.files import list_files
from glassgpt.errors import InvalidParameter


@dataclass(frozen=True, slots=True)
class Source:
    """One file or folder of the corpus and how often it is repeated."""

    path: Path
    repeat: int = 1

    @classmethod
    def parse(cls, text: str) -> "Source":
        """Read `PATH` or `PATH*2`."""
        path, star, times = text.rpartition("*")
        if not star:
            return cls(Path(text).expanduser())
        if not times.isdigit() or not 1 <= int(times) <= 100:
            raise InvalidParameter("source", text, "after * must stand how often to repeat, 1 to 100")
        return cls(Path(path).expanduser(), int(times))


@dataclass(frozen=True, slots=True)
class Reading:
    """One file, read once."""

    path: Path
    repetition: int
    opens: bool
    """Whether it is the first file of this repetition."""
    held_back: bool
    """Whether all of it is for validation."""

    def facts(self) -> list[object]:
        """What another file, or the same one changed, does not have."""
        found = self.path.stat()
        return [str(self.path.absolute()), found.st_size, found.st_mtime_ns, self.repetition, self.held_back]


def readings(sources: Sequence[Source], valid: Sequence[Source]) -> list[Reading]:
    """All files in the order in which they are read, those for validation last."""
    return [*_readings(sources, held_back=False), *_readings(valid, held_back=True)]


def _readings(sources: Sequence[Source], *, held_back: bool) -> Iterator[Reading]:
    for source in sources:
        files = list_files(source.path)
        for repetition in range(source.repeat):
            for number, path in enumerate(files):
                yield Reading(path, repetition, number == 0, held_back)
