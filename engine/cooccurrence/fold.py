"""Recent events into CO_OCCURS and popularity, each exactly once.

An event waits for the fold as long as it carries the label Unfolded. The transaction that takes the label away
moves the edges too, so a crash leaves both or neither. The node State `co_occurrence` is locked first: folds and
recounts are serial, whoever runs them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

from engine.cooccurrence.delta import EdgeDelta, Segment, Step, count_delta, join_runs
from engine.domain import MS_PER_DAY, EpochMs, now_ms
from engine.graph.store import GraphStore, Tx
from engine.interests import decay, signals
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
        items: Items whose row or popularity changed.
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
    """Fold events that wait, in one transaction.

    Args:
        store: The graph.
        settings: Registry of types, window, half-lives, edges kept.
        limit: Most events; `co_occurrence.fold_batch_events` where none is given.
    """
    [pending] = store.read("cooccurrence/pending")
    if pending["state"] != "live" or not pending["waiting"]:
        return FoldResult(pending["state"], 0, 0, 0, pending["as_of"], more=False)
    most = settings.co_occurrence.fold_batch_events if limit is None else limit
    return store.write_transaction(lambda tx: _fold(tx, settings, most))


def _fold(tx: Tx, settings: Settings, limit: int) -> FoldResult:
    [taken] = tx.run("cooccurrence/take", limit=limit, now=now_ms())
    events: list[dict[str, Any]] = taken["events"] or []
    if not events:
        return FoldResult(taken["state"], 0, 0, 0, taken["as_of"], more=False)
    options = settings.co_occurrence
    half_life_ms = decay.days_ms(options.half_life_days)
    deltas = count_delta(
        _segments(tx, events, settings),
        window=options.window,
        backward=options.backward,
        half_life_ms=half_life_ms,
    )
    edges = 0
    rows = _rows(deltas)
    if rows:
        [written] = tx.run(
            "cooccurrence/move",
            rows=rows,
            as_of=taken["as_of"],
            half_life_ms=half_life_ms,
            keep=options.max_edges_per_item,
        )
        edges = written["edges"]
    # Last, because it locks the items: events of other users on them wait until this transaction ends.
    popularity = popularity_of(events, settings)
    moved = sorted({*popularity, *(row["id"] for row in rows)})
    [stamped] = tx.run(
        "cooccurrence/stamp",
        rows=[
            {
                "id": item_id,
                "weight": popularity.get(item_id, (0.0, None))[0],
                "at": popularity.get(item_id, (0.0, None))[1],
            }
            for item_id in moved
        ],
        stamp=taken["stamp"],
        half_life_ms=decay.days_ms(settings.ranking.popularity_half_life_days),
    )
    return FoldResult("live", len(events), stamped["items"], edges, taken["as_of"], more=len(events) >= limit)


def popularity_of(events: Iterable[Mapping[str, Any]], settings: Settings) -> dict[str, tuple[float, EpochMs]]:
    """Sum what events add to the popularity of their items: their strengths where positive, decayed.

    Args:
        events: With item_id, type, value, at.
        settings: Registry of types; half-life of popularity.

    Returns:
        Weight and the time at which it stands, by item.
    """
    half_life_ms = decay.days_ms(settings.ranking.popularity_half_life_days)
    popularity: dict[str, tuple[float, EpochMs]] = {}
    for event in events:
        strength = positive_strength(event["type"], event["value"], settings.events)
        weight, updated_at = popularity.get(event["item_id"], (0.0, event["at"]))
        popularity[event["item_id"]] = decay.merge(weight, updated_at, strength, event["at"], half_life_ms)
    return popularity


def positive_strength(event_type: str, value: float | None, settings: EventSettings) -> float:
    """Give what an event adds to the popularity of its item; a type that left the registry adds nothing."""
    if event_type not in settings.types:
        return 0.0
    return max(0.0, signals.strength(event_type, value, settings))


def _segments(tx: Tx, events: Sequence[Mapping[str, Any]], settings: Settings) -> list[Segment]:
    """Read the steps around the new ones and make sequences of them."""
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
        runs[windows[row["number"]]["user_id"]].append([Step(*step) for step in row["steps"]])
    new = frozenset(event["id"] for event in events)
    return [segment for user_id in sorted(runs) for segment in join_runs(runs[user_id], new)]


def _rows(deltas: Iterable[EdgeDelta]) -> list[dict[str, Any]]:
    """Group changes by the item they leave."""
    return [
        {"id": source, "targets": [[delta.target, delta.weight, delta.count, delta.updated_at] for delta in group]}
        for source, group in groupby(deltas, key=lambda delta: delta.source)
    ]
