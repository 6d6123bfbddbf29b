"""Rows of tables as Hugging Face keeps them: .parquet and .arrow files, and folders that `save_to_disk` wrote.

The package `datasets` reads them, row by row from the disk; it is imported only here, when a row is asked for.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from glassgpt.errors import DataError

if TYPE_CHECKING:
    from types import ModuleType


def read_rows(path: Path) -> Iterator[tuple[str, object]]:
    """Yield where each row stands, and the row. Raises DataError for a file that is damaged or cannot be read here."""
    library = _datasets(path)
    try:
        for number, row in enumerate(_open(library, path)):
            yield f"{path}, row {number}", row
    except DataError:
        raise
    except Exception as error:  # whatever pyarrow thinks of a damaged file
        raise DataError(f"{path} cannot be read as a dataset: {error}.") from error


def _open(library: "ModuleType", path: Path) -> Iterable[object]:
    if path.is_dir():
        return library.load_from_disk(str(path))
    if path.suffix.lower() == ".arrow":
        return library.Dataset.from_file(str(path))
    return library.load_dataset("parquet", data_files=str(path), split="train", streaming=True)


def _datasets(path: Path) -> "ModuleType":
    try:
        import datasets
    except ImportError as error:
        raise DataError(f"{path} needs the package `datasets`: pip install 'glassgpt[data]'.") from error
    datasets.disable_progress_bars()
    return datasets
