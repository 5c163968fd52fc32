"""Events out of the graph, with what they added to CO_OCCURS and popularity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.cooccurrence import moves
from engine.cooccurrence.fold import stretches_of
from engine.cooccurrence.settle import TIMEOUT_S, settle_all
from engine.graph.store import GraphStore, Tx
from engine.interests.signals import sequence_types
from engine.settings import Settings

_BATCH_EVENTS = 2000


def withdraw(tx: Tx, settings: Settings, events: Sequence[Mapping[str, Any]]) -> None:
    """Have what events added to CO_OCCURS and popularity taken back, in the transaction that deletes them.

    It leaves moves, as the fold does, which the next fold settles. It reads the neighbours of the events, so they
    must still be there, and those withdrawn by an earlier call must be deleted. It locks co-occurrence: what else
    the transaction locks, it should have locked before.

    Args:
        tx: The transaction.
        settings: Registry of types and window; those that the events were counted with.
        events: With id, user_id, item_id, type, at, value; of any users and types. Those that still wait for the
            fold, or are gone, added nothing.
    """
    if not events:
        return
    [state] = tx.run("cooccurrence/lock", shards=settings.co_occurrence.shards)
    if state["state"] != "live":
        # A recount may have read them already: it has to look again.
        tx.run("cooccurrence/mark_stale")
        return
    types = frozenset(sequence_types(settings.events))
    steps = [event for event in events if event["type"] in types and event["item_id"] is not None]
    # Looked at under the lock, or the fold could take an event that was seen waiting.
    [found] = tx.run("cooccurrence/counted", events=[event["id"] for event in steps])
    counted_ids = frozenset(found["ids"])
    counted = [event for event in steps if event["id"] in counted_ids]
    if counted:
        as_of = max([state["as_of"] or 0, *(event["at"] for event in counted)])
        moves.put(tx, stretches_of(tx, counted, settings, sign=-1), shards=state["shards"], as_of=as_of)


def withdraw_events(store: GraphStore, settings: Settings, user_id: str, *, batch_events: int = _BATCH_EVENTS) -> int:
    """Delete every event of a user and take back what they added.

    The oldest go first, one transaction a batch: what is left is a whole sequence at every moment, so a crash
    leaves a user with fewer events and a graph that agrees with them.

    Args:
        store: The graph.
        settings: Registry of types, window, half-lives; those that the events were counted with.
        user_id: The user.
        batch_events: Events of one transaction.

    Returns:
        Events deleted.
    """
    total = 0
    while deleted := store.write_transaction(
        lambda tx: _withdraw(tx, settings, user_id, batch_events), timeout_s=TIMEOUT_S
    ):
        total += deleted
    if total:
        settle_waiting(store, settings)
    return total


def settle_waiting(store: GraphStore, settings: Settings) -> None:
    """Work in the moves that wait now, so that nothing of deleted events is left in the rows."""
    [pending] = store.read("cooccurrence/pending")
    if pending["state"] == "live" and pending["moving"]:
        settle_all(store, settings, max(settings.co_occurrence.shards, pending["shards"] or 1))


def _withdraw(tx: Tx, settings: Settings, user_id: str, limit: int) -> int:
    [found] = tx.run("cooccurrence/oldest", user_id=user_id, limit=limit)
    events: list[dict[str, Any]] = found["events"]
    withdraw(tx, settings, events)
    if events:
        tx.run("events/delete", ids=[event["id"] for event in events])
    return len(events)
