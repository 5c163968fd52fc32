"""Which items resemble each other, in the graph: RESEMBLES, of every item, fenced as every write-back.

Only rows that differ are written: one new item moves the rarity of all its words a little, and among items that are
equally alike it is chance which of them stand in a row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import sparse

from engine.domain import now_ms
from engine.graph.store import GraphStore
from engine.graph.writeback import Fence, unfenced

SAME: Final = 0.01
"""Similarities that differ by no more are taken for the same."""
_FETCH_ROWS: Final = 500

Int64 = npt.NDArray[np.int64]
Similarity = Callable[[int, Int64], npt.NDArray[np.floating]]


def replace_resembling(
    store: GraphStore,
    ids: Sequence[str],
    similar: sparse.csr_array,
    *,
    fence: Fence,
    similarity: Similarity | None = None,
    batch_items: int = 200,
) -> int:
    """Put what items resemble in place of what the graph says; items that are not named lose theirs.

    Args:
        store: The graph.
        ids: All items [I].
        similar: Similarity of each item to those it resembles most, CSR [I, I].
        fence: What has to hold.
        similarity: Gives the similarity of an item to some others, by index; with it a row of other items that are as
            similar stays.
        batch_items: Items of one transaction.

    Returns:
        Edges written.

    Raises:
        FencedError: The version may not be written or another run has the job; nothing more was written.
    """
    wanted: sparse.csr_array = similar.sorted_indices()
    index = {item_id: place for place, item_id in enumerate(ids)}
    stays = np.diff(wanted.indptr) == 0
    changed: list[tuple[str, int | None]] = []
    for row in store.stream("ranking/resembling", fetch_size=_FETCH_ROWS):
        place = index.get(row["id"])
        if place is None:
            changed.append((row["id"], None))
            continue
        targets = np.array([index.get(target, -1) for target in row["targets"]], dtype=np.int64)
        stays[place] = _stays(wanted, place, targets, np.array(row["similarities"], np.float64), similarity)
    changed += [(ids[place], place) for place in np.flatnonzero(~stays).tolist()]
    changed.sort(key=lambda item: item[0])
    written = 0
    for start in range(0, len(changed), batch_items):
        rows = [_row(ids, wanted, item_id, place) for item_id, place in changed[start : start + batch_items]]
        found = store.write("resemblance/write", rows=rows, now=now_ms(), **fence.parameters())
        written += unfenced(found, fence)
    store.write("resemblance/finish", version=fence.version, now=now_ms())
    return written


def _stays(
    wanted: sparse.csr_array,
    place: int,
    targets: Int64,
    similarities: npt.NDArray[np.float64],
    similarity: Similarity | None,
) -> bool:
    """Whether a row of the graph says what is wanted, or, of other items, something as good."""
    start, end = wanted.indptr[place], wanted.indptr[place + 1]
    if len(targets) != end - start or (targets < 0).any():
        return False
    order = np.argsort(targets)
    values = wanted.data[start:end]
    if np.array_equal(targets[order], wanted.indices[start:end]):
        return _same(similarities[order], values)
    if similarity is None:
        return False
    true = similarity(place, targets)
    return _same(similarities, true) and _same(np.sort(true), np.sort(values))


def _same(one: npt.NDArray[np.floating], other: npt.NDArray[np.floating]) -> bool:
    return bool((np.abs(one - other) <= SAME).all())


def _row(ids: Sequence[str], wanted: sparse.csr_array, item_id: str, place: int | None) -> dict[str, Any]:
    if place is None:
        return {"source": item_id, "targets": [], "similarities": []}
    entries = slice(wanted.indptr[place], wanted.indptr[place + 1])
    # A cosine of float32 may be a little above 1.
    similarities = np.minimum(wanted.data[entries].astype(np.float64), 1.0)
    targets = [ids[target] for target in wanted.indices[entries].tolist()]
    return {"source": item_id, "targets": targets, "similarities": similarities.tolist()}
