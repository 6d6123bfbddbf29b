"""Corpus in, shards of token ids, batches out."""

from glassgpt.data.batch import Batch
from glassgpt.data.batches import Batches
from glassgpt.data.documents import read_documents
from glassgpt.data.prepare import Prepared, Source, prepare
from glassgpt.data.shard import Shard, ShardWriter, open_shard, write_shard

__all__ = [
    "Batch",
    "Batches",
    "Prepared",
    "Shard",
    "ShardWriter",
    "Source",
    "open_shard",
    "prepare",
    "read_documents",
    "write_shard",
]
