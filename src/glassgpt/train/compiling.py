"""A function in, the same function fused by `torch.compile` out, where this machine has a compiler for it."""

import logging
import os
import shutil
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import torch

Given = ParamSpec("Given")
Result = TypeVar("Result")
log = logging.getLogger(__name__)


def compiled(function: Callable[Given, Result]) -> Callable[Given, Result]:
    """Fused at its first call, in tens of seconds; as it was, with a word about it, where no C++ compiler is found."""
    if not torch.cuda.is_available() and not compiler():
        log.warning("compile=true needs a C++ compiler (g++ or clang++); none is found, so steps run uncompiled.")
        return function
    return torch.compile(function)


def compiler() -> str | None:
    """The C++ compiler that PyTorch will use: the one $CXX names, or the first of the usual ones."""
    names = [os.environ.get("CXX", ""), "g++", "clang++"]
    return next((found for name in names if name and (found := shutil.which(name))), None)
