"""Which items of the graph resemble each other, from the graph and back into it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import structlog
from scipy import sparse

from engine.graph.resemblance import Known, read_resembling, replace_resembling
from engine.graph.store import GraphStore
from engine.graph.writeback import Fence
from engine.model.inferred_edges import ItemViews
from engine.model.resemblance import MOST_ITEMS, ResemblanceRule, resembling
from engine.pipelines.item_views import GraphItems
from engine.settings import Settings

_FEW: Final = 4
"""Of so many items one may have changed at most; else all are compared."""
_CHUNK: Final = 256
_log = structlog.get_logger("engine.resemblance")


def resemble_in_graph(
    store: GraphStore,
    settings: Settings,
    rule: ResemblanceRule | None,
    *,
    fence: Fence,
    items: GraphItems | None = None,
    changed: Sequence[str] | None = None,
) -> int:
    """Join every item to those it resembles most, in place of those that the graph joins it to.

    Each item is compared with each. Where only some came or changed and the rest was joined by the same version, it is
    enough to compare these with all, and to look anew at the rows that they leave or come into.

    Args:
        store: The graph.
        settings: Size of a transaction.
        rule: The rule of the version's model; without one nothing resembles anything.
        fence: What has to hold for a write.
        items: The graph's items where they are read already, or are compared by `content`, `image` or `audio`.
        changed: Ids of the items that came or changed since; all items are joined anew when empty.

    Returns:
        Edges written; none where there are more than `MOST_ITEMS` items, whose edges stay.

    Raises:
        FencedError: The version may not be written or another run has the job.
    """
    batch_items = settings.workers.batch_size
    if rule is None:
        return replace_resembling(store, [], sparse.csr_array((0, 0)), fence=fence, batch_items=batch_items)
    items = items or GraphItems(store)
    ids = items.ids
    if len(ids) > MOST_ITEMS:
        _log.warning("too_many_items_to_compare", items=len(ids), most=MOST_ITEMS)
        return 0
    views = items.views(rule.view)
    if views is None:
        nothing = sparse.csr_array((len(ids), len(ids)))
        return replace_resembling(store, ids, nothing, fence=fence, batch_items=batch_items)

    def similarity(item: int, others: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        found: npt.NDArray[np.float32] = views.similarity(rule.view, np.array([item]), others)[0]
        return found

    known = read_resembling(store, ids)
    places = None
    if changed is not None and known.version == fence.version and len(changed) * _FEW < len(ids):
        index = {item_id: place for place, item_id in enumerate(ids)}
        moved = np.array(sorted(index[item_id] for item_id in changed if item_id in index), dtype=np.int64)
        places = _touched(known, views, rule, moved)
    similar = resembling(views, rule.view, rule.neighbours, of=places)
    return replace_resembling(
        store,
        ids,
        similar,
        fence=fence,
        known=known,
        places=places,
        similarity=similarity,
        batch_items=batch_items,
    )


def _touched(
    known: Known, views: ItemViews, rule: ResemblanceRule, moved: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Give the items whose rows may be others: those that moved, those that name one, and those that one comes to."""
    touched = known.naming(moved)
    touched[moved] = True
    every = np.arange(len(views), dtype=np.int64)
    to_beat = known.to_beat(rule.neighbours)
    for start in range(0, len(moved), _CHUNK):
        cosine = views.similarity(rule.view, moved[start : start + _CHUNK], every)
        touched |= (cosine > to_beat).any(axis=0)
    return np.flatnonzero(touched)
