"""What written-back edge weights are worth: which neighbour of the last item comes next, by each weight alone."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from scipy import sparse

from engine.evaluation.bootstrap import interval
from engine.training.data import Targets, recent, seen

Weights = npt.NDArray[np.floating]


def rank_edges(
    targets: Targets,
    source: npt.NDArray[np.integer],
    target: npt.NDArray[np.integer],
    weights: Mapping[str, Weights],
    *,
    baseline: str,
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
    items = targets.positives.shape[1]
    last, _, there, _ = recent(targets.history, targets.users, 1)
    known = seen(targets.history, targets.users, items)
    edges = sparse.coo_array((np.arange(1, len(source) + 1), (source, target)), shape=(items, items)).tocsr()
    rows = _without(edges[last[:, 0]], known)
    hits = rows.multiply(targets.positives.astype(np.int64)).tocsr()
    hits.eliminate_zeros()
    measured = np.flatnonzero(there[:, 0] & (np.diff(hits.indptr) > 0) & (np.diff(rows.indptr) > 1))
    found = {name: np.zeros(len(measured)) for name in weights}
    for place, row in enumerate(measured):
        part = slice(rows.indptr[row], rows.indptr[row + 1])
        true = np.isin(rows.indices[part], hits.indices[hits.indptr[row] : hits.indptr[row + 1]])
        for name, values in weights.items():
            score = values[rows.data[part] - 1]
            best = score[true].max()
            found[name][place] = 1 / ((score > best).sum() + ((score == best).sum() + 1) / 2)
    result: dict[str, dict[str, float | tuple[float, float]]] = {}
    for name, values in found.items():
        result[name] = {"users": float(len(measured))}
        if len(measured):
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
