"""A bounded number of places, and a bounded number of requests that wait for one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from engine.errors import BusyError

_RETRY_AFTER_S: Final = 1


class Slots:
    """Places of one process. Requests beyond places and queue are refused at once.

    Args:
        name: What they are for, as people read it.
        places: How many may be taken at once.
        queue: How many requests may wait for one.
        wait_s: Seconds for which one waits.
    """

    def __init__(self, name: str, places: int, *, queue: int = 0, wait_s: float = 2.0) -> None:
        self._name = name
        self._free = threading.Semaphore(places)
        self._inside = 0
        self._most = places + queue
        self._wait_s = wait_s
        self._lock = threading.Lock()

    @property
    def inside(self) -> int:
        """Requests that have a place or wait for one."""
        return self._inside

    @contextmanager
    def take(self, *, wait_s: float | None = None) -> Iterator[None]:
        """Have a place while a block lasts.

        Args:
            wait_s: Seconds to wait; with it the queue has no bound: the caller bounds itself.

        Raises:
            BusyError: There is none, and none came free in time.
        """
        with self._lock:
            if wait_s is None and self._inside >= self._most:
                raise self._busy()
            self._inside += 1
        try:
            if not self._free.acquire(timeout=self._wait_s if wait_s is None else wait_s):
                raise self._busy()
            try:
                yield
            finally:
                self._free.release()
        finally:
            with self._lock:
                self._inside -= 1

    def _busy(self) -> BusyError:
        return BusyError(
            f"As many {self._name} as may are under way.",
            retry_after_s=_RETRY_AFTER_S,
            remedy="Send it again after the seconds in Retry-After; larger batches need fewer requests.",
        )
