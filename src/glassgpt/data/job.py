"""The work of a preparation: read, encode, deal out, and note how far it is."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path

from glassgpt.checkpoints.atomic import new_file
from glassgpt.data.documents import read_pieces
from glassgpt.data.encode import Encoded, encode, in_groups
from glassgpt.data.fields import Fields
from glassgpt.data.journal import Position, forget, note, recall
from glassgpt.data.sources import Reading
from glassgpt.data.verify import describe
from glassgpt.data.writer import ShardWriter, Written, has_marked
from glassgpt.errors import DataError
from glassgpt.tokens import Tokenizer

TRAIN, VALID = "train.bin", "valid.bin"
EVERY = 64 << 20
"""Bytes of text between two notes."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was written."""

    folder: str
    documents: int
    """Different ones, however often they are repeated."""
    train_tokens: int
    train_bytes: int
    valid_tokens: int
    valid_bytes: int
    vocabulary: str
    files: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """Size and SHA-256 of each shard."""


Progress = Callable[[int, int], None]
"""Called with bytes of text done and tokens written so far."""


class Job:
    """The shards being written, and where in the files they stand."""

    def __init__(
        self,
        out: Path,
        tokenizer: Tokenizer,
        fields: Fields,
        plan: Mapping[str, object],
        names: Sequence[str],
        every: int,
    ) -> None:
        """Open the shards, where a former job left them if its plan was the same."""
        self.out, self.tokenizer, self.fields, self.plan, self.every = out, tokenizer, fields, plan, every
        size = tokenizer.vocab_size
        noted = recall(out, plan)
        if noted is None or not all(has_marked(out / name, noted.written[name], size) for name in names):
            noted = Position(written={name: Written() for name in names})
        self.position, self.last_note = noted, noted.text_bytes
        self.writers = {
            name: ShardWriter(out / name, tokenizer.fingerprint, size, noted.written[name]) for name in names
        }

    def read(self, file: Reading, progress: Progress) -> None:
        """Encode what is left of a file."""
        at = self.position
        if file.opens and not at.pieces:
            if file.repetition:
                at.document = at.first
            at.first = at.document
        for group in in_groups(islice(read_pieces(file.path, self.fields), at.pieces, None)):
            for piece in encode(group, self.tokenizer):
                self._deal(piece, file)
            at.pieces += len(group)
            progress(at.text_bytes, sum(written.tokens for written in at.written.values()))
            if at.text_bytes - self.last_note >= EVERY:
                self._note()
        at.file, at.pieces = at.file + 1, 0
        at.documents = at.documents if file.held_back else max(at.documents, at.document)

    def close(self) -> Prepared:
        """Finish the shards and say what is in them."""
        if not self.position.documents:
            raise DataError("The sources hold no text: every document was empty.")
        for writer in self.writers.values():
            writer.close()
        forget(self.out)
        return finish(self.out, self.tokenizer, self.position.documents, self.position.written)

    def leave(self) -> None:
        """Stop, and keep what the last note speaks of."""
        for writer in self.writers.values():
            writer.leave()

    def discard(self) -> None:
        """Give up: remove what was written."""
        for writer in self.writers.values():
            writer.discard()
        forget(self.out)

    def _deal(self, piece: Encoded, file: Reading) -> None:
        """Put a piece where it belongs: to train on, or held back, or nowhere if it is held back already."""
        at = self.position
        chosen = bool(self.every) and at.document % self.every == self.every - 1
        if not (chosen and file.repetition):
            writer = self.writers[VALID if chosen or file.held_back else TRAIN]
            writer.add(piece.ids, piece.text_bytes, piece.prompt, begins=not at.inside)
        at.text_bytes += piece.text_bytes
        at.inside = not piece.ends
        at.document += piece.ends

    def _note(self) -> None:
        for writer in self.writers.values():
            writer.mark()
        note(self.out, self.plan, self.position)
        self.last_note = self.position.text_bytes


def finish(folder: Path, tokenizer: Tokenizer, documents: int, written: Mapping[str, Written]) -> Prepared:
    """Put the tokenizer and a summary beside finished shards."""
    tokenizer.save(folder / "tokenizer")
    train, valid = written[TRAIN], written.get(VALID, Written())
    summary = Prepared(
        folder=str(folder),
        documents=documents,
        train_tokens=train.tokens,
        train_bytes=train.text_bytes,
        valid_tokens=valid.tokens,
        valid_bytes=valid.text_bytes,
        vocabulary=tokenizer.fingerprint,
        files=describe(folder, written),
    )
    with new_file(folder / "data.json") as temporary:
        temporary.write_text(json.dumps({**asdict(summary), "folder": folder.name}, indent=2) + "\n")
    return summary
