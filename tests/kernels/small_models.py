"""Small models of random weights, packed."""

import zlib

import numpy as np

from glassgpt.kernels.arithmetic import to_bfloat16_twin
from glassgpt.kernels.layout import FORMATS
from glassgpt.kernels.weights import Shape, pack_model


def shape(**changes) -> Shape:
    settings = {"vocabulary": 97, "positions": 150, "width": 40, "heads": 5, "layers": 2, "mlp": 70, **changes}
    factors = (float((settings["width"] // settings["heads"]) ** -0.5),) * settings["layers"]
    return Shape(activation=settings.pop("activation", "gelu_new"), epsilon=1e-5, factors=factors, **settings)


def tensors(shape: Shape, scale: float = 0.3):
    """A function that gives each tensor by name, always the same."""

    def get(name: str):
        random = np.random.default_rng(zlib.crc32(name.encode()))
        width, mlp = shape.width, shape.mlp
        part = name.split(".")[-2]
        sizes = {"c_attn": (3 * width, width), "c_fc": (mlp, width), "wte": (shape.vocabulary, width)}
        sizes |= {"lm_head": (shape.vocabulary, width), "wpe": (shape.positions, width)}
        size = sizes.get(part) or ((width, mlp) if "mlp" in name else (width, width))
        if part.startswith("ln"):
            return (name.endswith("weight") + 0.1 * random.standard_normal(width)).astype(np.float32)
        size = size if name.endswith("weight") else size[:1]
        return (scale * random.standard_normal(size)).astype(np.float32)

    return get


def packed(shape: Shape, body: str = "float32", head: str | None = None, *, tied: bool = True, half: bool = False):
    get = tensors(shape)
    tables = get("wte.weight"), get("wpe.weight")
    if half:
        tables = tuple(to_bfloat16_twin(table) for table in tables)
    words, places = tables
    return pack_model(get, shape, None if tied else words, places, FORMATS[body], FORMATS[head or body])
