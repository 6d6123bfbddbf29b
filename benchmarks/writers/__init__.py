"""GPT-2 as several programs write it, behind one call, for `against_peers.py`.

A module for each program. `prepare(source, target, form)` turns a folder in Hugging Face's format into what the program
reads; `open_writer(place, form, threads)` loads that. Each leaves out what its program's own fastest way leaves out:
scores are made for the last token of a prompt only, the most probable token is taken, nothing ends a text early.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

Ids = list[int]


class Writer(Protocol):
    """One program with one model loaded."""

    def write(self, prompts: Sequence[Ids], count: int) -> list[Ids]:
        """The `count` most probable tokens after each of the prompts, which are equally long; nothing is remembered."""
        ...


@dataclass(frozen=True)
class Kind:
    """A program, and the form in which it holds its weights."""

    name: str
    module: str
    """In this folder."""
    width: str
    """What a weight takes: "float32", "bfloat16", "int8" or "int4"; only like is compared with like."""
    form: str
    """What the program calls this."""
    file: str
    """What `prepare` makes; forms may share it."""


def prepared(kind: Kind, folder: Path) -> Path:
    """Where what it reads lies."""
    return folder / kind.file


KINDS = [
    Kind("GlassGPT float32", "ours", "float32", "float32", "source"),
    Kind("llama.cpp F32", "llama_cpp_writer", "float32", "f32", "f32.gguf"),
    Kind("CTranslate2 float32", "ctranslate2_writer", "float32", "float32", "ct2-float32"),
    Kind("OpenVINO GenAI f32", "openvino_writer", "float32", "f32", "openvino-fp32"),
    Kind("ONNX Runtime fp32", "onnx_writer", "float32", "fp32", "onnx-fp32"),
    Kind("transformers float32", "transformers_writer", "float32", "float32", "source"),
    Kind("GlassGPT bfloat16", "ours", "bfloat16", "bfloat16", "source"),
    Kind("llama.cpp BF16", "llama_cpp_writer", "bfloat16", "bf16", "bf16.gguf"),
    Kind("llama.cpp F16", "llama_cpp_writer", "bfloat16", "f16", "f16.gguf"),
    Kind("OpenVINO GenAI bf16", "openvino_writer", "bfloat16", "bf16", "openvino-fp32"),
    Kind("transformers bfloat16", "transformers_writer", "bfloat16", "bfloat16", "source"),
    Kind("GlassGPT int8", "ours", "int8", "int8", "source"),
    Kind("GlassGPT int8, int8 cache", "ours", "int8", "int8+int8", "source"),
    Kind("llama.cpp Q8_0", "llama_cpp_writer", "int8", "q8_0", "q8_0.gguf"),
    Kind("CTranslate2 int8", "ctranslate2_writer", "int8", "int8_float32", "ct2-int8"),
    Kind("OpenVINO GenAI int8 f32", "openvino_writer", "int8", "f32", "openvino-int8"),
    Kind("OpenVINO GenAI int8 bf16", "openvino_writer", "int8", "bf16", "openvino-int8"),
    Kind("ONNX Runtime int8", "onnx_writer", "int8", "int8", "onnx-int8"),
    Kind("GlassGPT int4", "ours", "int4", "int4", "source"),
    Kind("GlassGPT int4, int8 cache", "ours", "int4", "int4+int8", "source"),
    Kind("llama.cpp Q4_0", "llama_cpp_writer", "int4", "q4_0", "q4_0.gguf"),
    Kind("llama.cpp Q4_K_M", "llama_cpp_writer", "int4", "q4_k_m", "q4_k_m.gguf"),
    Kind("OpenVINO GenAI int4 f32", "openvino_writer", "int4", "f32", "openvino-int4"),
    Kind("OpenVINO GenAI int4 bf16", "openvino_writer", "int4", "bf16", "openvino-int4"),
]
