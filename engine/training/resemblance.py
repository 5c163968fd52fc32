"""Whether edges between items that resemble each other help, by which view, and how much they count.

Chosen on validation before training, by what ranks there without a model: counted edges alone, or all that training
starts from where sets lead. The best of dozens gains by chance alone: chosen is the greatest gain less its standard
error over users, and nothing where the gain is less than two.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Final

import numpy as np
import numpy.typing as npt
import structlog
from scipy import sparse

from engine.evaluation.protocols import Scorer, rank
from engine.model.co_occurrence import CoOccurrenceTerm
from engine.model.inferred_edges import ItemViews
from engine.model.resemblance import MOST_ITEMS, ResemblanceRule, resembling
from engine.training.data import Targets

_LEAST_USERS: Final = 30
"""Users for whom something must change: of fewer, chance cannot be told."""
_VIEW_SCALES: Final = (0.2, 0.7)
"""κ by which views are compared."""
_ERRORS: Final = 2.0
"""Standard errors that must be gained."""
_SCALES: Final = (0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0)

_log = structlog.get_logger(__name__)


def choose_resemblance(
    views: ItemViews,
    term: CoOccurrenceTerm,
    targets: Targets,
    scorer_of: Callable[[CoOccurrenceTerm], Scorer],
    *,
    limit: int,
) -> tuple[ResemblanceRule | None, dict[str, float]]:
    """Choose a rule, and give NDCG@10 on validation of what was compared.

    Args:
        views: What items can be compared by.
        term: Counted edges alone.
        targets: The validation window.
        scorer_of: Gives the score without a model by given edges.
        limit: Users measured at most.

    Returns:
        The rule, or none: items have no content, are too many to compare each with each, or it does not help.
    """
    if not views.names:
        return None, {}
    if len(views) > MOST_ITEMS:
        _log.warning("items are too many to compare each with each", items=len(views), most=MOST_ITEMS)
        return None, {}

    def ndcg(edges: CoOccurrenceTerm) -> npt.NDArray[np.float64]:
        ranks = rank(scorer_of(edges), targets, protocol="discovery", limit=limit, with_lists=False)
        return ranks.by_user()["ndcg@10"]

    without = ndcg(term)
    if len(without) < _LEAST_USERS:
        return None, {}
    alike: dict[str, sparse.csr_array] = {}
    reached: dict[str, float] = {}
    gains: dict[ResemblanceRule, tuple[float, float]] = {}

    def measure(rule: ResemblanceRule) -> None:
        if rule in gains:
            return
        if rule.view not in alike:
            alike[rule.view] = resembling(views, rule.view)
        values = ndcg(term.with_added(np.float32(rule.scale) * alike[rule.view]))
        gain = values - without
        reached[f"{rule.view} at {rule.scale:g}"] = float(values.mean())
        if np.count_nonzero(gain) >= _LEAST_USERS:
            gains[rule] = float(gain.mean()), float(gain.std(ddof=1) / np.sqrt(len(gain)))

    def best() -> ResemblanceRule:
        return max(gains, key=lambda rule: gains[rule][0] - gains[rule][1])

    for view, scale in product(views.names, _VIEW_SCALES):
        measure(ResemblanceRule(view, scale))
    if not gains:
        return None, reached
    view = best().view
    for scale in _SCALES:
        measure(ResemblanceRule(view, scale))
    gain, error = gains[best()]
    return (best() if gain > _ERRORS * error else None), reached
