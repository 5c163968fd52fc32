"""Recent events into CO_OCCURS and popularity, each exactly once.

Two transactions. The first takes events: it removes the label Unfolded, with which an event waits, and leaves the
stretches of sequences around them as moves to every shard of items. The second settles a shard: it changes the rows
of its items and deletes the moves. A crash between or within them loses nothing and counts nothing twice. Taking is
serial, under the lock of the node State `co_occurrence`; shards are settled side by side.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

from engine.collector import collector_held
from engine.cooccurrence import moves
from engine.cooccurrence.delta import Segment, Step, Stretches, as_columns, join_runs
from engine.cooccurrence.settle import TIMEOUT_S, settle_all
from engine.domain import MS_PER_DAY, EpochMs, now_ms
from engine.graph.store import GraphStore, Tx
from engine.interests import signals
from engine.settings import EventSettings, Settings

FoldState = Literal["live", "rebuilding"]

_RUN_GAP_MS = MS_PER_DAY
"""New events of one user further apart than this are read as two stretches of the sequence."""


@dataclass(frozen=True, slots=True)
class FoldResult:
    """What one fold did.

    Attributes:
        state: `rebuilding` where a recount is due or under way: nothing was folded.
        events: Events folded.
        items: Items whose row or popularity changed, counted once a transaction.
        edges: Edges written.
        as_of: Time of the newest event ever counted, epoch ms; CO_OCCURS is read as of it.
        more: Whether more events may wait.
    """

    state: FoldState
    events: int
    items: int
    edges: int
    as_of: EpochMs | None
    more: bool


def fold(store: GraphStore, settings: Settings, *, limit: int | None = None) -> FoldResult:
    """Take events that wait, and settle all moves that wait.

    Args:
        store: The graph.
        settings: Registry of types, window, half-lives, edges kept, shards.
        limit: Most events; `co_occurrence.fold_batch_events` where none is given.
    """
    [pending] = store.read("cooccurrence/pending")
    waiting = pending["waiting"] and not pending["paused"]
    if pending["state"] != "live" or not (waiting or pending["moving"]):
        return FoldResult(pending["state"], 0, 0, 0, pending["as_of"], more=False)
    most = settings.co_occurrence.fold_batch_events if limit is None else limit
    shards = max(settings.co_occurrence.shards, pending["shards"] or 1)
    with collector_held():
        taken = take(store, settings, limit=most) if waiting else 0
        settled = settle_all(store, settings, shards, first=os.getpid() % shards, most_events=2 * most)
    [after] = store.read("cooccurrence/pending")
    return FoldResult(after["state"], taken, settled.items, settled.edges, after["as_of"], more=taken >= most)


def take(store: GraphStore, settings: Settings, *, limit: int) -> int:
    """Take events out of those that wait and leave them to the shards, in one transaction.

    Args:
        store: The graph.
        settings: Registry of types, window, shards.
        limit: Most events.

    Returns:
        Events taken; 0 also while co-occurrence is counted again or taking is paused.
    """
    return store.write_transaction(lambda tx: _take(tx, settings, limit), timeout_s=TIMEOUT_S)


def _take(tx: Tx, settings: Settings, limit: int) -> int:
    [taken] = tx.run("cooccurrence/take", limit=limit, shards=settings.co_occurrence.shards, now=now_ms())
    events: list[dict[str, Any]] = taken["events"] or []
    if events:
        as_of = max([taken["as_of"] or 0, *(event["at"] for event in events)])
        moves.put(tx, stretches_of(tx, events, settings), shards=taken["shards"], as_of=as_of)
    return len(events)


def stretches_of(tx: Tx, events: Sequence[Mapping[str, Any]], settings: Settings, *, sign: int = 1) -> Stretches:
    """Read what events change in the sequences of their users.

    Args:
        tx: The transaction; it holds the lock of co-occurrence.
        events: Counted ones, with id, user_id, item_id, type, at, value.
        settings: Registry of types, window.
        sign: 1 where they enter, -1 where they leave.
    """
    segments = read_segments(tx, events, settings)
    strength_of = {event["id"]: positive_strength(event["type"], event["value"], settings.events) for event in events}
    strengths = [strength_of.get(step.id, 0.0) for segment in segments for step in segment.steps]
    return as_columns(segments, strengths, sign=sign)


def positive_strength(event_type: str, value: float | None, settings: EventSettings) -> float:
    """Give what an event adds to the popularity of its item; a type that left the registry adds nothing."""
    if event_type not in settings.types:
        return 0.0
    return max(0.0, signals.strength(event_type, value, settings))


def read_segments(tx: Tx, events: Sequence[Mapping[str, Any]], settings: Settings) -> list[Segment]:
    """Read the steps around events and make stretches of sequences of them.

    Args:
        tx: The transaction.
        events: Counted ones, with id, user_id, at.
        settings: Types that are steps, and the window.

    Returns:
        Stretches in which these events are the new ones.
    """
    windows = []
    by_user = sorted(events, key=lambda event: (event["user_id"], event["at"]))
    for user_id, group in groupby(by_user, key=lambda event: str(event["user_id"])):
        first = last = None
        for event in group:
            if last is not None and event["at"] - last > _RUN_GAP_MS:
                windows.append({"user_id": user_id, "first_at": first, "last_at": last})
                first = None
            last = event["at"]
            first = last if first is None else first
        windows.append({"user_id": user_id, "first_at": first, "last_at": last})
    read = tx.run(
        "cooccurrence/windows",
        windows=windows,
        types=list(signals.sequence_types(settings.events)),
        window=settings.co_occurrence.window,
    )
    runs: dict[str, list[list[Step]]] = defaultdict(list)
    for row in read:
        runs[str(windows[row["number"]]["user_id"])].append([Step._make(step) for step in row["steps"]])
    new = frozenset(event["id"] for event in events)
    return [segment for user_id in sorted(runs) for segment in join_runs(runs[user_id], new)]
