"""What a model must beat: popularity, plain and of the last days, and counted co-occurrence with recency."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.domain import MS_PER_DAY
from engine.evaluation.protocols import Scorer
from engine.model.co_occurrence import CoOccurrenceTerm, CountSettings
from engine.training.data import InteractionTable, recent


def popularity_counts(table: InteractionTable, items: int, *, since: int | None = None) -> npt.NDArray[np.float64]:
    """Count the events of each item, all or since a time, [I]."""
    chosen = table.items if since is None else table.items[table.times >= since]
    return np.bincount(chosen, minlength=items).astype(np.float64)


def popularity(table: InteractionTable, items: int, *, days: float | None = None) -> Scorer:
    """Rank by the number of events, of the whole history or of its last days."""
    since = None if days is None else int(table.times.max()) - int(days * MS_PER_DAY)
    counts = popularity_counts(table, items, since=since)
    return lambda users: np.broadcast_to(counts, (len(users), items))


def co_occurrence(
    table: InteractionTable, items: int, settings: CountSettings, *, history: InteractionTable | None = None
) -> Scorer:
    """Rank by Σ_k γ^k · w(h_k → j), nothing learnt; ties go to the more popular.

    Args:
        table: What is counted.
        items: I.
        settings: How pairs are counted.
        history: What is known of the users; the table when empty.
    """
    known = table if history is None else history
    term = CoOccurrenceTerm.count(table, items, settings)
    tie = popularity_counts(table, items)
    tie = 1e-6 * tie / max(tie.max(), 1)

    def scores(users: npt.NDArray[np.integer]) -> npt.NDArray[np.floating]:
        return np.asarray(term.counts(latest_items(known, users, term.latest)).toarray() + tie)

    return scores


def mean_of_history(history: InteractionTable, vectors: npt.NDArray[np.float32], length: int) -> Scorer:
    """Rank by the product with the mean of the vectors [I, D] of a user's latest items."""

    def scores(users: npt.NDArray[np.integer]) -> npt.NDArray[np.floating]:
        index, _, mask, _ = recent(history, users, length)
        steps = np.maximum(mask.sum(axis=1, keepdims=True), 1)
        return np.asarray((vectors[index] * mask[..., None]).sum(axis=1) / steps @ vectors.T)

    return scores


def repeat_purchases(table: InteractionTable, items: int) -> Scorer:
    """Rank by how often the user took the item before, then by popularity."""
    tie = popularity_counts(table, items)
    tie = 0.5 * tie / max(tie.max(), 1)

    def scores(users: npt.NDArray[np.integer]) -> npt.NDArray[np.floating]:
        out = np.tile(tie, (len(users), 1))
        for row, user in enumerate(users):
            np.add.at(out[row], table.items[table.of_user(int(user))], 1.0)
        return out

    return scores


def latest_items(table: InteractionTable, users: npt.NDArray[np.integer], latest: int) -> npt.NDArray[np.int64]:
    """Give the newest items of users, newest first, -1 where there is none, [B, K]."""
    items, _, mask, _ = recent(table, users, latest)
    return np.where(mask, items, -1)[:, ::-1].astype(np.int64)
