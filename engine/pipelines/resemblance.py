"""Which items of the graph resemble each other, from the graph and back into it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import structlog
from scipy import sparse

from engine.graph.resemblance import replace_resembling
from engine.graph.store import GraphStore
from engine.graph.writeback import Fence
from engine.model.resemblance import MOST_ITEMS, ResemblanceRule, resembling
from engine.pipelines.item_views import GraphItems
from engine.settings import Settings

_log = structlog.get_logger("engine.resemblance")


def resemble_in_graph(
    store: GraphStore,
    settings: Settings,
    rule: ResemblanceRule | None,
    *,
    fence: Fence,
    items: GraphItems | None = None,
) -> int:
    """Join every item to those it resembles most, in place of those that the graph joins it to.

    Args:
        store: The graph.
        settings: Size of a transaction.
        rule: The rule of the version's model; without one nothing resembles anything.
        fence: What has to hold for a write.
        items: The graph's items where they are read already, or are compared by `content`, `image` or `audio`.

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

    similar = resembling(views, rule.view, rule.neighbours)
    return replace_resembling(store, ids, similar, fence=fence, similarity=similarity, batch_items=batch_items)
