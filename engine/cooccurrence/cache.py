"""Rows of CO_OCCURS that this process read or wrote lately.

Every change of a row gives its item a new stamp (`Item.edges_at`), so a row with the stamp of the graph is the row of
the graph, whoever wrote it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from engine.graph.store import GraphStore


@dataclass(frozen=True, slots=True)
class Row:
    """The edges that leave one item.

    Attributes:
        targets: Items they point at.
        weight: Their weights as of `updated_at`, float64.
        count: Pairs of events, int64.
        updated_at: Times, epoch ms, int64.
    """

    targets: list[str]
    weight: npt.NDArray[np.float64]
    count: npt.NDArray[np.int64]
    updated_at: npt.NDArray[np.int64]


class RowCache:
    """The rows used last, bounded by their number of edges; may be used by several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: OrderedDict[str, tuple[int, Row]] = OrderedDict()
        self._names: dict[str, str] = {}
        self._edges = 0

    def take(self, stamps: Mapping[str, int]) -> dict[str, Row]:
        """Give the rows whose stamps are these."""
        found = {}
        with self._lock:
            for item_id, stamp in stamps.items():
                kept = self._rows.get(item_id)
                if kept is not None and kept[0] == stamp:
                    found[item_id] = kept[1]
                    self._rows.move_to_end(item_id)
        return found

    def keep(self, stamp: int, rows: Mapping[str, Row], *, most_edges: int) -> None:
        """Keep rows that were written with a stamp, and let the longest unused go.

        Args:
            stamp: Their stamp.
            rows: By item.
            most_edges: Edges kept in all.
        """
        with self._lock:
            if len(self._names) > 4 * most_edges:
                self._names.clear()
            for item_id, row in rows.items():
                old = self._rows.pop(item_id, None)
                self._edges += len(row.targets) - (len(old[1].targets) if old else 0)
                # One text for each item, however many rows point at it.
                row = replace(row, targets=[self._names.setdefault(name, name) for name in row.targets])
                self._rows[item_id] = (stamp, row)
            while self._rows and self._edges > most_edges:
                _, (_, dropped) = self._rows.popitem(last=False)
                self._edges -= len(dropped.targets)

    def drop(self, items: Mapping[str, object]) -> None:
        """Forget rows."""
        with self._lock:
            for item_id in items:
                old = self._rows.pop(item_id, None)
                self._edges -= len(old[1].targets) if old else 0


_caches: WeakKeyDictionary[GraphStore, RowCache] = WeakKeyDictionary()
_guard = threading.Lock()


def cache_of(store: GraphStore) -> RowCache:
    """Give the cache of a store."""
    with _guard:
        return _caches.setdefault(store, RowCache())
