"""Corpus in, shards of token ids, batches out."""

from glassgpt.data.batch import Batch
from glassgpt.data.batches import Batches, make_batches
from glassgpt.data.corpus import Corpus, open_data
from glassgpt.data.documents import read_documents
from glassgpt.data.prepare import Prepared, Source, prepare
from glassgpt.data.shard import Shard, open_shard
from glassgpt.data.writer import ShardWriter, write_shard

__all__ = [
    "Batch",
    "Batches",
    "Corpus",
    "Prepared",
    "Shard",
    "ShardWriter",
    "Source",
    "make_batches",
    "open_data",
    "open_shard",
    "prepare",
    "read_documents",
    "write_shard",
]
