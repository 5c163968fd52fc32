"""History again at a chosen speed: the gaps between events are kept, divided by the speed."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from engine.domain import MS_PER_SECOND, EpochMs, now_ms
from engine.errors import InvalidInputError

_SPEED: Final = re.compile(r"(\d+(?:\.\d+)?)\s*[x×]?")
_TICK_S: Final = 0.05
_LONGEST_SLEEP_S: Final = 0.5


def parse_speed(text: str) -> float | None:
    """Read a speed: `100x`, `2.5`, or `max` for none, as fast as possible.

    Raises:
        InvalidInputError: It is none of them.
    """
    if text.strip().lower() == "max":
        return None
    found = _SPEED.fullmatch(text.strip().lower())
    if found is None or float(found[1]) <= 0:
        raise InvalidInputError("This is no speed.", field="speed", value=text, remedy="Write 100x, 2.5x, or max.")
    return float(found[1])


@dataclass(frozen=True, slots=True)
class Due:
    """Events that are to be sent together, and how many seconds late that is."""

    events: list[dict[str, Any]]
    late_s: float


class Replay:
    """Gives events when they are due.

    An event at `a` of a history that begins at `a₀` is due `(a - a₀) / speed` after the beginning.

    Args:
        speed: How many times faster than life; none gives them as fast as they are taken.
        shift: Events get the time at which they are due, instead of their own; and ids of this replay, as they are
            other events then.
        most: Events given at once.
        clock: Seconds, for tests.
        sleep: Waits, for tests.
        start: Present time, epoch ms, for tests.
    """

    def __init__(
        self,
        speed: float | None,
        *,
        shift: bool = False,
        most: int = 1000,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        start: EpochMs | None = None,
    ) -> None:
        self._speed = speed
        self._shift = shift
        self._most = most
        self._clock = clock
        self._sleep = sleep
        self._start = now_ms() if start is None else start

    def due(self, events: Iterable[Mapping[str, Any]]) -> Iterator[Due]:
        """Give the events, sorted by time, in groups, each when its time has come."""
        begun = self._clock()
        first: EpochMs | None = None
        group: list[dict[str, Any]] = []
        last_s = 0.0
        for event in events:
            at: EpochMs = event["at"]
            first = at if first is None else first
            after_s = 0.0 if self._speed is None else (at - first) / MS_PER_SECOND / self._speed
            if group and (len(group) >= self._most or after_s > last_s + _TICK_S):
                yield Due(group, self._wait(begun + last_s))
                group = []
            if not group:
                last_s = after_s
            group.append(self._shifted(event, after_s))
        if group:
            yield Due(group, self._wait(begun + last_s))

    def _wait(self, until: float) -> float:
        while (left_s := until - self._clock()) > 0:
            self._sleep(min(left_s, _LONGEST_SLEEP_S))
        return 0.0 if self._speed is None else max(0.0, self._clock() - until)

    def _shifted(self, event: Mapping[str, Any], after_s: float) -> dict[str, Any]:
        if not self._shift:
            return dict(event)
        at = now_ms() if self._speed is None else self._start + int(after_s * MS_PER_SECOND)
        return {**event, "at": at, "id": f"r:{self._start}:{event['id']}"[:512]}
