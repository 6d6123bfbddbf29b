"""Corpus in, shards of token ids, batches out.

What needs PyTorch is imported when it is first used.
"""

import typing

from glassgpt import lazy
from glassgpt.data.documents import read_documents
from glassgpt.data.fields import Pairs, Text
from glassgpt.data.folder import Folder, open_folder
from glassgpt.data.mixture import Share
from glassgpt.data.shard import Shard, open_shard
from glassgpt.data.sources import Source
from glassgpt.data.writer import ShardWriter, write_shard

if typing.TYPE_CHECKING:
    from glassgpt.data.batch import Batch
    from glassgpt.data.batches import Batches, make_batches
    from glassgpt.data.convert import convert_data
    from glassgpt.data.corpus import Corpus, open_data
    from glassgpt.data.job import Prepared
    from glassgpt.data.preparation import prepare
    from glassgpt.data.verify import verify_data

__all__ = [
    "Batch",
    "Batches",
    "Corpus",
    "Folder",
    "Pairs",
    "Prepared",
    "Shard",
    "ShardWriter",
    "Share",
    "Source",
    "Text",
    "convert_data",
    "make_batches",
    "open_data",
    "open_folder",
    "open_shard",
    "prepare",
    "read_documents",
    "verify_data",
    "write_shard",
]

__getattr__ = lazy.on_first_use(
    __name__,
    {
        "Batch": "batch",
        "Batches": "batches",
        "Corpus": "corpus",
        "Prepared": "job",
        "convert_data": "convert",
        "make_batches": "batches",
        "open_data": "corpus",
        "prepare": "preparation",
        "verify_data": "verify",
    },
)
