"""Edges for items without behaviour, from the graph and back into it."""

from __future__ import annotations

from collections.abc import Collection, Container, Sequence
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import sparse

from engine.domain import EpochMs
from engine.graph.inferred import InferredEdge, replace_inferred
from engine.graph.names import ITEM
from engine.graph.store import GraphStore
from engine.graph.vectors import read_vectors
from engine.graph.writeback import Fence, write_vectors
from engine.interests.decay import days_ms, value_at
from engine.model.inferred_edges import InferenceRule, ItemViews, infer_edges, neighbour_vectors, with_behaviour
from engine.pipelines.item_views import GraphItems
from engine.settings import Settings

ENOUGH_EDGES: Final = 10
"""Counted edges that reach an item from which on nothing is inferred for it."""
_FETCH_ROWS: Final = 500

Float32 = npt.NDArray[np.float32]


class NewItems:
    """Items that behaviour has told nothing or little of yet: what leads to them, and what stands for their vectors.

    Args:
        store: The graph.
        settings: Half-life of counted edges.
        rule: The rule of the version's model.
        items: The graph's items where they are read already, or are compared by `content`, `image` or `audio`.
        learnt: Ids of items that the model has learnt from behaviour. The rule's factor makes up for what a new item's
            vector lacks, so these get no edges.
    """

    def __init__(
        self,
        store: GraphStore,
        settings: Settings,
        rule: InferenceRule,
        *,
        items: GraphItems | None = None,
        learnt: Container[str] = frozenset(),
    ) -> None:
        self._store, self._settings, self._rule = store, settings, rule
        self._items = items or GraphItems(store)
        self._learnt = learnt

    def infer(self, fence: Fence) -> int:
        """Infer edges for every item that has not enough counted ones, and replace those in the graph.

        Where the rule takes vectors from neighbours, items that no counted edge reaches also get these.

        Args:
            fence: What has to hold for a write.

        Returns:
            Edges written.

        Raises:
            FencedError: The version may not be written or another run has the job.
        """
        ids, (weights, as_of) = self._items.ids, self._counted
        new = np.flatnonzero((self._items.reached < ENOUGH_EDGES) & ~self._known)
        views = self._views if len(new) else None
        edges: list[InferredEdge] = []
        if views is not None:
            named, vectors = self.vectors(fence.version)
            if named:
                write_vectors(self._store, ITEM, named, vectors, fence=fence)
            found = infer_edges(weights, views, new, self._rule)
            columns = (found.source.tolist(), found.target.tolist(), found.weight.tolist(), found.certainty.tolist())
            edges = [
                InferredEdge(ids[target], ids[source], weight, certainty)
                for source, target, weight, certainty in zip(*columns, strict=True)
            ]
        return replace_inferred(self._store, edges, as_of=as_of, fence=fence)

    def vectors(self, version: str, only: Collection[str] | None = None) -> tuple[Sequence[str], Float32]:
        """Give the mean of their neighbours' vectors, shrunk, for items that no counted edge reaches.

        Args:
            version: The version whose vectors are read.
            only: Ids of items that are wanted; all when empty.

        Returns:
            Ids, and vectors [N, D]. None where vectors are not from neighbours, or a neighbour has none yet.
        """
        nothing: tuple[Sequence[str], Float32] = [], np.zeros((0, 0), dtype=np.float32)
        if self._rule.vectors != "neighbours" or self._views is None:
            return nothing
        ids, known = self._items.ids, with_behaviour(self._counted[0])
        wanted = np.ones(len(ids), dtype=bool) if only is None else np.isin(np.array(ids), list(only))
        new = np.setdiff1d(np.flatnonzero((self._items.reached == 0) & ~self._known & wanted), known)

        def vectors_of(used: npt.NDArray[np.int64]) -> Float32:
            found = read_vectors(self._store, version, ITEM, ids=[ids[place] for place in used.tolist()])
            of = dict(zip(found.ids, found.matrix, strict=True))
            # None is used where no new item resembles anything.
            if not len(used) or len(of) < len(used):
                return np.full((len(used), 1), np.nan, dtype=np.float32)
            return np.stack([of[ids[place]] for place in used.tolist()])

        near = self._views.nearest(self._rule.view, new, known, self._rule.neighbours)
        rows, means = neighbour_vectors(near, self._rule, vectors_of)
        if not len(rows) or not np.isfinite(means).all():
            return nothing
        return [ids[place] for place in new[rows].tolist()], means

    @cached_property
    def _known(self) -> npt.NDArray[np.bool_]:
        return np.array([item_id in self._learnt for item_id in self._items.ids], dtype=bool)

    @cached_property
    def _counted(self) -> tuple[sparse.csr_array, EpochMs]:
        index = {item_id: place for place, item_id in enumerate(self._items.ids)}
        return _read_weights(self._store, self._settings, index)

    @property
    def _views(self) -> ItemViews | None:
        """What items are compared by; none where nothing is counted yet."""
        return self._items.views(self._rule.view) if self._counted[0].nnz else None


def _read_weights(store: GraphStore, settings: Settings, index: dict[str, int]) -> tuple[sparse.csr_array, EpochMs]:
    """Read the counted rows, each divided by the root of its sum, as of the newest event in them."""
    [state] = store.read("subgraph/as_of")
    as_of: EpochMs = int(state["as_of"] or 0)
    half_life_ms = days_ms(settings.co_occurrence.half_life_days)
    sources, targets, values = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros(0)]
    for row in store.stream("ranking/rows", fetch_size=_FETCH_ROWS):
        source = index.get(row["id"])
        if source is None:
            continue
        places = np.array([index.get(target, -1) for target in row["targets"]], np.int64)
        raw = value_at(np.array(row["weights"], np.float64), np.array(row["times"], np.int64), as_of, half_life_ms)
        kept = (places >= 0) & (raw > 0)
        if kept.any():
            targets.append(places[kept])
            values.append(raw[kept] / np.sqrt(raw[kept].sum()))
            sources.append(np.full(int(kept.sum()), source))
    entries = (np.concatenate(values), (np.concatenate(sources), np.concatenate(targets)))
    size = len(index)
    return sparse.coo_array(entries, shape=(size, size)).tocsr(), as_of
