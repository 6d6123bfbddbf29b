"""Corpus in, shards of token ids, batches out."""

from glassgpt.data.batch import Batch
from glassgpt.data.batches import Batches, make_batches
from glassgpt.data.corpus import Corpus, open_data
from glassgpt.data.documents import read_documents
from glassgpt.data.fields import Pairs, Text
from glassgpt.data.job import Prepared
from glassgpt.data.prepare import prepare
from glassgpt.data.shard import Shard, open_shard
from glassgpt.data.sources import Source
from glassgpt.data.verify import verify_data
from glassgpt.data.writer import ShardWriter, write_shard

__all__ = [
    "Batch",
    "Batches",
    "Corpus",
    "Pairs",
    "Prepared",
    "Shard",
    "ShardWriter",
    "Source",
    "Text",
    "make_batches",
    "open_data",
    "open_shard",
    "prepare",
    "read_documents",
    "verify_data",
    "write_shard",
]
