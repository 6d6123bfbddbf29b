"""llama.cpp through llama-cpp-python's low-level calls, weights in GGUF."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np

from writers import Ids
from writers.gguf_file import write_gguf

SILENT = llama_cpp.llama_log_callback(lambda level, text, data: None)


class LlamaWriter:
    """One model; a context for each number and length of texts, flash attention on."""

    def __init__(self, place: Path, threads: int) -> None:
        llama_cpp.llama_log_set(SILENT, None)
        llama_cpp.llama_backend_init()
        params = llama_cpp.llama_model_default_params()
        self.model = llama_cpp.llama_model_load_from_file(str(place).encode(), params)
        if not self.model:
            raise RuntimeError(f"llama.cpp cannot read {place}")
        vocabulary = llama_cpp.llama_model_get_vocab(self.model)
        self.vocab_size, self.threads = llama_cpp.llama_vocab_n_tokens(vocabulary), threads
        self.shape, self.context = (0, 0), None

    def write(self, prompts: Sequence[Ids], count: int) -> list[Ids]:
        """All rows in one batch, a sequence each."""
        self._make_context(len(prompts), len(prompts[0]) + count)
        newest = self._decode(prompts, 0)
        written = [newest]
        for place in range(len(prompts[0]), len(prompts[0]) + count - 1):
            newest = self._decode([[token] for token in newest], place)
            written.append(newest)
        return [list(row) for row in zip(*written, strict=True)]

    def _make_context(self, rows: int, length: int) -> None:
        length = -(-length // 256) * 256
        if self.context is not None and self.shape == (rows, length):
            llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self.context), False)
            return
        if self.context is not None:
            llama_cpp.llama_free(self.context)
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = rows * length
        params.n_batch, params.n_ubatch, params.n_seq_max = max(2048, rows), 512, rows
        params.n_threads = params.n_threads_batch = self.threads
        params.flash_attn_type = llama_cpp.LLAMA_FLASH_ATTN_TYPE_ENABLED
        self.context, self.shape = llama_cpp.llama_init_from_model(self.model, params), (rows, length)
        if not self.context:
            raise RuntimeError("llama.cpp makes no context")

    def _decode(self, pieces: Sequence[Ids], place: int) -> Ids:
        """One step: tokens of each row from `place` on; the most probable next one of each."""
        total = sum(map(len, pieces))
        batch = llama_cpp.llama_batch_init(total, 0, 1)
        last = [self._append(batch, row, ids, place) for row, ids in enumerate(pieces)]
        failed = llama_cpp.llama_decode(self.context, batch)
        llama_cpp.llama_batch_free(batch)
        if failed:
            raise RuntimeError(f"llama_decode gives {failed}")
        return [self._best(number) for number in last]

    @staticmethod
    def _append(batch: Any, row: int, ids: Ids, place: int) -> int:
        for offset, token in enumerate(ids):
            n = batch.n_tokens
            batch.token[n], batch.pos[n], batch.n_seq_id[n] = token, place + offset, 1
            batch.seq_id[n][0], batch.logits[n] = row, offset == len(ids) - 1
            batch.n_tokens = n + 1
        return batch.n_tokens - 1

    def _best(self, number: int) -> int:
        logits = llama_cpp.llama_get_logits_ith(self.context, number)
        return int(np.ctypeslib.as_array(logits, (self.vocab_size,)).argmax())


def prepare(source: Path, target: Path, form: str) -> None:
    """Write GGUF in full width, then have llama.cpp narrow it, all matrices alike where its format is one."""
    plain = target.with_name("f32.gguf")
    if not plain.exists():
        write_gguf(source, plain)
    if form == "f32":
        return
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype = getattr(llama_cpp, f"LLAMA_FTYPE_MOSTLY_{form.upper()}")
    params.pure = form in ("q8_0", "q4_0")
    if llama_cpp.llama_model_quantize(str(plain).encode(), str(target).encode(), params):
        raise RuntimeError(f"llama.cpp makes no {form}")


def open_writer(place: Path, form: str, threads: int) -> LlamaWriter:
    """The file says what form it has."""
    return LlamaWriter(place, threads)
