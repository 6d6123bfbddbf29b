"""CTranslate2's generator."""

import json
from collections.abc import Sequence
from pathlib import Path

import ctranslate2

from writers import Ids


class CTranslate2Writer:
    """It takes and gives tokens by their spelling."""

    def __init__(self, place: Path, form: str, threads: int) -> None:
        self.tokens = json.loads((place / "vocabulary.json").read_text())
        self.generator = ctranslate2.Generator(
            str(place), device="cpu", compute_type=form, inter_threads=1, intra_threads=threads
        )

    def write(self, prompts: Sequence[Ids], count: int) -> list[Ids]:
        """All rows in one batch; at least and at most so many tokens."""
        results = self.generator.generate_batch(
            [[self.tokens[token] for token in ids] for ids in prompts],
            min_length=count,
            max_length=count,
            sampling_topk=1,
            include_prompt_in_result=False,
        )
        return [result.sequences_ids[0] for result in results]


def prepare(source: Path, target: Path, form: str) -> None:
    """Its own converter."""
    quantization = "int8" if form.startswith("int8") else None
    ctranslate2.converters.TransformersConverter(str(source)).convert(str(target), quantization=quantization)


def open_writer(place: Path, form: str, threads: int) -> CTranslate2Writer:
    """`form` is what it computes in."""
    return CTranslate2Writer(place, form, threads)
