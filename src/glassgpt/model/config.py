"""The shape of a GPT-2: numbers in, nothing else.

Field names are those of the source documents (`GPT_CONFIG_124M`); the further ones are what real checkpoints carry.
Sizes: Radford et al. 2019, table 2, with the parameter counts of the published weights.
"""

from dataclasses import dataclass

from glassgpt.errors import InvalidParameter

ACTIVATIONS = ("gelu_new", "gelu", "relu", "silu", "tanh")
"""GPT-2 uses `gelu_new`, the tanh form of GELU (openai/gpt-2, src/model.py)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GPT2Config:
    """The shape of one model; the defaults are GPT-2 small."""

    vocab_size: int = 50257
    """How many different tokens there are: 256 bytes + 50,000 merges + `<|endoftext|>`."""
    context_length: int = 1024
    """How many tokens the model can see at once."""
    emb_dim: int = 768
    """Width of the vector that stands for one token."""
    n_heads: int = 12
    """Attention heads in each block; divides `emb_dim`."""
    n_layers: int = 12
    """Transformer blocks."""
    drop_rate: float = 0.1
    """Dropout in training, everywhere GPT-2 has it."""
    qkv_bias: bool = True
    """Whether the query, key and value projections have a bias; the published weights do."""
    tie_embeddings: bool = True
    """Whether the output head is the token embedding, as in the published weights."""
    mlp_dim: int | None = None
    """Width inside the feed-forward network; None means 4 x `emb_dim`."""
    activation: str = "gelu_new"
    """Non-linearity of the feed-forward network."""
    layer_norm_eps: float = 1e-5
    """ε of every layer normalisation (openai/gpt-2, src/model.py, `norm`)."""
    scale_attn_weights: bool = True
    """Divide attention scores by √(head width)."""
    scale_attn_by_inverse_layer_idx: bool = False
    """Divide them by (layer + 1) too: the stanford-crfm checkpoints."""
    reorder_and_upcast_attn: bool = False
    """Compute scores and softmax in float32 even in half precision: the same checkpoints."""

    def __post_init__(self) -> None:
        """Refuse shapes that cannot be built."""
        counts = ("vocab_size", "context_length", "emb_dim", "n_heads", "n_layers")
        for name in (*counts, *(("mlp_dim",) if self.mlp_dim is not None else ())):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise InvalidParameter(name, value, "must be a whole number ≥ 1")
        if self.emb_dim % self.n_heads:
            raise InvalidParameter("n_heads", self.n_heads, f"must divide emb_dim={self.emb_dim}")
        if not 0 <= self.drop_rate < 1:
            raise InvalidParameter("drop_rate", self.drop_rate, "must be in [0, 1)")
        if not 0 < self.layer_norm_eps < 1:
            raise InvalidParameter("layer_norm_eps", self.layer_norm_eps, "must be in (0, 1)")
        if self.activation not in ACTIVATIONS:
            raise InvalidParameter("activation", self.activation, f"must be one of {', '.join(ACTIVATIONS)}")

    @property
    def head_dim(self) -> int:
        """Width of one head's queries, keys and values."""
        return self.emb_dim // self.n_heads

    @property
    def mlp_width(self) -> int:
        """Width inside the feed-forward network, resolved."""
        return 4 * self.emb_dim if self.mlp_dim is None else self.mlp_dim


SIZES = {
    "small": GPT2Config(emb_dim=768, n_heads=12, n_layers=12),
    "medium": GPT2Config(emb_dim=1024, n_heads=16, n_layers=24),
    "large": GPT2Config(emb_dim=1280, n_heads=20, n_layers=36),
    "xl": GPT2Config(emb_dim=1600, n_heads=25, n_layers=48),
}
"""The four published sizes: 124,439,808 · 354,823,168 · 774,030,080 · 1,557,611,200 parameters."""
