"""Diversity: maximal marginal relevance over the best candidates.

Carbonell and Goldstein 1998, https://doi.org/10.1145/290941.291025, equation 1. From a pool P the next item is

    argmax_{j in P \\ S} (1 - δ) · r_j - δ · max_{i in S} similarity(i, j),    r_j = (s_j - min s) / (max s - min s)

with S what is chosen already, min and max over the pool. Only the order changes; scores stay as they are.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.ranking.state import Float32, Float64, Snapshot


def rerank(scores: Float64, features: Float32, number: int, diversity: float) -> list[int]:
    """Choose items one by one.

    Args:
        scores: s_j of the pool, best first [P].
        features: Rows of length 1 (or 0) whose dot product is the similarity; below 0 counts as 0 [P, F].
        number: Items to choose.
        diversity: δ, 0 keeps the order by score, 1 looks at similarity only.

    Returns:
        Places in the pool, in the new order, at most `number`.
    """
    size = len(scores)
    number = min(number, size)
    if diversity <= 0 or number <= 1:
        return list(range(number))
    spread = float(scores.max() - scores.min())
    relevance = (scores - scores.min()) / spread if spread > 0 else np.ones(size)
    nearest = np.zeros(size)
    left = np.ones(size, bool)
    chosen: list[int] = []
    for _ in range(number):
        value = (1 - diversity) * relevance - diversity * nearest
        value[~left] = -np.inf
        place = int(value.argmax())
        chosen.append(place)
        left[place] = False
        np.maximum(nearest, features @ features[place], out=nearest)
    return chosen


def vector_features(snapshot: Snapshot, places: npt.NDArray[np.integer]) -> Float32 | None:
    """Give item vectors of length 1 [P, D]; zero for an item without one; none where the snapshot has no vectors."""
    if snapshot.space is None:
        return None
    vectors = np.where(snapshot.space.embedded[places, None], snapshot.space.matrix[places], 0)
    return _unit(vectors)


def interest_features(snapshot: Snapshot, places: npt.NDArray[np.integer]) -> Float32:
    """Give what items are about as vectors of length 1 over the interests that occur among them [P, X']."""
    rows = [snapshot.catalogue.about.of_item(int(place)) for place in places]
    used = np.unique(np.concatenate([interests for interests, _ in rows])) if rows else np.zeros(0, np.int32)
    features = np.zeros((len(places), len(used)), np.float32)
    for number, (interests, weights) in enumerate(rows):
        features[number, np.searchsorted(used, interests)] = weights
    return _unit(features)


def _unit(vectors: Float32) -> Float32:
    norm = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(np.divide(vectors, norm, out=np.zeros_like(vectors), where=norm > 0), np.float32)
