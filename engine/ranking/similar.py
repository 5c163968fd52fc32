"""Items like an item: by their vectors, by what follows what, by what they are about.

    s(i, j) = α · max(0, cos(e_i, e_j)) + β · w(i → j) / max_j w(i → j) + γ · cos(about_i, about_j)

Each part lies between 0 and its weight, and the parts add up to the score.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from engine.ranking.state import Float64, Snapshot

EMBEDDING: Final = "embedding"
CO_OCCURRENCE: Final = "co_occurrence"
INTERESTS: Final = "interests"
_WEIGHTS: Final = {EMBEDDING: 0.5, CO_OCCURRENCE: 0.35, INTERESTS: 0.15}


@dataclass(frozen=True, slots=True)
class Likeness:
    """How like an item all others are.

    Attributes:
        parts: Each part of all items, by name [I].
        total: Their sum [I].
    """

    parts: dict[str, Float64]
    total: Float64

    def of(self, index: int) -> dict[str, float]:
        """Give the parts of an item."""
        return {name: float(values[index]) for name, values in self.parts.items()}


def likeness(snapshot: Snapshot, index: int) -> Likeness:
    """Compare an item with all others.

    Where the snapshot has no vectors, or the item none of its own, the other parts share the weight among them.
    """
    size = len(snapshot.catalogue)
    weights = dict(_WEIGHTS)
    space = snapshot.space
    if space is None or not space.embedded[index]:
        del weights[EMBEDDING]
    total_weight = sum(weights.values())
    parts: dict[str, Float64] = {}
    if space is not None and EMBEDDING in weights:
        norm = np.linalg.norm(space.matrix, axis=1) * np.linalg.norm(space.matrix[index])
        product = (space.matrix @ space.matrix[index]).astype(np.float64)
        cosine = np.divide(product, norm, out=np.zeros(size), where=(norm > 0) & space.embedded)
        parts[EMBEDDING] = weights[EMBEDDING] / total_weight * np.clip(cosine, 0, 1)
    follows = np.zeros(size)
    targets, strengths = snapshot.following(index)
    if len(targets):
        follows[targets] = strengths / strengths.max()
    parts[CO_OCCURRENCE] = weights[CO_OCCURRENCE] / total_weight * follows
    parts[INTERESTS] = weights[INTERESTS] / total_weight * _interest_cosine(snapshot, index)
    total = np.zeros(size)
    for values in parts.values():
        total += values
    return Likeness(parts, total)


def _interest_cosine(snapshot: Snapshot, index: int) -> Float64:
    size = len(snapshot.catalogue)
    about = snapshot.catalogue.about
    interests, weights = about.of_item(index)
    if not len(interests):
        return np.zeros(size)
    own = np.zeros(max(len(snapshot.interests.ids), int(interests.max()) + 1))
    own[interests] = weights
    product = np.bincount(about.item, own[about.interest] * about.weight, minlength=size)
    norm = np.sqrt(np.bincount(about.item, about.weight.astype(np.float64) ** 2, minlength=size)) * np.linalg.norm(own)
    return np.asarray(np.clip(np.divide(product, norm, out=np.zeros(size), where=norm > 0), 0, 1), np.float64)
