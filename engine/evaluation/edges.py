"""What written-back edge weights are worth: which neighbour of the last item comes next, by each weight alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from engine.evaluation.bootstrap import interval
from engine.training.data import Targets, recent, seen

Weights = npt.NDArray[np.floating]
Int = npt.NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class Choices:
    """Which of the edges that leave a user's last item were followed.

    Attributes:
        edges: Edges that could be followed, those of one user together [M].
        user: Whose choice each is, from 0 [M].
        followed: Whether its item was taken [M].
        users: Number of users.
    """

    edges: Int
    user: Int
    followed: npt.NDArray[np.bool_]
    users: int

    @classmethod
    def of(cls, targets: Targets, source: Int, target: Int) -> Choices:
        """Find the users whose held-out item is a neighbour of their last one, among at least two that are new to them.

        Args:
            targets: The window.
            source: Item that each edge leaves [E].
            target: Item that it reaches [E].
        """
        items = targets.positives.shape[1]
        last, _, there, _ = recent(targets.history, targets.users, 1)
        known = seen(targets.history, targets.users, items)
        numbers = sparse.coo_array((np.arange(1, len(source) + 1), (source, target)), shape=(items, items)).tocsr()
        rows = _without(numbers[last[:, 0]], known)
        hits = rows.multiply(targets.positives.astype(np.int64)).tocsr()
        hits.eliminate_zeros()
        measured = np.flatnonzero(there[:, 0] & (np.diff(hits.indptr) > 0) & (np.diff(rows.indptr) > 1))
        open_, taken = rows[measured].tocoo(), hits[measured].tocoo()
        # A user's number and an edge's tell a choice; their product outgrows 32 bits.
        width = np.int64(len(source) + 1)
        followed = np.isin(open_.row * width + open_.data, taken.row * width + taken.data)
        return cls(open_.data - 1, open_.row, followed, len(measured))


def rank_edges(
    targets: Targets, source: Int, target: Int, weights: Mapping[str, Weights], *, baseline: str
) -> dict[str, dict[str, float | tuple[float, float]]]:
    """Rank the neighbours of each user's last item by weights of its edges.

    Neighbours that the user has taken are left out. Measured are users whose held-out item is one of those left, of at
    least two; equal weights count as the mean rank.

    Args:
        targets: The window.
        source: Item that each edge leaves [E].
        target: Item that it reaches [E].
        weights: Weights of the edges by name, positive [E].
        baseline: The name that the others are compared with.

    Returns:
        `mrr`, `hits@1` of each name, and what it gains over the baseline in MRR with a bootstrap interval over users.
    """
    choices = Choices.of(targets, source, target)
    begin = np.searchsorted(choices.user, np.arange(choices.users + 1))
    found = {name: np.zeros(choices.users) for name in weights}
    for user in range(choices.users):
        part = slice(begin[user], begin[user + 1])
        for name, values in weights.items():
            score = values[choices.edges[part]]
            best = score[choices.followed[part]].max()
            found[name][user] = 1 / ((score > best).sum() + ((score == best).sum() + 1) / 2)
    result: dict[str, dict[str, float | tuple[float, float]]] = {}
    for name, values in found.items():
        result[name] = {"users": float(choices.users)}
        if choices.users:
            result[name] |= {"mrr": float(values.mean()), "hits@1": float((values == 1).mean())}
            if name != baseline:
                result[name] |= {
                    "gain": float((values - found[baseline]).mean()),
                    "gain_interval": interval(values - found[baseline]),
                }
    return result


def _without(rows: sparse.csr_array, known: sparse.csr_array) -> sparse.csr_array:
    left = sparse.csr_array(rows - rows.multiply(known.astype(np.int64)))
    left.eliminate_zeros()
    left.sort_indices()
    return left
