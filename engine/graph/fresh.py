"""Reads that wait for the state of a freshness token, but no longer than they may.

A server that is behind a bookmark keeps the reader waiting for half a minute (`db.transaction.bookmark_ready_timeout`),
whatever time limit the transaction has, and the driver has no limit of its own. So a read with bookmarks runs in a
thread of its own, and who asked for it goes when the time is over. The thread ends when the server answers it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from engine.errors import FreshnessTimeoutError

MOST_WAITING: Final = 8
T = TypeVar("T")


class _Outcome(Generic[T]):
    def __init__(self) -> None:
        self.done = threading.Event()
        self.value: T
        self.error: BaseException | None = None


class FreshReads:
    """Runs reads that may have to wait.

    Args:
        wait_s: Seconds that one of them may take.
        most: Reads under way at once, those included that nobody waits for any more.
    """

    def __init__(self, wait_s: float, *, most: int = MOST_WAITING) -> None:
        self.wait_s = wait_s
        self._free = threading.Semaphore(most)

    def run(self, read: Callable[[], T]) -> T:
        """Give what a read gives.

        Raises:
            FreshnessTimeoutError: It took too long, or as many as may be are waiting already.
        """
        end = time.monotonic() + self.wait_s
        if not self._free.acquire(timeout=self.wait_s):
            raise self._late()
        outcome: _Outcome[T] = _Outcome()

        def work() -> None:
            try:
                outcome.value = read()
            except BaseException as error:
                outcome.error = error
            finally:
                self._free.release()
                outcome.done.set()

        try:
            threading.Thread(target=work, name="fresh-read", daemon=True).start()
        except BaseException:
            self._free.release()
            raise
        if not outcome.done.wait(max(0.0, end - time.monotonic())):
            raise self._late()
        if outcome.error is not None:
            raise outcome.error
        return outcome.value

    def _late(self) -> FreshnessTimeoutError:
        return FreshnessTimeoutError(
            f"The graph did not reach the state of the token within {self.wait_s:g} s.",
            field="freshness",
            remedy="Try again, or ask without the token for an answer from the present state.",
        )
