"""What changed since it was embedded.

Each version keeps up to when all changes are in its vectors. Users carry when their latest behaviour was written
(`events_at`), items when they changed (`updated_at`), so nothing has to be marked when an event is written.
"""

from __future__ import annotations

from typing import Final

from engine.domain import MS_PER_SECOND, EpochMs
from engine.graph.names import embedding_property
from engine.graph.store import GraphStore

# A transaction may show up this long after the time that it carries, clocks of hosts included.
_LATE_S: Final = 60


def anything_dirty(store: GraphStore) -> bool:
    """Tell whether the active version lacks something; false where none is active."""
    found = store.read("reembed/state")
    if not found:
        return False
    version, until = found[0]["version"], found[0]["until"]
    [row] = store.read(
        "reembed/anything_dirty", version=version, until=until, identifiers={"embedding": embedding_property(version)}
    )
    return bool(row["dirty"])


def dirty_users(store: GraphStore, until: EpochMs) -> list[str]:
    """List users with behaviour written after a time."""
    return [row["id"] for row in store.read("reembed/dirty_users", until=until)]


def dirty_items(store: GraphStore, version: str, until: EpochMs) -> list[str]:
    """List items that changed after a time or have no vector of a version."""
    identifiers = {"embedding": embedding_property(version)}
    return [row["id"] for row in store.read("reembed/dirty_items", until=until, identifiers=identifiers)]


def watermark(began_at: EpochMs) -> EpochMs:
    """Give up to when changes are surely seen by a run that read the graph from a time on."""
    return began_at - _LATE_S * MS_PER_SECOND
