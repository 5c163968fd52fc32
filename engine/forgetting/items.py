"""An item out of the graph: its events and the pairs they made, relationships and vectors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from engine.cooccurrence.delta import count_delta
from engine.cooccurrence.fold import edge_rows, read_segments, stamp_rows
from engine.domain import now_ms
from engine.errors import ConflictError
from engine.graph.store import GraphStore, Tx
from engine.interests.decay import days_ms
from engine.interests.signals import sequence_types
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
        while deleted := _delete_relationships(store, item_id):
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
    [found] = tx.run("forgetting/events_of_item", id=item_id, users=users, now=now_ms())
    if not found["users"]:
        return 0, False
    events: list[dict[str, Any]] = found["events"]
    if events and found["state"] == "live":
        _take_back(tx, settings, events, found["as_of"], found["stamp"])
    elif events:
        # A recount may have read them already: it has to look again.
        tx.run("cooccurrence/mark_stale")
    tx.run("events/delete", ids=[event["id"] for event in events])
    tx.run("forgetting/interacted", id=item_id, users=found["users"])
    return len(events), True


def _take_back(tx: Tx, settings: Settings, events: list[dict[str, Any]], as_of: int | None, stamp: int) -> None:
    types = frozenset(sequence_types(settings.events))
    counted = [event for event in events if event["type"] in types and not event["unfolded"]]
    if not counted:
        return
    options = settings.co_occurrence
    half_life_ms = days_ms(options.half_life_days)
    segments = read_segments(tx, counted, settings)
    deltas = count_delta(segments, window=options.window, backward=options.backward, half_life_ms=half_life_ms)
    rows = edge_rows(deltas, sign=-1)
    if rows:
        keep = options.max_edges_per_item
        tx.run("cooccurrence/move", rows=rows, as_of=as_of, half_life_ms=half_life_ms, keep=keep)
    stamp_rows(tx, rows, {}, stamp, settings)


def _delete_relationships(store: GraphStore, item_id: str) -> int:
    [row] = store.write("forgetting/relationships_of_item", id=item_id, limit=_BATCH_RELATIONSHIPS, now=now_ms())
    return int(row["deleted"])
