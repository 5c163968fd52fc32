"""Interests that the model infers: those whose vectors lie nearest to the user's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.graph.names import INTEREST, embedding_property, vector_index
from engine.graph.store import Tx
from engine.settings import Settings


@dataclass(frozen=True, slots=True)
class InferredInterest:
    """One interest with its part of the model's guess; the parts of a user sum to 1."""

    id: str
    kind: str | None
    name: str | None
    part: float


def inferred_interests(tx: Tx, user_id: str, settings: Settings) -> list[InferredInterest]:
    """Read what the active version infers of a user; nothing without a version or a vector.

    With c_1 ≥ c_2 ≥ … the cosine similarities of the nearest interests, k = `interests.model_interests`:

        part_i ∝ c_i - c_(k+1)      for i ≤ k

    so that an interest that drops out of the nearest had nothing left, and the parts know no scale of the vectors.

    Args:
        tx: The transaction.
        user_id: The user.
        settings: How many interests.
    """
    active = tx.run("versions/active")
    if not active:
        return []
    version = active[0]["version"]["id"]
    rows = tx.run(
        "vectors/interests_of_user",
        identifiers={"embedding": embedding_property(version)},
        user_id=user_id,
        index=vector_index(INTEREST, version),
        limit=settings.interests.model_interests + 1,
    )
    parts = parts_of([row["score"] for row in rows])
    return [
        InferredInterest(row["id"], row["kind"], row["name"], part)
        for row, part in zip(rows, parts, strict=True)
        if part > 0
    ]


def parts_of(scores: Sequence[float]) -> list[float]:
    """Give the parts of similarities: what each is above the least, as a share. The least has none.

    Args:
        scores: Similarities on any linear scale. Where all are equal, all have the same part.
    """
    if not scores:
        return []
    least = min(scores)
    total = sum(score - least for score in scores)
    if total <= 0:
        return [1.0 / len(scores)] * len(scores)
    return [(score - least) / total for score in scores]
