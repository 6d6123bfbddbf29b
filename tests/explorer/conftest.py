"""An Explorer over a small random model, and a client that speaks to it as our own page does."""

import json
import struct

import numpy as np
import pytest

HERE = "http://127.0.0.1:8124"


@pytest.fixture(scope="session")
def lm(small_folder):
    """A small random model, loaded."""
    import glassgpt

    return glassgpt.load(small_folder, device="cpu")


@pytest.fixture
def workshop(lm):
    from glassgpt.explorer import Workshop

    return Workshop(lm, device="cpu")


@pytest.fixture
def client(workshop):
    from starlette.testclient import TestClient

    from glassgpt.explorer import create_app

    return TestClient(create_app(workshop), base_url=HERE)


@pytest.fixture
def tokens_of_three(lm):
    """A client of a model that reads three tokens."""
    from starlette.testclient import TestClient

    from glassgpt.explorer import Workshop, create_app
    from glassgpt.language_model import LanguageModel
    from glassgpt.model import GPT2, GPT2Config, initialize

    shape = GPT2Config(vocab_size=lm.config.vocab_size, context_length=3, emb_dim=4, n_heads=1, n_layers=1)
    short = LanguageModel(initialize(GPT2(shape), seed=1).eval(), lm.tokenizer, "short")
    return TestClient(create_app(Workshop(short, device="cpu")), base_url=HERE)


@pytest.fixture
def ids(lm):
    return lm.tokenizer.encode("the quick brown fox jumps over the")


def arrays(reply):
    """A safetensors reply, read by the format's own description."""
    assert reply.status_code == 200, reply.text
    (length,) = struct.unpack("<Q", reply.content[:8])
    header = json.loads(reply.content[8 : 8 + length])
    facts = json.loads(header.pop("__metadata__")["facts"])
    kinds = {"F32": "<f4", "F64": "<f8", "U8": "u1", "I64": "<i8"}
    found = {}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        raw = reply.content[8 + length + start : 8 + length + end]
        found[name] = np.frombuffer(raw, kinds[entry["dtype"]]).reshape(entry["shape"])
    return found, facts


def events(reply):
    """The events of a stream, as names and values."""
    blocks = [block.split("\n") for block in reply.text.split("\n\n") if block]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in blocks]
