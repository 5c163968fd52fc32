"""Folds until nothing waits, and says when a recount is due."""

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
    """Fold the events that wait, transaction by transaction.

    Args:
        store: The graph.
        settings: Sizes and half-lives.
        max_seconds: Seconds after which the rest is left to the next call.
    """
    end = time.monotonic() + max_seconds
    events = items = edges = 0
    while True:
        folded = fold(store, settings)
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
