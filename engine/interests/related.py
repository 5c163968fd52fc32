"""Interests related to one: by how they are shared, and by their vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from engine.errors import InvalidInputError, NotFoundError
from engine.graph.capabilities import SEARCH_CLAUSE
from engine.graph.names import INTEREST, embedding_property, vector_index
from engine.graph.store import GraphStore
from engine.graph.versions import active_version

MOST: Final = 100


@dataclass(frozen=True, slots=True)
class RelatedInterest:
    """An interest that is related to another one.

    Attributes:
        id: The interest.
        kind: Category, brand, tag, topic, …
        name: Its name.
        source: `shared` where it was counted; else who said so.
        weight: How related they are; see `engine.interests.relatedness`.
        by_users: Normalised pointwise mutual information by users.
        by_items: The same by items.
        users: Users who have both.
        items: Items that are about both.
    """

    id: str
    kind: str | None
    name: str | None
    source: str | None
    weight: float
    by_users: float | None
    by_items: float | None
    users: int | None
    items: int | None


@dataclass(frozen=True, slots=True)
class AlikeInterest:
    """An interest whose vector is near.

    Attributes:
        id: The interest.
        kind: Category, brand, tag, topic, …
        name: Its name.
        similarity: Cosine of the vectors of the active version.
    """

    id: str
    kind: str | None
    name: str | None
    similarity: float


@dataclass(frozen=True, slots=True)
class RelatedInterests:
    """What is related to an interest.

    Attributes:
        interest_id: The interest.
        version: The version whose vectors were compared; none where none is active.
        related: By how users and items share them, strongest first.
        alike: By vectors, nearest first; empty where the interest has none.
    """

    interest_id: str
    version: str | None
    related: tuple[RelatedInterest, ...]
    alike: tuple[AlikeInterest, ...]


def read_related(store: GraphStore, interest_id: str, *, limit: int = 10) -> RelatedInterests:
    """Read what is related to an interest.

    Args:
        store: The graph.
        interest_id: The interest.
        limit: Most interests of either sort, 1 to 100.

    Raises:
        NotFoundError: There is no such interest.
        InvalidInputError: The limit is out of range.
    """
    if not 1 <= limit <= MOST:
        raise InvalidInputError("The limit is out of range.", field="n", value=limit, remedy=f"Use 1 to {MOST}.")
    rows = store.read("interests/related", id=interest_id, limit=limit)
    if not rows:
        raise NotFoundError("There is no such interest.", field="interest_id", value=interest_id)
    version = active_version(store)
    alike = () if version is None else _alike(store, version.id, interest_id, limit)
    return RelatedInterests(
        interest_id=interest_id,
        version=None if version is None else version.id,
        related=tuple(RelatedInterest(*entry) for entry in rows[0]["related"]),
        alike=alike,
    )


def _alike(store: GraphStore, version: str, interest_id: str, limit: int) -> tuple[AlikeInterest, ...]:
    index = vector_index(INTEREST, version)
    identifiers = {"embedding": embedding_property(version)}
    parameters: dict[str, Any] = {"id": interest_id, "limit": limit + 1}
    if store.capabilities.has(SEARCH_CLAUSE):
        rows = store.read("relations/search_alike", identifiers={**identifiers, "index": index}, **parameters)
    else:
        rows = store.read("relations/alike", identifiers=identifiers, index=index, **parameters)
    # The index gives (1 + cosine) / 2.
    found = [AlikeInterest(row["id"], row["kind"], row["name"], min(1.0, 2.0 * row["score"] - 1.0)) for row in rows]
    return tuple(entry for entry in found if entry.id != interest_id)[:limit]
