"""Ranking metrics over full catalogues; ties count as the mean rank.

With several positives of a user (a window of time), recall is |hits| / min(k, |positives|) and NDCG is
normalised by the best order. With one positive (leave-one-out) both are the usual ones.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import sparse

Float = npt.NDArray[np.float64]
CUTOFFS = (5, 10, 20)


def mean_ranks(
    scores: npt.NDArray[np.floating], rows: npt.NDArray[np.integer], columns: npt.NDArray[np.integer]
) -> Float:
    """Give the rank of entries among their row, 1 the best, ties at the mean rank.

    Args:
        scores: [B, I]; removed items are -inf.
        rows: Row of each entry [E].
        columns: Column of each entry [E].

    Returns:
        Ranks [E].
    """
    if np.array_equal(rows, np.arange(len(scores))):  # one entry a row: counting is cheaper than sorting
        value = scores[rows, columns][:, None]
        return np.asarray((scores > value).sum(axis=1) + ((scores == value).sum(axis=1) + 1) / 2, dtype=np.float64)
    ordered = np.sort(scores, axis=1)
    ranks = np.empty(len(rows), dtype=np.float64)
    items = scores.shape[1]
    for row in np.unique(rows):
        at = rows == row
        values = scores[row, columns[at]]
        above = items - np.searchsorted(ordered[row], values, side="right")
        equal = np.searchsorted(ordered[row], values, side="right") - np.searchsorted(ordered[row], values, side="left")
        ranks[at] = above + (equal + 1) / 2
    return ranks


def ndcg_at_k(ranks: Float, rows: npt.NDArray[np.integer], users: int, k: int) -> Float:
    """Give each user's NDCG@k from the ranks of the positives, [users]."""
    gains = np.where(ranks <= k, 1 / np.log2(ranks + 1), 0.0)
    dcg = np.bincount(rows, gains, minlength=users)
    positives = np.bincount(rows, minlength=users)
    ideal = np.concatenate(([0.0], np.cumsum(1 / np.log2(np.arange(2, k + 2)))))[np.minimum(positives, k)]
    return np.divide(dcg, ideal, out=np.zeros(users), where=ideal > 0)


def recall_at_k(ranks: Float, rows: npt.NDArray[np.integer], users: int, k: int) -> Float:
    """Give each user's recall@k: hits over the most that k places can hold, [users]."""
    hits = np.bincount(rows, ranks <= k, minlength=users)
    most = np.minimum(np.bincount(rows, minlength=users), k)
    return np.divide(hits, most, out=np.zeros(users), where=most > 0)


def mrr(ranks: Float, rows: npt.NDArray[np.integer], users: int) -> Float:
    """Give each user's reciprocal rank of the best positive, [users]."""
    best = np.full(users, np.inf)
    np.minimum.at(best, rows, ranks)
    return 1 / best


def coverage_at_k(shown: npt.NDArray[np.integer], items: int) -> float:
    """Give the share of the catalogue that stands in any list; `shown` is [U, k]."""
    return len(np.unique(shown)) / items


def gini_at_k(shown: npt.NDArray[np.integer], items: int) -> float:
    """Give how unevenly the places go to items: 0 all alike, near 1 all to one; `shown` is [U, k]."""
    counts = np.sort(np.bincount(shown.ravel(), minlength=items).astype(np.float64))
    total = counts.sum()
    position = np.arange(1, items + 1)
    return float((2 * (position * counts).sum() / (items * total)) - (items + 1) / items) if total else 0.0


def novelty_at_k(shown: npt.NDArray[np.integer], popularity: npt.NDArray[np.floating]) -> float:
    """Give the mean of -log2 of the popularity share of what is shown; `shown` is [U, k], `popularity` counts [I]."""
    share = (popularity + 1) / (popularity.sum() + len(popularity))
    return float(-np.log2(share[shown]).mean())


def positives_of(matrix: sparse.csr_array) -> tuple[npt.NDArray[np.integer], npt.NDArray[np.integer]]:
    """Give row and column of each positive."""
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    return rows, matrix.indices
