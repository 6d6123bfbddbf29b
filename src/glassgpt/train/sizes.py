"""A recipe at several sizes, on equal tokens: the points that a scaling law is fitted to."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from glassgpt.data.corpus import Paths
from glassgpt.errors import RunError
from glassgpt.train.loop import train
from glassgpt.train.recipe import Recipe, changed
from glassgpt.train.scaling import body_parameters

HEAD = 32
"""Width of a head, where that divides the model's."""


@dataclass(frozen=True, slots=True)
class Size:
    """One model and its loss."""

    layers: int
    width: int
    parameters: int
    """Without the embeddings."""
    nats: float
    """A token of the validation shard."""


def resized(recipe: Recipe, layers: int, width: int) -> Recipe:
    """The recipe with another shape, and evaluated once, on all that is held back."""
    heads = width // HEAD if width % HEAD == 0 else 1
    shape = {"model.n_layers": layers, "model.emb_dim": width, "model.n_heads": heads, "model.mlp_dim": None}
    return changed(recipe, {**shape, "watching.evaluate_every": 0, "watching.evaluate_tokens": 2**31})


def train_sizes(
    recipe: Recipe,
    shapes: Sequence[tuple[int, int]],
    data: Paths,
    folder: Path,
    *,
    device: str = "auto",
    listen: Callable[[Size], None] = lambda size: None,
) -> list[Size]:
    """Train each (layers, width) in a run of its own under `folder`; fewer come back where it was interrupted.

    Raises RunError where the data hold no validation shard.
    """
    found: list[Size] = []
    for layers, width in shapes:
        at_size = resized(recipe, layers, width)
        result = train(at_size, folder / f"{layers}x{width}", data, device=device)
        if result.interrupted:
            return found
        nats = final_loss(folder / f"{layers}x{width}")
        found.append(Size(layers, width, body_parameters(at_size.model), nats))
        listen(found[-1])
    return found


def final_loss(run: Path) -> float:
    """Nats a token at the last evaluation of a run, as its log has it: also of one that ended long ago.

    Raises RunError where nothing was evaluated.
    """
    events = [json.loads(line) for line in (run / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    losses = [event["nats_per_token"] for event in events if event["event"] == "evaluation"]
    if not losses:
        raise RunError(f"{run} was never evaluated: runs are compared by text held back, and the data have none.")
    return float(losses[-1])
