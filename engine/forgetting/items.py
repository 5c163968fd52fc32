"""An item out of the graph: its events and the pairs they made, relationships and vectors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from engine.cooccurrence.settle import lock_shards
from engine.cooccurrence.withdraw import settle_waiting, withdraw
from engine.domain import now_ms
from engine.errors import ConflictError
from engine.graph.store import GraphStore, Tx
from engine.settings import Settings

_BATCH_RELATIONSHIPS: Final = 5_000
_MOST_ROUNDS: Final = 10

Progress = Callable[[str, int], None]


def forget_item(
    store: GraphStore,
    settings: Settings,
    item_id: str,
    *,
    batch_users: int = 200,
    progress: Progress | None = None,
) -> bool:
    """Delete an item with everything that is known of it.

    In bounded transactions: the events on it, user by user, with the pairs they made and held apart, so that what is
    left is what a recount would find; relationships; last the node with its vectors. What users are interested in
    stays theirs. A killed run is simply run again.

    Args:
        store: The graph.
        settings: What events were counted with.
        item_id: The item.
        batch_users: Users whose events go in one transaction.
        progress: Told the stage (`events`, `relationships`) and how many are gone.

    Returns:
        Whether there was such an item.

    Raises:
        ConflictError: Events on the item kept coming in all the while.
    """
    report = progress or (lambda stage, done: None)
    events = relationships = 0
    for _ in range(_MOST_ROUNDS):
        more = True
        while more:
            deleted, more = store.write_transaction(lambda tx: _withdraw(tx, settings, item_id, batch_users))
            events += deleted
            report("events", events)
        settle_waiting(store, settings)
        while deleted := store.write_transaction(lambda tx: _delete_relationships(tx, settings, item_id)):
            relationships += deleted
            report("relationships", relationships)
        [row] = store.write("forgetting/item", id=item_id)
        if row["deleted"]:
            return bool(row["found"])
    raise ConflictError(
        "Events on the item kept coming in.",
        field="item_id",
        value=item_id,
        remedy="Set `available` to false and stop sending them, then delete again.",
    )


def _withdraw(tx: Tx, settings: Settings, item_id: str, users: int) -> tuple[int, bool]:
    """Take the events of a few users; gives how many, and whether there may be more users."""
    _lock(tx, settings)
    [found] = tx.run("forgetting/events_of_item", id=item_id, users=users)
    if not found["users"]:
        return 0, False
    events: list[dict[str, Any]] = found["events"]
    withdraw(tx, settings, events)
    tx.run("events/delete", ids=[event["id"] for event in events])
    tx.run("forgetting/interacted", id=item_id, users=found["users"])
    return len(events), True


def _lock(tx: Tx, settings: Settings) -> None:
    """Lock all rows before the item, in the order of those who move rows."""
    [pending] = tx.run("cooccurrence/pending")
    shards = max(settings.co_occurrence.shards, pending["shards"] or 1)
    lock_shards(tx, shards)
    tx.run("cooccurrence/lock", shards=settings.co_occurrence.shards)


def _delete_relationships(tx: Tx, settings: Settings, item_id: str) -> int:
    _lock(tx, settings)
    [row] = tx.run("forgetting/relationships_of_item", id=item_id, limit=_BATCH_RELATIONSHIPS, now=now_ms())
    return int(row["deleted"])
