"""Folds until nothing waits, and says when a recount is due.

The number of events of one fold follows its duration: many at once are cheaper, but edges should be behind by a
second or two at most, and a slow machine has to come to an end within the limits of a task.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from engine.cooccurrence.fold import fold
from engine.cooccurrence.rebuild import rebuild
from engine.graph.store import GraphStore
from engine.jobs.run import JobRun
from engine.settings import Settings

_MOST_SECONDS: Final = 20.0
_QUICK_S: Final = 1.5
_SLOW_S: Final = 4.0
_LEAST_EVENTS: Final = 250


class Pace:
    """How many events one fold takes: twice as many after a quick one, half as many after a slow one.

    Args:
        events: Events of the first fold.
    """

    def __init__(self, events: int = 2_000) -> None:
        self.events = events

    def after(self, seconds: float, *, most: int) -> None:
        """Learn from a fold that took as many as it was allowed to.

        Args:
            seconds: How long it took.
            most: Most events of one fold.
        """
        if seconds > _SLOW_S:
            self.events = max(_LEAST_EVENTS, self.events // 2)
        elif seconds < _QUICK_S:
            self.events = self.events * 2
        self.events = min(self.events, most)


_pace = Pace()
"""Of this process: the machine is the same for all its folds."""


@dataclass(frozen=True, slots=True)
class Folded:
    """What one call did.

    Attributes:
        events: Events folded.
        items: Items whose row or popularity changed, counted once a transaction.
        edges: Edges written.
        rebuild_due: A recount is due and no import is on its way to one.
    """

    events: int
    items: int
    edges: int
    rebuild_due: bool


def fold_waiting(store: GraphStore, settings: Settings, *, max_seconds: float = _MOST_SECONDS) -> Folded:
    """Fold the events that wait, batch by batch.

    Args:
        store: The graph.
        settings: Sizes and half-lives.
        max_seconds: Seconds after which the rest is left to the next call.
    """
    end = time.monotonic() + max_seconds
    events = items = edges = 0
    while True:
        began = time.monotonic()
        folded = fold(store, settings, limit=min(_pace.events, settings.co_occurrence.fold_batch_events))
        if folded.more:
            _pace.after(time.monotonic() - began, most=settings.co_occurrence.fold_batch_events)
        events, items, edges = events + folded.events, items + folded.items, edges + folded.edges
        if folded.state == "rebuilding":
            [row] = store.read("jobs/importing")
            return Folded(events, items, edges, rebuild_due=not row["importing"])
        if not folded.more or time.monotonic() > end:
            return Folded(events, items, edges, rebuild_due=False)


def run_rebuild(run: JobRun, settings: Settings) -> Mapping[str, Any]:
    """Count co-occurrence again, as a job."""

    def progress(stage: str, done: int, total: int) -> None:
        run.report(done, total, f"{stage} co-occurrence")
        run.check()

    result = rebuild(run.store, settings, progress=progress)
    return {"events": result.events, "items": result.items, "edges": result.edges, "as_of": result.as_of}
