"""Python's collector of garbage in circles, held back while a batch is made.

Ten thousands of small objects that refer to nothing in a circle start it again and again, and each time it looks
through everything that the process has. Counted references free a batch all the same.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_holders = 0
_was_on = False


@contextmanager
def collector_held() -> Iterator[None]:
    """Hold the collector back while a block lasts, in every thread; it comes back with the last block that ends."""
    global _holders, _was_on
    with _lock:
        if _holders == 0:
            _was_on = gc.isenabled()
            gc.disable()
        _holders += 1
    try:
        yield
    finally:
        with _lock:
            _holders -= 1
            if _holders == 0 and _was_on:
                gc.enable()
