"""Embedding versions by the clock."""

from __future__ import annotations

from typing import Final

from engine.graph.store import GraphStore
from engine.settings import Settings

_MS_PER_HOUR: Final = 3_600_000


def retraining_due(store: GraphStore, settings: Settings) -> bool:
    """Tell whether the newest version is older than the settings allow; false where there is no limit or version."""
    hours = settings.workers.retrain_every_hours
    if hours is None:
        return False
    [row] = store.read("reembed/newest_version")
    return row["created_at"] is not None and row["now"] - row["created_at"] > hours * _MS_PER_HOUR
