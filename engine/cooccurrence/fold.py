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

TIMEOUT_S = 600.0
"""Seconds that a transaction of folds and recounts may take: no one waits for it, and one that is cut begins again."""

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
    return store.write_transaction(lambda tx: _fold(tx, settings, most), timeout_s=TIMEOUT_S)


def _fold(tx: Tx, settings: Settings, limit: int) -> FoldResult:
    [taken] = tx.run("cooccurrence/take", limit=limit, now=now_ms())
    events: list[dict[str, Any]] = taken["events"] or []
    if not events:
        return FoldResult(taken["state"], 0, 0, 0, taken["as_of"], more=False)
    options = settings.co_occurrence
    half_life_ms = decay.days_ms(options.half_life_days)
    deltas = count_delta(
        read_segments(tx, events, settings),
        window=options.window,
        backward=options.backward,
        half_life_ms=half_life_ms,
    )
    rows = edge_rows(deltas)
    edges = 0
    if rows:
        [written] = tx.run(
            "cooccurrence/move",
            rows=rows,
            as_of=taken["as_of"],
            half_life_ms=half_life_ms,
            keep=options.max_edges_per_item,
        )
        edges = written["edges"]
    items = stamp_rows(tx, rows, popularity_of(events, settings), taken["stamp"], settings)
    return FoldResult("live", len(events), items, edges, taken["as_of"], more=len(events) >= limit)


def stamp_rows(
    tx: Tx,
    rows: Iterable[Mapping[str, Any]],
    popularity: Mapping[str, tuple[float, EpochMs]],
    stamp: int,
    settings: Settings,
    *,
    sign: int = 1,
) -> int:
    """Stamp the items whose row changed and move their popularity.

    It comes last in a transaction, because it locks the items: events on them wait until the transaction ends.

    Args:
        tx: The transaction.
        rows: Rows that changed, with the id of their item.
        popularity: What is added, and the time at which it stands, by item.
        stamp: The stamp.
        settings: Half-life of popularity.
        sign: -1 takes the popularity away.

    Returns:
        Items stamped.
    """
    added: dict[str, dict[str, Any]] = {row["id"]: {"id": row["id"], "weight": 0.0, "at": None} for row in rows}
    for item_id, (weight, at) in popularity.items():
        added[item_id] = {"id": item_id, "weight": sign * weight, "at": at}
    [stamped] = tx.run(
        "cooccurrence/stamp",
        rows=[added[item_id] for item_id in sorted(added)],
        stamp=stamp,
        half_life_ms=decay.days_ms(settings.ranking.popularity_half_life_days),
    )
    return int(stamped["items"])


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


def read_segments(tx: Tx, events: Sequence[Mapping[str, Any]], settings: Settings) -> list[Segment]:
    """Read the steps around events and make stretches of sequences of them.

    Args:
        tx: The transaction.
        events: Folded ones, with id, user_id, at.
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
    runs: dict[str, list[list[Step]]] = defaultdict(list)
    for window, run in zip(windows, read_windows(tx, windows, settings), strict=True):
        runs[str(window["user_id"])].append(run)
    new = frozenset(event["id"] for event in events)
    return [segment for user_id in sorted(runs) for segment in join_runs(runs[user_id], new)]


def read_windows(tx: Tx, windows: Sequence[Mapping[str, Any]], settings: Settings) -> list[list[Step]]:
    """Read the folded steps between two times of a user, and those around that a change there can reach.

    Args:
        tx: The transaction.
        windows: With user_id, first_at, last_at.
        settings: Types that are steps, and the window.

    Returns:
        Steps of each window, in no order.
    """
    read = tx.run(
        "cooccurrence/windows",
        windows=windows,
        types=list(signals.sequence_types(settings.events)),
        window=settings.co_occurrence.window,
    )
    steps = {row["number"]: [Step(*step) for step in row["steps"]] for row in read}
    return [steps[number] for number in range(len(windows))]


def edge_rows(deltas: Iterable[EdgeDelta], *, sign: int = 1) -> list[dict[str, Any]]:
    """Group changes by the item they leave; -1 as the sign takes them back."""
    return [
        {
            "id": source,
            "targets": [[delta.target, sign * delta.weight, sign * delta.count, delta.updated_at] for delta in group],
        }
        for source, group in groupby(deltas, key=lambda delta: delta.source)
    ]
