"""What a user did last."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from engine.domain import HistoryEntry
from engine.graph.store import GraphStore


def history(
    store: GraphStore,
    user_id: str,
    *,
    limit: int,
    types: Collection[str] | None = None,
    bookmarks: Sequence[str] | None = None,
) -> list[HistoryEntry]:
    """Read a user's latest events that have an item.

    Args:
        store: The graph.
        user_id: The user; one who is not there has no history.
        limit: Most events.
        types: Types of events to read; none for all.
        bookmarks: Read not before these transactions.

    Returns:
        Events, newest first; of equal times the larger id first.
    """
    if types is None:
        rows = store.read("events/history", user_id=user_id, limit=limit, bookmarks=bookmarks)
    else:
        rows = store.read(
            "events/history_of_types", user_id=user_id, limit=limit, types=sorted(types), bookmarks=bookmarks
        )
    return [HistoryEntry(row["item_id"], row["type"], row["at"]) for row in rows]
