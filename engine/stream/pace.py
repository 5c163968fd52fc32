"""How fast a consumer may go while the fold is behind."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

_LOOK_EVERY_S: Final = 0.25
_LONGEST_S: Final = 1.0


class Pace:
    """Gives the pause before the next batch.

    With `n` events waiting for the fold and the limit `m`, it is `(n - m) / m` seconds: none up to the limit, longer
    the further the fold is behind. From `2 m` on nothing is taken until the fold has come below that.

    Args:
        limit: Events that may wait for the fold.
        clock: Seconds, for tests.
    """

    def __init__(self, limit: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._looked_at = float("-inf")
        self._counted = 0
        self._written = 0

    @property
    def is_over(self) -> bool:
        """Whether so many wait that nothing more may be taken."""
        return self._waiting >= 2 * self._limit

    @property
    def _waiting(self) -> int:
        # Those written since the count are thought to wait all: a fast consumer must not overshoot between two counts.
        return self._counted + self._written

    def wrote(self, events: int) -> None:
        """Take note of events written since the last count."""
        self._written += events

    def pause_s(self, count: Callable[[], int]) -> float:
        """Give the seconds to wait.

        Args:
            count: Counts the events that wait for the fold; asked at most four times a second.
        """
        now = self._clock()
        if now >= self._looked_at + _LOOK_EVERY_S:
            self._looked_at = now
            self._counted, self._written = count(), 0
        return min(_LONGEST_S, max(0.0, (self._waiting - self._limit) / self._limit))
