"""How a scorer is measured: whole catalogue, chunk by chunk.

Two questions are asked of a window of time. `discovery`: which items will the user take that are not in the history
yet; items of the history are removed from ranking and from the positives. `next`: which items at all, repeats too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from engine.evaluation import metrics
from engine.training.data import Targets, seen

Protocol = Literal["discovery", "next"]
PROTOCOLS: Final[tuple[Protocol, ...]] = ("discovery", "next")
Scorer = Callable[[npt.NDArray[np.integer]], npt.NDArray[np.floating]]
"""Gives scores [B, I] of users, by index."""
_CHUNK_USERS: Final = 256
_LIST_LENGTH: Final = 10


def evaluate(
    scorer: Scorer,
    targets: Targets,
    *,
    protocol: Protocol,
    popularity: npt.NDArray[np.floating] | None = None,
    limit: int | None = None,
) -> dict[str, float]:
    """Measure a scorer on a held-out window.

    Args:
        scorer: Gives scores of users.
        targets: The window.
        protocol: Which question.
        popularity: Counts of the training part, for novelty.
        limit: Users measured at most, evenly spread; all when empty.

    Returns:
        Means over the users who have a positive, by name; `users` is their number.
    """
    items = targets.positives.shape[1]
    chosen = np.arange(len(targets.users))
    if limit is not None and limit < len(chosen):
        chosen = np.unique(np.linspace(0, len(chosen) - 1, limit).astype(np.int64))
    ranks, rows, shown, users = [], [], [], 0
    for start in range(0, len(chosen), _CHUNK_USERS):
        part = chosen[start : start + _CHUNK_USERS]
        user = targets.users[part]
        scores = np.array(scorer(user), dtype=np.float32)
        positives = targets.positives[part].toarray().astype(bool)
        if protocol == "discovery":
            known = seen(targets.history, user, items).toarray().astype(bool)
            scores[known] = -np.inf
            positives &= ~known
        keep = positives.any(axis=1)
        row, column = np.nonzero(positives[keep])
        kept = scores[keep]
        ranks.append(metrics.mean_ranks(kept, row, column))
        rows.append(row + users)
        best = np.argpartition(-kept, _LIST_LENGTH - 1, axis=1)[:, :_LIST_LENGTH] if items > _LIST_LENGTH else None
        if best is not None:
            shown.append(best)
        users += int(keep.sum())
    if users == 0:
        return {"users": 0.0}
    found = metrics.summary(np.concatenate(ranks), np.concatenate(rows), users)
    if shown:
        lists = np.concatenate(shown)
        found["coverage@10"] = metrics.coverage_at_k(lists, items)
        found["gini@10"] = metrics.gini_at_k(lists, items)
        if popularity is not None:
            found["novelty@10"] = metrics.novelty_at_k(lists, popularity)
    return {"users": float(users), **found}
