"""ONNX Runtime, models exported by optimum, keys and values bound from step to step without copies through NumPy."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime

from writers import Ids


class OnnxWriter:
    """The plain loop over one session."""

    def __init__(self, place: Path, threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(str(place / "model.onnx"), options, ["CPUExecutionProvider"])
        inputs = {each.name: each for each in self.session.get_inputs()}
        self.inputs = set(inputs)
        self.pasts = [name for name in inputs if name.startswith("past_key_values")]
        self.shape = inputs[self.pasts[0]].shape
        self.outputs = [each.name for each in self.session.get_outputs()]

    def write(self, prompts: Sequence[Ids], count: int) -> list[Ids]:
        """All rows in one batch."""
        rows, ids, written = len(prompts), np.array(prompts, np.int64), []
        empty = np.zeros((rows, self.shape[1], 0, self.shape[3]), np.float32)
        pasts = [onnxruntime.OrtValue.ortvalue_from_numpy(empty) for _ in self.pasts]
        length = 0
        for _ in range(count):
            length += ids.shape[1]
            logits, *pasts = self._step(ids, length, pasts)
            ids = logits.numpy()[:, -1].argmax(-1)[:, None].astype(np.int64)
            written.append(ids)
        return np.concatenate(written, axis=1).tolist()

    def _step(self, ids: np.ndarray, length: int, pasts: list) -> list:
        rows, new = ids.shape
        arrays = {
            "input_ids": ids,
            "attention_mask": np.ones((rows, length), np.int64),
            "position_ids": np.tile(np.arange(length - new, length, dtype=np.int64), (rows, 1)),
        }
        binding = self.session.io_binding()
        for name in self.inputs & set(arrays):
            binding.bind_cpu_input(name, arrays[name])
        for name, past in zip(self.pasts, pasts, strict=True):
            binding.bind_ortvalue_input(name, past)
        for name in self.outputs:
            binding.bind_output(name)
        self.session.run_with_iobinding(binding)
        return list(binding.get_outputs())


def prepare(source: Path, target: Path, form: str) -> None:
    """Export, then its own dynamic quantisation."""
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from optimum.onnxruntime import ORTModelForCausalLM

    plain = target.with_name("onnx-fp32")
    if not plain.exists():
        ORTModelForCausalLM.from_pretrained(source, export=True).save_pretrained(plain)
    if form == "int8":
        target.mkdir(exist_ok=True)
        quantize_dynamic(plain / "model.onnx", target / "model.onnx", weight_type=QuantType.QInt8, per_channel=True)


def open_writer(place: Path, form: str, threads: int) -> OnnxWriter:
    """The file says what form it has."""
    return OnnxWriter(place, threads)
