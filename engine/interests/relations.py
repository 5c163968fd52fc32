"""RELATED_TO in the graph: when it is due, and writing it.

Relationships counted here have the source `shared`; those of other sources are left alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from engine.domain import MS_PER_SECOND, EpochMs, now_ms
from engine.errors import FencedError
from engine.graph.store import GraphStore
from engine.settings import Settings

SHARED: Final = "shared"


def relations_due(store: GraphStore, settings: Settings, *, now: EpochMs | None = None) -> bool:
    """Tell whether relations are older than the settings allow and anything has changed since.

    Args:
        store: The graph.
        settings: How old they may be.
        now: The present time; the clock's where none is given.
    """
    [row] = store.read("relations/due")
    if row["finished_at"] is None:
        return bool(row["changed"])
    age_ms = (now_ms() if now is None else now) - row["began_at"]
    return bool(row["changed"]) and age_ms >= settings.relations.interval_s * MS_PER_SECOND


def begin_relations(store: GraphStore, run: str, *, at: EpochMs) -> None:
    """Begin a count, fencing off any other."""
    store.write("relations/begin", run=run, at=at)


def write_relations(store: GraphStore, rows: Sequence[dict[str, Any]], *, run: str, at: EpochMs) -> int:
    """Replace the counted relations of some interests.

    Args:
        store: The graph.
        rows: `source` and `related`, a list of target, weight, by_users, by_items, users, items; sorted by source.
            One without relations loses those it had.
        run: The count that these are of.
        at: The time that they are as of.

    Returns:
        Relationships written.

    Raises:
        FencedError: Another count has begun; nothing was written.
    """
    found = store.write("relations/write", rows=list(rows), run=run, at=at)
    if not found:
        raise FencedError("Another count of relations has begun.", field="run", value=run)
    return int(found[0]["written"])


def finish_relations(store: GraphStore, run: str, *, at: EpochMs) -> None:
    """Say that the relations are whole.

    Raises:
        FencedError: Another count has begun.
    """
    if not store.write("relations/finish", run=run, at=at):
        raise FencedError("Another count of relations has begun.", field="run", value=run)
