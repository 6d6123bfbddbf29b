"""Results worth keeping, as long as they fit: what was used least recently goes first, the newest never.

One thing may be larger than everything should be: a trace of GPT-2 XL at 1,024 tokens takes 1.6 GB. Every picture asks
for it again, and each time it would be made anew.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TypeVar, cast

MOST_BYTES = 512 * 2**20

T = TypeVar("T")


class Kept:
    """Things by key, each with its size in bytes."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self.most_bytes = most_bytes
        self._things: OrderedDict[Hashable, tuple[object, int]] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def bytes(self) -> int:
        """The size of everything that is kept."""
        return sum(size for _, size in self._things.values())

    def __len__(self) -> int:
        return len(self._things)

    def get(self, key: Hashable, make: Callable[[], T], size: Callable[[T], int]) -> T:
        """What is kept under a key, made now if it is not there."""
        with self._lock:
            if key in self._things:
                self._things.move_to_end(key)
                return cast("T", self._things[key][0])
        made = make()
        with self._lock:
            self._things[key] = (made, size(made))
            while self.bytes > self.most_bytes and len(self._things) > 1:
                self._things.popitem(last=False)
        return made
