"""CO_OCCURS in step with the graph: every change is noticed at once, rows are read as they are needed.

At thousands of events a second every row changes every second, and nobody can read them all that often. So a look at
the graph reads which rows changed (with the popularity of their items, which every answer needs), and then only some of
these rows. The others stay marked as behind; an answer that needs one of them reads it first, at most as many as it
looks at steps of the history, and gives it to the next snapshot.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from engine.domain import EpochMs
from engine.errors import UnavailableError
from engine.graph.store import GraphStore
from engine.interests.decay import value_at
from engine.ranking.loading import EdgeRow, edge_row
from engine.ranking.rows import Row
from engine.ranking.state import Snapshot

ROWS_A_LOOK: Final = 200
_MOST_OFFERED: Final = 2_000
_FETCH_ROWS: Final = 500


class LateRows:
    """Rows that answers have read, on their way into the next snapshot. Safe to share between threads.

    Args:
        store: The graph.
    """

    def __init__(self, store: GraphStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._offered: dict[str, EdgeRow] = {}

    def bring(self, snapshot: Snapshot, places: Iterable[int]) -> Snapshot:
        """Give a snapshot in which the rows of some items are as they are now; those that are up to date cost nothing.

        Where the graph does not answer, the rows stay as they were.
        """
        late = sorted({place for place in places if place in snapshot.behind})
        if not late:
            return snapshot
        try:
            rows = read_rows_of(self._store, [snapshot.catalogue.ids[place] for place in late])
        except UnavailableError:
            return snapshot
        with self._lock:
            if len(self._offered) < _MOST_OFFERED:
                self._offered.update((row.id, row) for row in rows)
        return with_late_rows(snapshot, late, rows)

    def take(self) -> list[EdgeRow]:
        """Give the rows that answers have read since."""
        with self._lock:
            rows, self._offered = list(self._offered.values()), {}
        return rows


def follow_edges(
    store: GraphStore, snapshot: Snapshot, offered: Iterable[EdgeRow], *, as_of: EpochMs | None, folded_at: int
) -> Snapshot:
    """Give a snapshot that knows which rows changed, with popularity of now and some of these rows.

    Args:
        store: The graph.
        snapshot: What was known before.
        offered: Rows that answers have read.
        as_of: Time of the newest event in the edges, read before.
        folded_at: Stamp of the latest fold, read before.
    """
    if folded_at > snapshot.folded_at or as_of != snapshot.as_of:
        [moved] = store.stream("ranking/moved", stamp=snapshot.folded_at)
        snapshot = with_moved(snapshot, **moved, as_of=as_of, folded_at=folded_at)
    if not snapshot.behind:
        return snapshot
    index = snapshot.catalogue.index
    known = [row for row in offered if row.stamp >= snapshot.behind.get(index.get(row.id, -1), row.stamp + 1)]
    if known:
        snapshot = with_late_rows(snapshot, [index[row.id] for row in known], known, compact=True)
    late = list(snapshot.behind)[:ROWS_A_LOOK]
    if not late:
        return snapshot
    rows = read_rows_of(store, [snapshot.catalogue.ids[place] for place in late])
    return with_late_rows(snapshot, late, rows, compact=True)


def read_rows_of(store: GraphStore, ids: Sequence[str]) -> list[EdgeRow]:
    """Read the rows of some items; those that are not there are left out."""
    return [EdgeRow(**row) for row in store.stream("ranking/rows_of", fetch_size=_FETCH_ROWS, ids=ids)]


def with_moved(
    snapshot: Snapshot,
    ids: Sequence[str],
    stamps: Sequence[int],
    popularities: Sequence[float],
    times: Sequence[EpochMs],
    *,
    as_of: EpochMs | None,
    folded_at: int,
) -> Snapshot:
    """Give a snapshot in which rows are marked as behind and popularities are set; unknown items are passed over."""
    index = snapshot.catalogue.index
    known = [(index[name], place) for place, name in enumerate(ids) if name in index]
    mass = snapshot.mass.copy()
    if known:
        at = np.array([place for _, place in known])
        mass[[item for item, _ in known]] = value_at(
            np.array(popularities, np.float64)[at],
            np.array(times, np.int64)[at],
            snapshot.reference_at,
            snapshot.mass_half_life_ms,
        )
    behind = {**snapshot.behind, **{item: stamps[place] for item, place in known}}
    return replace(snapshot, mass=mass, behind=behind, as_of=as_of, folded_at=folded_at)


def with_late_rows(
    snapshot: Snapshot, places: Sequence[int], rows: Iterable[EdgeRow], *, compact: bool = False
) -> Snapshot:
    """Give a snapshot in which some rows are set and no longer behind.

    Args:
        snapshot: The snapshot.
        places: Items whose rows were asked for; one that is not there any more has none.
        rows: What was found.
        compact: Whether arrays may be made anew, which is no work for an answer.
    """
    index = snapshot.catalogue.index
    found: dict[int, Row] = {
        index[row.id]: edge_row(row, index, snapshot.reference_at, snapshot.edges_half_life_ms)
        for row in rows
        if row.id in index
    }
    gone = set(places)
    behind: Mapping[int, int] = {place: stamp for place, stamp in snapshot.behind.items() if place not in gone}
    return replace(snapshot, edges=snapshot.edges.with_rows(found, compact=compact), behind=behind)
