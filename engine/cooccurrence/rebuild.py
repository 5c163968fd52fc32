"""Co-occurrence and popularity counted again from all events.

Any crash leaves the state `rebuilding`, in which the fold stands still, and the next recount begins anew. Events
that arrive meanwhile carry the label Unfolded: those that the recount read lose it before the state is live again,
the others wait for the fold. Events stored without the label raise the state's generation, which the recount
compares at its end.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar

import numpy as np

from engine.cooccurrence.counting import PairCounts, count_pairs
from engine.cooccurrence.fold import positive_strength
from engine.domain import EpochMs, now_ms
from engine.errors import ConflictError, FencedError
from engine.graph.store import GraphStore
from engine.interests.decay import days_ms
from engine.interests.signals import sequence_types
from engine.settings import Settings

Progress = Callable[[str, int, int], None]
T = TypeVar("T")

_MOST_ROUNDS = 3
_SETTLE_EVENTS = 2000
_REPORT_EVENTS = 20_000


@dataclass(frozen=True, slots=True)
class RebuildResult:
    """What a recount found.

    Attributes:
        events: Events counted.
        items: Items whose row was set.
        edges: Edges set.
        as_of: Time of the newest event, epoch ms; none where there are no events.
    """

    events: int
    items: int
    edges: int
    as_of: EpochMs | None


@dataclass(slots=True)
class _Steps:
    """Events as columns; users and items by number."""

    users: dict[str, int] = field(default_factory=dict)
    items: dict[str, int] = field(default_factory=dict)
    user: list[int] = field(default_factory=list)
    item: list[int] = field(default_factory=list)
    at: list[int] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    strength: list[float] = field(default_factory=list)
    unfolded: list[str] = field(default_factory=list)


def rebuild(
    store: GraphStore, settings: Settings, *, progress: Progress | None = None, batch_items: int = 500
) -> RebuildResult:
    """Count all events again and set CO_OCCURS and the popularity of items.

    Args:
        store: The graph.
        settings: Registry of types, window, half-lives, edges kept.
        progress: Told the stage (`read`, `count`, `write`), what is done and of how many; 0 where not known yet.
        batch_items: Items whose rows are set in one transaction.

    Raises:
        FencedError: Another recount began; it owns the state now.
        ConflictError: Events were stored without their label during every round, as an import does.
    """
    report = progress or (lambda stage, done, total: None)
    for _ in range(_MOST_ROUNDS):
        run = uuid.uuid4().hex
        [begun] = store.write("cooccurrence/begin", run=run)
        steps = _read(store, settings, report)
        report("count", 0, len(steps.ids))
        counts = _count(steps, settings)
        report("count", len(steps.ids), len(steps.ids))
        counted = (row["id"] for row in store.read("cooccurrence/counted_items"))
        others = [item_id for item_id in counted if item_id not in steps.items]
        total = len(steps.items) + len(others)
        items = edges = 0
        for batch in _batched(_rows(steps, counts, settings, others), batch_items):
            written = _owned(store.write("cooccurrence/set_rows", run=run, now=now_ms(), rows=batch))
            items += written["items"]
            edges += written["edges"]
            report("write", min(total, items), total)
        for events in _batched(steps.unfolded, _SETTLE_EVENTS):
            _owned(store.write("cooccurrence/settle", run=run, events=events))
        as_of = max(steps.at, default=None)
        ended = _owned(store.write("cooccurrence/finish", run=run, generation=begun["generation"], as_of=as_of))
        if ended["state"] == "live":
            return RebuildResult(len(steps.ids), items, edges, as_of)
    raise ConflictError(
        "Events were imported while co-occurrence was counted again.",
        remedy="Count again when the import has ended.",
    )


def _read(store: GraphStore, settings: Settings, report: Progress) -> _Steps:
    steps = _Steps()
    for number, row in enumerate(
        store.stream("cooccurrence/all_steps", types=list(sequence_types(settings.events))), start=1
    ):
        steps.user.append(steps.users.setdefault(row["user_id"], len(steps.users)))
        steps.item.append(steps.items.setdefault(row["item_id"], len(steps.items)))
        steps.at.append(row["at"])
        steps.ids.append(row["id"])
        steps.strength.append(positive_strength(row["type"], row["value"], settings.events))
        if row["unfolded"]:
            steps.unfolded.append(row["id"])
        if number % _REPORT_EVENTS == 0:
            report("read", number, 0)
    report("read", len(steps.ids), len(steps.ids))
    return steps


def _count(steps: _Steps, settings: Settings) -> PairCounts:
    user, at = np.array(steps.user, dtype=np.int64), np.array(steps.at, dtype=np.int64)
    rank = np.empty(len(steps.ids), dtype=np.int64)
    rank[sorted(range(len(steps.ids)), key=steps.ids.__getitem__)] = np.arange(len(steps.ids))
    order = np.lexsort((rank, at, user))
    offsets = np.concatenate([[0], np.cumsum(np.bincount(user, minlength=len(steps.users)))])
    options = settings.co_occurrence
    return count_pairs(
        np.array(steps.item, dtype=np.int32)[order],
        at[order],
        offsets,
        window=options.window,
        backward=options.backward,
        half_life_ms=days_ms(options.half_life_days),
        keep=options.max_edges_per_item,
    )


def _rows(steps: _Steps, counts: PairCounts, settings: Settings, others: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Make the row of every item, sorted by id; `others` have none any more."""
    names = list(steps.items)
    popularity, popular_at = _popularity(steps, settings)
    bounds = np.searchsorted(counts.source, np.arange(len(names) + 1)).tolist()
    for name in sorted([*names, *others]):
        number = steps.items.get(name)
        if number is None:
            yield {"id": name, "popularity": None, "popularity_at": None, "targets": []}
            continue
        row = slice(bounds[number], bounds[number + 1])
        columns = (counts.target[row], counts.weight[row], counts.count[row], counts.updated_at[row])
        yield {
            "id": name,
            "popularity": popularity[number],
            "popularity_at": popular_at[number],
            "targets": [
                [names[target], weight, count, updated_at]
                for target, weight, count, updated_at in zip(*(column.tolist() for column in columns), strict=True)
            ],
        }


def _popularity(steps: _Steps, settings: Settings) -> tuple[list[float], list[int]]:
    """Sum the strengths of each item as of its newest event."""
    item, at = np.array(steps.item, dtype=np.int64), np.array(steps.at, dtype=np.int64)
    newest = np.zeros(len(steps.items), dtype=np.int64)
    np.maximum.at(newest, item, at)
    half_life_ms = days_ms(settings.ranking.popularity_half_life_days)
    faded = np.array(steps.strength) * np.exp2((at - newest[item]) / half_life_ms)
    return np.bincount(item, weights=faded, minlength=len(steps.items)).tolist(), newest.tolist()


def _owned(rows: list[dict[str, Any]]) -> dict[str, Any]:
    if not rows:
        raise FencedError("Another recount of co-occurrence began.", remedy="Let that one end.")
    return rows[0]


def _batched(rows: Iterable[T], size: int) -> Iterator[list[T]]:
    remaining = iter(rows)
    while batch := list(islice(remaining, size)):
        yield batch
