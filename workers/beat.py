"""The beat's clock: intervals are measured by a clock that nobody can set.

Celery's own scheduler compares wall-clock times: set back by an hour, it would send nothing for an hour.
"""

from __future__ import annotations

import time
from typing import Any

from celery.beat import Scheduler
from celery.schedules import schedstate, schedule


class SteadyScheduler(Scheduler):  # type: ignore[misc]
    """Keeps everything in memory and sends each entry every so many seconds, whatever the wall clock does."""

    def is_due(self, entry: Any) -> Any:
        """Say that an entry is due: it is asked only about one whose time, given by `_when`, has come."""
        if type(entry.schedule) is not schedule:
            return super().is_due(entry)
        return schedstate(is_due=True, next=entry.schedule.run_every.total_seconds())

    def _when(self, entry: Any, next_time_to_run: float, **_: Any) -> float:
        return time.monotonic() + (self.adjust(next_time_to_run) or 0.0)
