"""How formats name and shape GPT-2's tensors: one table each, and the table is the whole adapter.

Our names and shapes are those of `glassgpt.model.tally`, matrices as (out, in).
"""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Any


class Form(Enum):
    """How a stored tensor differs from ours."""

    SAME = "same"
    FLIPPED = "flipped"
    """(in, out), as TensorFlow's convolution of width 1 and Hugging Face's `Conv1D` have it."""
    FLIPPED_IN_ONE = "flipped in one"
    """(1, in, out), the convolution as TensorFlow stores it."""

    def shape(self, ours: tuple[int, ...]) -> tuple[int, ...]:
        """The stored shape of a tensor of our shape."""
        match self:
            case Form.SAME:
                return ours
            case Form.FLIPPED:
                return ours[::-1]
            case Form.FLIPPED_IN_ONE:
                return (1, *ours[::-1])

    def to_ours(self, stored: Any) -> Any:  # noqa: ANN401
        """A view of a stored tensor, or array, in our shape."""
        return stored if self is Form.SAME else stored.reshape(stored.shape[-2:]).T

    def to_theirs(self, ours: Any) -> Any:  # noqa: ANN401
        """A view of our tensor, or array, in the stored shape; the inverse of `to_ours`."""
        match self:
            case Form.SAME:
                return ours
            case Form.FLIPPED:
                return ours.T
            case Form.FLIPPED_IN_ONE:
                return ours.T[None]


@dataclass(frozen=True, slots=True)
class Layout:
    """One format: rows of (our name, their name, form), where `{}` stands for the layer's number."""

    title: str
    rows: tuple[tuple[str, str, Form], ...]
    wrappers: tuple[str, ...] = ()
    """What may stand before a name, repeatedly and in any order."""
    not_weights: re.Pattern[str] | None = None
    """Names of stored tensors that carry nothing learned."""

    def theirs(self, name: str) -> tuple[str, Form] | None:
        """How the format stores our tensor `name`; None when it has no place for it."""
        pattern, layer = _generalize(name)
        found = next(((theirs, form) for ours, theirs, form in self.rows if ours == pattern), None)
        return None if found is None else (found[0].format(layer), found[1])

    def is_weight(self, name: str) -> bool:
        """Whether a stored tensor of this bare name may carry something learned."""
        return self.not_weights is None or not self.not_weights.fullmatch(name)

    def bare(self, name: str) -> str:
        """A stored name without its wrappers."""
        while wrapper := next((w for w in self.wrappers if name.startswith(w)), ""):
            name = name.removeprefix(wrapper)
        return name


def _generalize(name: str) -> tuple[str, str]:
    """`h.11.ln_1.bias` -> `h.{}.ln_1.bias`, `11`."""
    match = re.match(r"h\.(\d+)\.", name)
    return (f"h.{{}}.{name[match.end() :]}", match[1]) if match else (name, "")


# fmt: off
HUGGING_FACE = Layout(
    "Hugging Face",
    (
        # ours                      theirs                      form
        ("wte.weight",              "wte.weight",               Form.SAME),
        ("wpe.weight",              "wpe.weight",               Form.SAME),
        ("h.{}.ln_1.weight",        "h.{}.ln_1.weight",         Form.SAME),
        ("h.{}.ln_1.bias",          "h.{}.ln_1.bias",           Form.SAME),
        ("h.{}.attn.c_attn.weight", "h.{}.attn.c_attn.weight",  Form.FLIPPED),
        ("h.{}.attn.c_attn.bias",   "h.{}.attn.c_attn.bias",    Form.SAME),
        ("h.{}.attn.c_proj.weight", "h.{}.attn.c_proj.weight",  Form.FLIPPED),
        ("h.{}.attn.c_proj.bias",   "h.{}.attn.c_proj.bias",    Form.SAME),
        ("h.{}.ln_2.weight",        "h.{}.ln_2.weight",         Form.SAME),
        ("h.{}.ln_2.bias",          "h.{}.ln_2.bias",           Form.SAME),
        ("h.{}.mlp.c_fc.weight",    "h.{}.mlp.c_fc.weight",     Form.FLIPPED),
        ("h.{}.mlp.c_fc.bias",      "h.{}.mlp.c_fc.bias",       Form.SAME),
        ("h.{}.mlp.c_proj.weight",  "h.{}.mlp.c_proj.weight",   Form.FLIPPED),
        ("h.{}.mlp.c_proj.bias",    "h.{}.mlp.c_proj.bias",     Form.SAME),
        ("ln_f.weight",             "ln_f.weight",              Form.SAME),
        ("ln_f.bias",               "ln_f.bias",                Form.SAME),
        ("lm_head.weight",          "lm_head.weight",           Form.SAME),
    ),
    wrappers=("transformer.", "_orig_mod.", "module."),
    # The causal mask and its fill value, which older versions of transformers saved. Not `attn.c_attn.bias`!
    not_weights=re.compile(r"h\.\d+\.attn\.(masked_)?bias"),
)
"""transformers' `GPT2LMHeadModel`; the wrappers are those of its own head, torch.compile and DDP."""

OPENAI = Layout(
    "OpenAI",
    (
        # ours                      theirs                      form
        ("wte.weight",              "model/wte",                Form.SAME),
        ("wpe.weight",              "model/wpe",                Form.SAME),
        ("h.{}.ln_1.weight",        "model/h{}/ln_1/g",         Form.SAME),
        ("h.{}.ln_1.bias",          "model/h{}/ln_1/b",         Form.SAME),
        ("h.{}.attn.c_attn.weight", "model/h{}/attn/c_attn/w",  Form.FLIPPED_IN_ONE),
        ("h.{}.attn.c_attn.bias",   "model/h{}/attn/c_attn/b",  Form.SAME),
        ("h.{}.attn.c_proj.weight", "model/h{}/attn/c_proj/w",  Form.FLIPPED_IN_ONE),
        ("h.{}.attn.c_proj.bias",   "model/h{}/attn/c_proj/b",  Form.SAME),
        ("h.{}.ln_2.weight",        "model/h{}/ln_2/g",         Form.SAME),
        ("h.{}.ln_2.bias",          "model/h{}/ln_2/b",         Form.SAME),
        ("h.{}.mlp.c_fc.weight",    "model/h{}/mlp/c_fc/w",     Form.FLIPPED_IN_ONE),
        ("h.{}.mlp.c_fc.bias",      "model/h{}/mlp/c_fc/b",     Form.SAME),
        ("h.{}.mlp.c_proj.weight",  "model/h{}/mlp/c_proj/w",   Form.FLIPPED_IN_ONE),
        ("h.{}.mlp.c_proj.bias",    "model/h{}/mlp/c_proj/b",   Form.SAME),
        ("ln_f.weight",             "model/ln_f/g",             Form.SAME),
        ("ln_f.bias",               "model/ln_f/b",             Form.SAME),
    ),
    # What training code saves beside the weights: step counters, and Adam's moments of each weight.
    not_weights=re.compile(r"(global_)?step|counter|beta[12]_power|.*/Adam(_1)?"),
)
"""The TensorFlow variables of openai/gpt-2, src/model.py; the head is always `model/wte`."""
# fmt: on
