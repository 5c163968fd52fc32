"""Edges for items without behaviour, from the graph and back into it."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Container, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import sparse

from engine.domain import EpochMs
from engine.features.place import MEDIA
from engine.graph.inferred import InferredEdge, replace_inferred
from engine.graph.names import ITEM
from engine.graph.store import GraphStore
from engine.graph.vectors import read_vectors
from engine.graph.writeback import Fence, write_vectors
from engine.interests.decay import days_ms, value_at
from engine.model.inferred_edges import InferenceRule, ItemViews, infer_edges, neighbour_vectors, with_behaviour
from engine.pipelines.dataset import item_text
from engine.pipelines.media import MediaReader
from engine.settings import Settings
from engine.training.data import ItemTable

ENOUGH_EDGES: Final = 10
"""Counted edges that reach an item from which on nothing is inferred for it."""
_FETCH_ROWS: Final = 500


def infer_for_graph(
    store: GraphStore,
    settings: Settings,
    rule: InferenceRule,
    *,
    fence: Fence,
    encode: Callable[[Sequence[str]], npt.NDArray[np.float32]] | None = None,
    media: MediaReader | None = None,
    learnt: Container[str] = frozenset(),
) -> int:
    """Infer edges for every item that has not enough counted ones, and replace those in the graph.

    Items that no counted edge reaches also get the mean of their neighbours' vectors in place of their own, shrunk as
    the rule says; the rule's factor makes up for that, so an item that the model has learnt gets no edges.

    Args:
        store: The graph.
        settings: Half-life of counted edges.
        rule: The rule of the version's model.
        fence: What has to hold for a write.
        encode: Makes vectors of texts; needed where the rule compares items by `content`.
        media: Makes vectors of images and sounds; needed where the rule compares items by `image` or `audio`.
        learnt: Ids of items that the model has learnt from behaviour.

    Returns:
        Edges written.

    Raises:
        FencedError: The version may not be written or another run has the job.
    """
    items, texts, named, reached = _read_items(store)
    index = {item_id: place for place, item_id in enumerate(items.ids)}
    wanted = rule.view.split("+")
    content = encode(texts) if encode is not None and "content" in wanted and any(texts) else None
    vectors = media.read(items.ids, named).vectors if media is not None and not set(MEDIA).isdisjoint(wanted) else {}
    views = ItemViews(ItemTable(items.ids, items.titles, content, items.about, items.interest_ids, vectors))
    known = np.array([item_id in learnt for item_id in items.ids], dtype=bool)
    new = np.flatnonzero((reached < ENOUGH_EDGES) & ~known)
    weights, as_of = _read_weights(store, settings, index)
    edges: list[InferredEdge] = []
    if len(new) and weights.nnz and all(name in views.names for name in wanted):
        untaken = np.flatnonzero((reached == 0) & ~known)
        _write_vectors(store, items.ids, weights, views, untaken, rule, fence)
        found = infer_edges(weights, views, new, rule)
        columns = (found.source.tolist(), found.target.tolist(), found.weight.tolist(), found.certainty.tolist())
        edges = [
            InferredEdge(items.ids[target], items.ids[source], weight, certainty)
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


def _read_items(store: GraphStore) -> tuple[ItemTable, list[str], dict[str, list[object]], npt.NDArray[np.int64]]:
    ids: list[str] = []
    titles: list[str] = []
    texts: list[str] = []
    media: dict[str, list[object]] = {name: [] for name in MEDIA}
    interests: dict[str, int] = {}
    rows, columns, weights, reached = array("q"), array("q"), array("d"), array("q")
    for number, row in enumerate(store.stream("inferred/items", fetch_size=_FETCH_ROWS)):
        ids.append(row["id"])
        titles.append(row["title"] or "")
        texts.append(item_text(row["title"], row["description"]))
        reached.append(row["reached"])
        for name in MEDIA:
            media[name].append(row[name])
        for interest_id, weight in row["about"]:
            rows.append(number)
            columns.append(interests.setdefault(interest_id, len(interests)))
            weights.append(weight)
    entries = (np.array(weights, np.float32), (np.array(rows, np.int64), np.array(columns, np.int64)))
    about = sparse.csr_array(entries, shape=(len(ids), len(interests)))
    return ItemTable(ids, titles, None, about, list(interests)), texts, media, np.array(reached, np.int64)


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
