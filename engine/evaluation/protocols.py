"""How a scorer is measured: whole catalogue, chunk by chunk.

Two questions are asked of a window of time. `discovery`: which items will the user take that are not in the history
yet; items of the history are removed from ranking and from the positives. `next`: which items at all, repeats too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
from scipy import sparse

from engine.evaluation import metrics
from engine.training.data import Targets, seen

Protocol = Literal["discovery", "next"]
PROTOCOLS: Final[tuple[Protocol, ...]] = ("discovery", "next")
Scorer = Callable[[npt.NDArray[np.integer]], npt.NDArray[np.floating]]
"""Gives scores [B, I] of users, by index."""
_CHUNK_USERS: Final = 256
_LIST_LENGTH: Final = 10


@dataclass(frozen=True, slots=True)
class Ranks:
    """Where the positives of the measured users stand.

    Attributes:
        users: Index of each measured user, those with a positive left [U].
        ranks: Rank of each positive [E].
        rows: Place in `users` of each positive [E].
        lists: The first ten items of each user [U, 10]; empty where the catalogue has no more than ten.
        items: Size of the catalogue.
    """

    users: npt.NDArray[np.int64]
    ranks: npt.NDArray[np.float64]
    rows: npt.NDArray[np.int64]
    lists: npt.NDArray[np.int64]
    items: int

    def __len__(self) -> int:
        return len(self.users)

    def of(self, chosen: npt.NDArray[np.bool_]) -> Ranks:
        """Give some of the users.

        Args:
            chosen: Which of `users` [U].
        """
        place = np.cumsum(chosen) - 1
        keep = chosen[self.rows]
        lists = self.lists[chosen] if len(self.lists) else self.lists
        return Ranks(self.users[chosen], self.ranks[keep], place[self.rows[keep]], lists, self.items)

    def by_user(self) -> dict[str, npt.NDArray[np.float64]]:
        """Give recall, NDCG and reciprocal rank of each user by name, [U] each."""
        found: dict[str, npt.NDArray[np.float64]] = {}
        for k in metrics.CUTOFFS:
            found[f"recall@{k}"] = metrics.recall_at_k(self.ranks, self.rows, len(self), k)
            found[f"ndcg@{k}"] = metrics.ndcg_at_k(self.ranks, self.rows, len(self), k)
        found["mrr"] = metrics.mrr(self.ranks, self.rows, len(self))
        return found

    def summary(self, popularity: npt.NDArray[np.floating] | None = None) -> dict[str, float]:
        """Give the means over users, and what the lists show.

        Args:
            popularity: Counts of the training part, for novelty.
        """
        if not len(self):
            return {"users": 0.0}
        found = {name: float(values.mean()) for name, values in self.by_user().items()}
        if len(self.lists):
            found["coverage@10"] = metrics.coverage_at_k(self.lists, self.items)
            found["gini@10"] = metrics.gini_at_k(self.lists, self.items)
            if popularity is not None:
                found["novelty@10"] = metrics.novelty_at_k(self.lists, popularity)
        return {"users": float(len(self)), **found}


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
    return rank(scorer, targets, protocol=protocol, limit=limit).summary(popularity)


def rank(
    scorer: Scorer, targets: Targets, *, protocol: Protocol, limit: int | None = None, with_lists: bool = True
) -> Ranks:
    """Rank the positives of a held-out window among the whole catalogue.

    Args:
        scorer: Gives scores of users.
        targets: The window.
        protocol: Which question.
        limit: Users measured at most, evenly spread; all when empty.
        with_lists: Whether the first ten items are kept.
    """
    chosen = np.arange(len(targets.users))
    if limit is not None and limit < len(chosen):
        chosen = np.unique(np.linspace(0, len(chosen) - 1, limit).astype(np.int64))
    parts = [
        _rank_chunk(scorer, targets, chosen[start : start + _CHUNK_USERS], protocol, with_lists)
        for start in range(0, len(chosen), _CHUNK_USERS)
    ]
    items = targets.positives.shape[1]
    if not parts:
        none = np.zeros(0, dtype=np.int64)
        return Ranks(none, np.zeros(0), none, none.reshape(0, _LIST_LENGTH), items)
    sizes = [len(part) for part in parts]
    before = np.cumsum([0, *sizes[:-1]])
    return Ranks(
        np.concatenate([part.users for part in parts]),
        np.concatenate([part.ranks for part in parts]),
        np.concatenate([part.rows + first for part, first in zip(parts, before, strict=True)]),
        np.concatenate([part.lists for part in parts]),
        items,
    )


def _rank_chunk(
    scorer: Scorer, targets: Targets, places: npt.NDArray[np.int64], protocol: Protocol, with_lists: bool
) -> Ranks:
    user = targets.users[places]
    scores = np.array(scorer(user), dtype=np.float32)
    items = scores.shape[1]
    positives = targets.positives[places]
    if protocol == "discovery":
        known = seen(targets.history, user, items)
        row, column = metrics.positives_of(known)
        # A positive that is known already is none: it is removed from the ranking with the rest of the history.
        positives = sparse.csr_array(positives.astype(np.int8) - positives.astype(np.int8).multiply(known))
        positives.eliminate_zeros()
        scores[row, column] = -np.inf
    keep = np.diff(positives.indptr) > 0
    row, column = metrics.positives_of(positives[keep])
    if not keep.all():
        scores = scores[keep]
    lists = np.zeros((0, _LIST_LENGTH), dtype=np.int64)
    if with_lists and items > _LIST_LENGTH and len(scores):
        lists = np.argpartition(scores, items - _LIST_LENGTH, axis=1)[:, -_LIST_LENGTH:]
    ranks = metrics.mean_ranks(scores, row, column)
    return Ranks(user[keep].astype(np.int64), ranks, row.astype(np.int64), lists.astype(np.int64), items)
