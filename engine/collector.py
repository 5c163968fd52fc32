"""Python's collector of garbage in circles, held back while a batch is made.

Ten thousands of small objects that refer to nothing in a circle start it again and again, and each time it looks
through everything that the process has. Counted references free a batch all the same.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_held() -> Iterator[None]:
    """Hold the collector back while a block lasts, in every thread.

    Only who has switched it off switches it on again: blocks that overlap without end in several threads do not keep it
    off for good.
    """
    held = gc.isenabled()
    if held:
        gc.disable()
    try:
        yield
    finally:
        if held:
            gc.enable()
