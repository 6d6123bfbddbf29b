"""Steps of one token a text, recorded once and replayed: what keeps a GPU busy while it writes.

Reading one token is some two hundred small kernels. Python needs longer to ask for them than a GPU to run them; a CUDA
graph asks for all of them at once. What is recorded must not change between two runs but in the contents of tensors:
so the step reads ids and places from buffers of its own, keys and values lie where they were allocated, and how much of
them is looked at is rounded up to one of a few lengths. Nothing else in it comes from Python, and a test records it in
another way to see that (`tests/engine/test_replay.py`).
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, final, runtime_checkable
from weakref import WeakKeyDictionary

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from glassgpt.engine.past import BLOCK, Layer, StaticPast
from glassgpt.model import Past

Run = Callable[[], Tensor]
Read = Callable[[Int[Tensor, "B 1"], Past], Float[Tensor, "B 1 D"]]
"""New ids and what is remembered in; what the model makes of each token, just before its head, out."""
MOST = 64
"""Recorded steps of one memory; the one used longest ago is forgotten."""


@runtime_checkable
class Recorder(Protocol):
    """Turns a step into one that gives the same, sooner. Its result is overwritten by the next run."""

    def record(self, run: Run) -> Run:
        """`run` may be called any number of times meanwhile."""
        ...


@final
class Plain:
    """Runs what would be recorded: the same code where there is nothing to record with."""

    def record(self, run: Run) -> Run:
        """The step itself."""
        return run


@final
class Graphs:
    """CUDA graphs, all of which use one piece of memory in turn."""

    WARM_UPS = 2
    """Libraries allocate what they need on their first calls, which cannot be recorded."""

    def __init__(self) -> None:
        self._pool = torch.cuda.graph_pool_handle()

    def record(self, run: Run) -> Run:
        """Warm up beside the usual stream, record, and hand out what replays it."""
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(self.WARM_UPS):
                run()
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool):
            result = run()

        def replay() -> Tensor:
            graph.replay()
            return result

        return replay


@dataclass(frozen=True, slots=True)
class FixedStep:
    """The `Past` of a step in which every row reads one token: nothing but tensors tells where."""

    keys: Float[Tensor, "L B H R W"]
    """Of the rows that are read, in all layers."""
    values: Float[Tensor, "L B H R W"]
    visible: int
    """How many positions are looked at: at least as many as any row holds."""
    places: Int[Tensor, "B 1"]

    def positions(self, ids: Int[Tensor, "B 1"]) -> Int[Tensor, "B 1"]:
        """Where the new tokens stand in their texts."""
        return self.places

    def mask(self, ids: Int[Tensor, "B 1"]) -> Bool[Tensor, "B 1 1 S"]:
        """Each token sees itself and what is before it."""
        seen = torch.arange(self.visible, device=self.places.device)
        return (seen <= self.places[..., None])[:, None]

    def layers(self, count: int) -> Iterator[Layer]:
        """The keys and values of each layer."""
        for layer in range(count):
            yield Layer(self.keys[layer], self.values[layer], self.places, self.visible)


@dataclass(slots=True)
class _Frame:
    """A step of one shape, and the buffers that it reads."""

    ids: Int[Tensor, "B 1"]
    places: Int[Tensor, "B 1"]
    run: Run
    is_recorded: bool = False


@final
class Repeater:
    """Reads one token in each of some neighbouring rows. A shape is recorded when it comes for the second time."""

    def __init__(self, read: Read, recorder: Recorder) -> None:
        self._read, self._recorder = read, recorder
        self._frames: WeakKeyDictionary[StaticPast, OrderedDict[tuple[int, int, int], _Frame]] = WeakKeyDictionary()
        """Frames know a memory's tensors, not the memory, and so they end with it."""

    def step(self, past: StaticPast, first: int, ids: Sequence[int], starts: Sequence[int]) -> Float[Tensor, "B 1 D"]:
        """The token `ids[i]` at position `starts[i]` of the row that stands at place `first + i`."""
        frames = self._frames.setdefault(past, OrderedDict())
        shape = (first, len(ids), rounded(max(starts) + 1, past.keys.shape[3]))
        frame = frames.get(shape)
        if frame is None:
            frame = frames[shape] = self._frame(past, *shape)
        elif not frame.is_recorded:
            self._fill(frame, ids, starts)
            frame.run, frame.is_recorded = self._recorder.record(frame.run), True
        frames.move_to_end(shape)
        if len(frames) > MOST:
            frames.popitem(last=False)
        self._fill(frame, ids, starts)
        return frame.run().clone()

    def _fill(self, frame: _Frame, ids: Sequence[int], starts: Sequence[int]) -> None:
        frame.ids.copy_(torch.tensor(ids)[:, None])
        frame.places.copy_(torch.tensor(starts)[:, None])

    def _frame(self, past: StaticPast, first: int, rows: int, visible: int) -> _Frame:
        device = past.keys.device
        ids, places = (torch.zeros(rows, 1, dtype=torch.int64, device=device) for _ in range(2))
        here = slice(first, first + rows)
        step = FixedStep(past.keys[:, here], past.values[:, here], visible, places)
        return _Frame(ids, places, lambda: self._read(ids, step))


def rounded(count: int, most: int) -> int:
    """The next of a few lengths: blocks, doubled again and again, and the longest."""
    length = BLOCK
    while length < count:
        length *= 2
    return min(length, most)
