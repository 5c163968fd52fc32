"""Co-occurrence and popularity counted again from all events.

Any crash leaves the state `rebuilding`, in which the fold stands still, and the next recount begins anew. Events
that arrive meanwhile carry the label Unfolded: those that the recount read lose it before the state is live again,
the others wait for the fold. Events stored without the label raise the state's generation, which the recount
compares at its end.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from engine.cooccurrence.counting import PairCounts, count_pairs
from engine.cooccurrence.fold import positive_strength
from engine.cooccurrence.settle import TIMEOUT_S, lock_shards
from engine.domain import EpochMs, now_ms
from engine.errors import ConflictError, FencedError
from engine.graph.store import GraphStore, Tx
from engine.interests.decay import days_ms
from engine.interests.signals import sequence_types
from engine.settings import Settings

Progress = Callable[[str, int, int], None]
T = TypeVar("T")

_MOST_ROUNDS = 3
_SETTLE_EVENTS = 2000
_FETCH_USERS = 100


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
    """Sequences one after the other, each oldest first, as columns; items by number.

    Attributes:
        items: Number of each item.
        item: Item of each event, one array a user.
        at: Its time, epoch ms.
        strength: What it adds to the popularity of its item.
        unfolded: Ids of the events that wait for the fold.
    """

    items: dict[str, int] = field(default_factory=dict)
    item: list[npt.NDArray[np.int32]] = field(default_factory=list)
    at: list[npt.NDArray[np.int64]] = field(default_factory=list)
    strength: list[npt.NDArray[np.float64]] = field(default_factory=list)
    unfolded: list[str] = field(default_factory=list)

    def add(self, row: Mapping[str, Any], settings: Settings) -> int:
        """Add one user's events; give their number."""
        at, ids = row["at"], row["id"]
        order = sorted(range(len(ids)), key=lambda place: (at[place], ids[place]))
        numbers = [self.items.setdefault(item_id, len(self.items)) for item_id in row["item_id"]]
        strengths = [positive_strength(*pair, settings.events) for pair in zip(row["type"], row["value"], strict=True)]
        self.item.append(np.array(numbers, dtype=np.int32)[order])
        self.at.append(np.array(at, dtype=np.int64)[order])
        self.strength.append(np.array(strengths)[order])
        self.unfolded.extend(row["unfolded"])
        return len(ids)


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
        begun = store.write_transaction(partial(_begin, settings=settings, run=run), timeout_s=TIMEOUT_S)
        steps = _read(store, settings, report)
        events = sum(len(sequence) for sequence in steps.at)
        report("count", 0, events)
        counts = _count(steps, settings)
        report("count", events, events)
        counted = (row["id"] for row in store.read("cooccurrence/counted_items"))
        others = [item_id for item_id in counted if item_id not in steps.items]
        total = len(steps.items) + len(others)
        items = edges = 0
        for batch in _batched(_rows(steps, counts, settings, others), batch_items):
            written = _owned(
                store.write(
                    "cooccurrence/set_rows",
                    timeout_s=TIMEOUT_S,
                    run=run,
                    now=now_ms(),
                    rows=batch,
                    keep=settings.co_occurrence.max_edges_per_item,
                )
            )
            items += written["items"]
            edges += written["edges"]
            report("write", min(total, items), total)
        for settled in _batched(steps.unfolded, _SETTLE_EVENTS):
            _owned(store.write("cooccurrence/settle", run=run, events=settled))
        as_of = max((int(sequence[-1]) for sequence in steps.at), default=None)
        ended = _owned(store.write("cooccurrence/finish", run=run, generation=begun["generation"], as_of=as_of))
        if ended["state"] == "live":
            return RebuildResult(events, items, edges, as_of)
    raise ConflictError(
        "Events were imported while co-occurrence was counted again.",
        remedy="Count again when the import has ended.",
    )


def _begin(tx: Tx, *, settings: Settings, run: str) -> dict[str, Any]:
    [pending] = tx.run("cooccurrence/pending")
    lock_shards(tx, max(settings.co_occurrence.shards, pending["shards"] or 1))
    [begun] = tx.run("cooccurrence/begin", run=run)
    return begun


def _read(store: GraphStore, settings: Settings, report: Progress) -> _Steps:
    steps = _Steps()
    types = list(sequence_types(settings.events))
    done = 0
    for row in store.stream("events/sequences", fetch_size=_FETCH_USERS, types=types):
        done += steps.add(row, settings)
        report("read", done, 0)
    report("read", done, done)
    return steps


def _count(steps: _Steps, settings: Settings) -> PairCounts:
    options = settings.co_occurrence
    lengths = [len(sequence) for sequence in steps.at]
    return count_pairs(
        np.concatenate([*steps.item, np.zeros(0, dtype=np.int32)]),
        np.concatenate([*steps.at, np.zeros(0, dtype=np.int64)]),
        np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]),
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
    if not steps.items:
        return [], []
    item, at = np.concatenate(steps.item), np.concatenate(steps.at)
    newest = np.zeros(len(steps.items), dtype=np.int64)
    np.maximum.at(newest, item, at)
    half_life_ms = days_ms(settings.ranking.popularity_half_life_days)
    faded = np.concatenate(steps.strength) * np.exp2((at - newest[item]) / half_life_ms)
    return np.bincount(item, weights=faded, minlength=len(steps.items)).tolist(), newest.tolist()


def _owned(rows: list[dict[str, Any]]) -> dict[str, Any]:
    if not rows:
        raise FencedError("Another recount of co-occurrence began.", remedy="Let that one end.")
    return rows[0]


def _batched(rows: Iterable[T], size: int) -> Iterator[list[T]]:
    remaining = iter(rows)
    while batch := list(islice(remaining, size)):
        yield batch
