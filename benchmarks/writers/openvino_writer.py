"""OpenVINO GenAI's pipeline, models exported by optimum-intel."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from writers import Ids


class OpenVinoWriter:
    """It is given ids, so that its tokenizer has no part in the time."""

    def __init__(self, place: Path, form: str, threads: int) -> None:
        import openvino_genai

        self.genai = openvino_genai
        options = {"INFERENCE_PRECISION_HINT": form, "INFERENCE_NUM_THREADS": threads}
        self.pipeline = openvino_genai.LLMPipeline(str(place), "CPU", **options)

    def write(self, prompts: Sequence[Ids], count: int) -> list[Ids]:
        """All rows in one batch; the end of a text ends nothing."""
        import openvino

        ids = openvino.Tensor(np.array(prompts, np.int64))
        mask = openvino.Tensor(np.ones((len(prompts), len(prompts[0])), np.int64))
        settings = self.genai.GenerationConfig()
        settings.max_new_tokens = settings.min_new_tokens = count
        settings.ignore_eos, settings.do_sample = True, False
        return [list(row) for row in self.pipeline.generate(self.genai.TokenizedInputs(ids, mask), settings).tokens]


def prepare(source: Path, target: Path, form: str) -> None:
    """Export, narrowed by its own compression as the target's name says."""
    import openvino
    from openvino_tokenizers import convert_tokenizer
    from optimum.intel import OVModelForCausalLM, OVWeightQuantizationConfig
    from transformers import AutoTokenizer

    bits = {"int8": 8, "int4": 4}.get(target.name.removeprefix("openvino-"))
    narrow = OVWeightQuantizationConfig(bits=bits) if bits else None
    model = OVModelForCausalLM.from_pretrained(source, export=True, load_in_8bit=False, quantization_config=narrow)
    model.save_pretrained(target)
    tokenizer = AutoTokenizer.from_pretrained(source)
    for name, part in zip(
        ("tokenizer", "detokenizer"), convert_tokenizer(tokenizer, with_detokenizer=True), strict=True
    ):
        openvino.save_model(part, target / f"openvino_{name}.xml")


def open_writer(place: Path, form: str, threads: int) -> OpenVinoWriter:
    """`form` is what it computes in."""
    return OpenVinoWriter(place, form, threads)
