"""Edges for items without behaviour, from the graph and back into it."""

from __future__ import annotations

from collections.abc import Container, Sequence
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


def infer_for_graph(
    store: GraphStore,
    settings: Settings,
    rule: InferenceRule,
    *,
    fence: Fence,
    items: GraphItems | None = None,
    learnt: Container[str] = frozenset(),
) -> int:
    """Infer edges for every item that has not enough counted ones, and replace those in the graph.

    Where the rule takes vectors from neighbours, items that no counted edge reaches also get the mean of theirs in
    place of their own, shrunk. The rule's factor makes up for what a new item's vector lacks, so an item that the model
    has learnt gets no edges.

    Args:
        store: The graph.
        settings: Half-life of counted edges.
        rule: The rule of the version's model.
        fence: What has to hold for a write.
        items: The graph's items where they are read already, or are compared by `content`, `image` or `audio`.
        learnt: Ids of items that the model has learnt from behaviour.

    Returns:
        Edges written.

    Raises:
        FencedError: The version may not be written or another run has the job.
    """
    items = items or GraphItems(store)
    ids, reached = items.ids, items.reached
    index = {item_id: place for place, item_id in enumerate(ids)}
    known = np.array([item_id in learnt for item_id in ids], dtype=bool)
    new = np.flatnonzero((reached < ENOUGH_EDGES) & ~known)
    weights, as_of = _read_weights(store, settings, index)
    views = items.views(rule.view) if len(new) and weights.nnz else None
    edges: list[InferredEdge] = []
    if views is not None:
        if rule.vectors == "neighbours":
            untaken = np.flatnonzero((reached == 0) & ~known)
            _write_vectors(store, ids, weights, views, untaken, rule, fence)
        found = infer_edges(weights, views, new, rule)
        columns = (found.source.tolist(), found.target.tolist(), found.weight.tolist(), found.certainty.tolist())
        edges = [
            InferredEdge(ids[target], ids[source], weight, certainty)
            for source, target, weight, certainty in zip(*columns, strict=True)
        ]
    return replace_inferred(store, edges, as_of=as_of, fence=fence)


def _write_vectors(
    store: GraphStore,
    ids: Sequence[str],
    weights: sparse.csr_array,
    views: ItemViews,
    new: npt.NDArray[np.int64],
    rule: InferenceRule,
    fence: Fence,
) -> None:
    """Write the mean of the neighbours' vectors; where a neighbour has none yet, nothing is written."""
    vectors: dict[str, npt.NDArray[np.float32]] = {}

    def vectors_of(used: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        found = read_vectors(store, fence.version, ITEM, ids=[ids[place] for place in used.tolist()])
        vectors.update(zip(found.ids, found.matrix, strict=True))
        # None is used where no new item resembles anything.
        if not len(used) or len(vectors) < len(used):
            return np.full((len(used), 1), np.nan, dtype=np.float32)
        return np.stack([vectors[ids[place]] for place in used.tolist()])

    known = with_behaviour(weights)
    new = np.setdiff1d(new, known)
    if not len(new):
        return
    rows, means = neighbour_vectors(views.nearest(rule.view, new, known, rule.neighbours), rule, vectors_of)
    if len(rows) and np.isfinite(means).all():
        write_vectors(store, ITEM, [ids[place] for place in new[rows].tolist()], means, fence=fence)


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
