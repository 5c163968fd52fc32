"""A user's events out of the graph, with what they added to CO_OCCURS and popularity."""

from __future__ import annotations

from typing import Any

from engine.cooccurrence.delta import Step, count_delta, join_runs
from engine.cooccurrence.fold import TIMEOUT_S, edge_rows, popularity_of, read_windows, stamp_rows
from engine.domain import now_ms
from engine.graph.store import GraphStore, Tx
from engine.interests.decay import days_ms
from engine.interests.signals import sequence_types
from engine.settings import Settings

_BATCH_EVENTS = 2000


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
    return total


def _withdraw(tx: Tx, settings: Settings, user_id: str, limit: int) -> int:
    [found] = tx.run("cooccurrence/oldest", user_id=user_id, limit=limit, now=now_ms())
    events: list[dict[str, Any]] = found["events"]
    if not events:
        return 0
    if found["state"] == "live":
        _take_back(tx, settings, user_id, events, found["as_of"], found["stamp"])
    else:
        # A recount may have read them already: it has to look again.
        tx.run("cooccurrence/mark_stale")
    tx.run("events/delete", ids=[event["id"] for event in events])
    return len(events)


def _take_back(
    tx: Tx, settings: Settings, user_id: str, events: list[dict[str, Any]], as_of: int | None, stamp: int
) -> None:
    types = frozenset(sequence_types(settings.events))
    counted = [e for e in events if e["type"] in types and e["item_id"] is not None and not e["unfolded"]]
    if not counted:
        return
    last_at = counted[-1]["at"]
    steps = [Step(event["at"], event["id"], event["item_id"]) for event in counted]
    [after] = read_windows(tx, [{"user_id": user_id, "first_at": last_at, "last_at": last_at}], settings)
    segments = join_runs([[*steps, *after]], frozenset(step.id for step in steps))
    options = settings.co_occurrence
    half_life_ms = days_ms(options.half_life_days)
    rows = edge_rows(
        count_delta(segments, window=options.window, backward=options.backward, half_life_ms=half_life_ms), sign=-1
    )
    if rows:
        keep = options.max_edges_per_item
        tx.run("cooccurrence/move", rows=rows, as_of=as_of, half_life_ms=half_life_ms, keep=keep)
    stamp_rows(tx, rows, popularity_of(counted, settings), stamp, settings, sign=-1)
