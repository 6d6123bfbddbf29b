"""That other programs read what we write and write what we read: weights in files, ids of texts, generated ids.

Each function counts what is not the same, and returns 0 when all is well.
"""

import random
import tempfile
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import tiktoken
import torch
import transformers
from tiktoken_ext.openai_public import r50k_pat_str

from glassgpt.checkpoints import convert, load_model, save_model
from glassgpt.engine import Request, TorchBackend, generate
from glassgpt.model import GPT2, GPT2Config
from glassgpt.sampling import SamplingParams
from glassgpt.tokens import END_OF_TEXT, Tokenizer
from tests.oracle.twins import CASES, ours, pairs, random_ids, random_weights, theirs
from tests.tokens.texts import FRAGMENTS

SHAPE = GPT2Config(context_length=12, emb_dim=48, n_heads=3, n_layers=2, drop_rate=0.0)
"""GPT-2's own vocabulary, so that folders need no tokenizer files."""


# Rung 4: weights through files


def tensors_changed_by_files() -> int:
    """transformers → us → OpenAI's format → us → transformers, tied and untied; every tensor, every bit."""
    with tempfile.TemporaryDirectory() as folder:
        return sum(
            _changed_on_the_way(replace(SHAPE, tie_embeddings=is_tied), Path(folder, str(is_tied)))
            for is_tied in (True, False)
        )


def _changed_on_the_way(config: GPT2Config, folder: Path) -> int:
    source = theirs(config, random_weights(config), torch.float32)
    source.save_pretrained(folder / "theirs")
    models = [load_model(folder / "theirs").model]
    if config.tie_embeddings:  # OpenAI's format has no place for an untied head
        convert(folder / "theirs", folder / "openai", to="openai")
        models.append(load_model(folder / "openai").model)
    save_model(models[-1], folder / "ours")
    models.append(load_model(folder / "ours").model)
    target = transformers.GPT2LMHeadModel.from_pretrained(folder / "ours", local_files_only=True)
    ends = sum(not torch.equal(p, q) for other in (source, target) for _, p, q in pairs(models[0], other))
    return ends + sum(_changed(a, b) for a, b in pairwise(models))


def _changed(a: GPT2, b: GPT2) -> int:
    return sum(not torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))


# Rung 5: generated ids


def continuations_unlike_transformers(beams: int) -> int:
    """Texts of unequal length, continued greedily (one beam) or by beam search, in every shape."""
    return sum(_unlike(name, beams) for name in CASES)


def _unlike(name: str, beams: int) -> int:
    case = CASES[name]
    weights = random_weights(case.config)
    prompts = [random_ids(case.config, 1, length, seed=length)[0].tolist() for length in (1, 4, 7)]
    params = SamplingParams(max_new_tokens=8, temperature=0.0, num_beams=beams, ignore_eos=True)
    backend = TorchBackend(ours(case.config, weights, torch.float32))
    written = generate(backend, [Request(prompt, params) for prompt in prompts], None)
    other = theirs(case.config, weights, torch.float32)
    other.generation_config.eos_token_id = None  # texts go on, as ours do with `ignore_eos`
    expected = [
        other.generate(  # pyrefly: ignore
            torch.tensor([prompt]),
            attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
            generation_config=transformers.GenerationConfig(
                max_new_tokens=8, num_beams=beams, do_sample=False, pad_token_id=0, use_cache=True
            ),
        )[0, len(prompt) :].tolist()
        for prompt in prompts
    ]
    return sum(list(mine[0].ids) != ids for mine, ids in zip(written, expected, strict=True))


# Rung 16: ids of texts


def texts_encoded_unlike_tiktoken(count: int = 3000) -> int:
    """Texts put together from what tokenizers disagree about, from a frozen seed."""
    mine = Tokenizer.gpt2()
    ranks = dict(mine.vocabulary.ids)
    openai = tiktoken.Encoding("gpt2", pat_str=r50k_pat_str, mergeable_ranks=ranks, special_tokens={END_OF_TEXT: 50256})
    draw = random.Random(0)
    texts = ["".join(_fragment(draw) for _ in range(draw.randrange(12))) for _ in range(count)]
    return sum(
        mine.encode(text) != openai.encode_ordinary(text) or mine.decode(mine.encode(text)) != text for text in texts
    )


def _fragment(draw: random.Random) -> str:
    kind = draw.randrange(5)
    if kind == 0:
        return draw.choice(FRAGMENTS)
    if kind == 1:
        return draw.choice(" \t\n\r\u00a0\u3000") * draw.randrange(1, 5)
    if kind == 2:
        return draw.choice("aeE1'.-é你🙂") * draw.randrange(1, 40)
    if kind == 3:
        return "".join(chr(draw.choice((draw.randrange(0xD800), draw.randrange(0xE000, 0x110000)))) for _ in range(6))
    return draw.choice((" the", " Of", "ing", "n't", "'LL", " 2026", " http://", "\n\n"))
