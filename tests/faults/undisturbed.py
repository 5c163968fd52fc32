"""The same events by one process that nothing disturbs: what the graph has to be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.cooccurrence.fold import fold
from engine.events.ingest import ingest
from engine.graph.entities import upsert_items
from engine.graph.records import Item
from engine.graph.store import GraphStore
from engine.settings import Settings

_BATCH = 1000


def put_items(store: GraphStore, items: Sequence[Item]) -> None:
    """Put what the events refer to."""
    upsert_items(store, items)


def write(store: GraphStore, events: Sequence[Mapping[str, Any]], settings: Settings) -> None:
    """Write events in their order and fold them."""
    for start in range(0, len(events), _BATCH):
        result = ingest(store, events[start : start + _BATCH], settings=settings)
        assert result.refused == 0, next(outcome for outcome in result.outcomes if outcome.error)
        fold_all(store, settings)


def fold_all(store: GraphStore, settings: Settings) -> None:
    """Fold until nothing waits."""
    while fold(store, settings).more:
        pass
