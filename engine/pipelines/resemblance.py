"""Which items of the graph resemble each other, from the graph and back into it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt
import structlog
from scipy import sparse

from engine.graph.resemblance import Known, read_resembling, replace_resembling
from engine.graph.store import GraphStore
from engine.graph.writeback import Fence
from engine.model.inferred_edges import ItemViews, Progress
from engine.model.resemblance import MOST_ITEMS, ResemblanceRule, resembling
from engine.pipelines.item_views import GraphItems
from engine.settings import Settings

_FEW: Final = 10
"""Of so many items one may have changed at most since all were compared: with each the rarity of words moves, and every
similarity a little with it."""
_CHUNK: Final = 256
_log = structlog.get_logger("engine.resemblance")


def resemble_in_graph(
    store: GraphStore,
    settings: Settings,
    rule: ResemblanceRule,
    *,
    fence: Fence,
    items: GraphItems | None = None,
    changed: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> int:
    """Join every item to those it resembles most, in place of those that the graph joins it to.

    Each item is compared with each. Where only few came or changed since, and all are joined on the same basis, it is
    enough to compare these with all, and to look anew at the rows that they leave or come into.

    Args:
        store: The graph.
        settings: Size of a transaction.
        rule: The rule of the version's model.
        fence: What has to hold for a write.
        items: The graph's items where they are read already, or are compared by `content`, `image` or `audio`.
        changed: Ids of the items that came or changed since; all items are joined anew when empty.
        progress: Called with how many items have been compared, and how many are; what it raises ends the run before
            anything is written.

    Returns:
        Edges written; above `MOST_ITEMS` items none, and those that are there go.

    Raises:
        FencedError: The version may not be written or another run has the job.
    """
    items = items or GraphItems(store)
    ids = items.ids
    write = partial(replace_resembling, store, ids, fence=fence, batch_items=settings.workers.batch_size)
    nothing = sparse.csr_array((len(ids), len(ids)))
    if len(ids) > MOST_ITEMS:
        _log.warning("too_many_items_to_compare", items=len(ids), most=MOST_ITEMS)
        # Below it again nothing that is there can be gone on from.
        return write(nothing, basis=rule.basis, changed=len(ids))
    views = items.views(rule.view)
    if views is None:
        return write(nothing, basis=rule.basis)

    def similarity(item: int, others: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        found: npt.NDArray[np.float32] = views.similarity(rule.view, np.array([item]), others)[0]
        return found

    known = read_resembling(store, ids)
    wanted = set(ids if changed is None else changed)
    moved = np.array([place for place, item_id in enumerate(ids) if item_id in wanted], dtype=np.int64)
    some = known.basis == rule.basis and (known.changed + len(moved)) * _FEW < len(ids)
    places = _touched(known, views, rule, moved) if some else None
    similar = resembling(views, rule.view, rule.neighbours, of=places, progress=progress)
    return write(
        similar, basis=rule.basis, known=known, places=places, changed=len(moved) if some else 0, similarity=similarity
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
