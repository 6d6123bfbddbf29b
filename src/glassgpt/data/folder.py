"""A data folder: shards to train on, one to check on, and the tokenizer they were made with.

data/train.bin    data/valid.bin    data/tokenizer/    data/data.json
"""

from dataclasses import dataclass
from pathlib import Path

from glassgpt.data.shard import Shard, open_shard
from glassgpt.errors import DataError
from glassgpt.tokens import Tokenizer


@dataclass(frozen=True, slots=True)
class Folder:
    """What one of them holds."""

    path: Path
    train: tuple[Shard, ...]
    valid: Shard | None
    tokenizer: Tokenizer

    @property
    def tokens(self) -> int:
        """To train on."""
        return sum(shard.count for shard in self.train)


def open_folder(path: Path) -> Folder:
    """Open a data folder. Raises DataError where something is missing or does not fit together."""
    if not (path / "train.bin").exists():
        raise DataError(f"{path} holds no train.bin. Make it first: glassgpt data prepare TEXT --out {path}")
    train = open_shard(path / "train.bin")
    valid = open_shard(path / "valid.bin") if (path / "valid.bin").exists() else None
    tokenizer = Tokenizer.load(path / "tokenizer")
    for shard in (train, valid):
        if shard and shard.vocabulary != tokenizer.fingerprint:
            raise DataError(
                f"{shard.path} was not made with the tokenizer beside it. Run `glassgpt data prepare` again."
            )
    return Folder(path, (train,), valid, tokenizer)
