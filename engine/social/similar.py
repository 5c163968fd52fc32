"""SIMILAR_TO between users: the nearest vectors of the active version, by the database's index.

A user has at most `social.max_similar` such relationships, to those whose vectors have the highest cosine, none below
`social.threshold`. When a vector changes, its user's relationships are found anew, those that lead to the user get
their new cosine or go, and those who became near enough get one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from engine.domain import EpochMs
from engine.errors import FencedError
from engine.graph.capabilities import SEARCH_CLAUSE
from engine.graph.names import USER, embedded_at_property, embedding_property, vector_index
from engine.graph.store import GraphStore
from engine.settings import Settings

_SPARE: Final = 10
"""Users asked of the index beyond those kept: it is approximate, and the user is among its own nearest."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What SIMILAR_TO was last made of, and what it would be made of now.

    Attributes:
        version: The active version; none where there is none.
        vectors_at: Stamp of its latest write-back.
        made_version: Version of the last run that ended.
        made_until: Stamp up to which that run knew vectors.
        made_options: Options of that run.
    """

    version: str | None
    vectors_at: int
    made_version: str | None
    made_until: int
    made_options: str | None


def options_of(settings: Settings) -> str:
    """Give the options that all relationships are made with; other ones make all of them anew."""
    return f"{settings.social.threshold!r} {settings.social.max_similar}"


def read_standing(store: GraphStore) -> Standing:
    """Read what there is to do."""
    [row] = store.read("social/similar_state")
    return Standing(
        row["version"], row["vectors_at"] or 0, row["made_version"], row["made_until"] or 0, row["made_options"]
    )


def similar_users_due(store: GraphStore) -> bool:
    """Tell whether vectors of the active version, or the options, have changed since users were last compared."""
    found = read_standing(store)
    if found.version is None:
        return False
    return not up_to_date(found, store.settings)


def up_to_date(found: Standing, settings: Settings) -> bool:
    """Tell whether there is nothing to do."""
    return (found.made_version, found.made_until, found.made_options) == (
        found.version,
        found.vectors_at,
        options_of(settings),
    )


def begin_similar(store: GraphStore, run: str) -> None:
    """Begin a run, fencing off any other."""
    store.write("social/similar_begin", run=run)


def finish_similar(store: GraphStore, found: Standing, settings: Settings, *, run: str) -> None:
    """Say that everything of a standing is written.

    Raises:
        FencedError: Another run has begun.
    """
    rows = store.write(
        "social/similar_finish",
        run=run,
        version=found.version,
        until=found.vectors_at,
        options=options_of(settings),
    )
    if not rows:
        raise _fenced(run)


def changed_users(store: GraphStore, version: str, since: int) -> list[str]:
    """List users whose vector of a version was written after a stamp, by id."""
    identifiers = {"embedded_at": embedded_at_property(version)}
    return [row["id"] for row in store.stream("social/changed_users", identifiers=identifiers, since=since)]


def most_similar(
    store: GraphStore, version: str, user_ids: Sequence[str], *, settings: Settings
) -> list[dict[str, Any]]:
    """Find the users most similar to some, by the index.

    Args:
        store: The graph.
        version: The version whose vectors are compared.
        user_ids: The users.
        settings: Threshold and how many.

    Returns:
        For each of them, sorted by id: `id` and `similar`, a list of user id and cosine, highest first. It is empty
        for one without a vector.
    """
    options = settings.social
    index = vector_index(USER, version)
    parameters: dict[str, Any] = {"ids": list(user_ids), "limit": options.max_similar + 1 + _SPARE}
    identifiers = {"embedding": embedding_property(version)}
    if store.capabilities.has(SEARCH_CLAUSE):
        rows = store.read("social/search_nearest", identifiers={**identifiers, "index": index}, **parameters)
    else:
        rows = store.read("social/nearest", identifiers=identifiers, index=index, **parameters)
    found = {row["id"]: row["near"] for row in rows}
    return [
        {"id": user_id, "similar": _kept(user_id, found.get(user_id, []), options.threshold, options.max_similar)}
        for user_id in sorted(set(user_ids))
    ]


def write_similar(
    store: GraphStore,
    version: str,
    rows: Iterable[dict[str, Any]],
    *,
    settings: Settings,
    run: str,
    at: EpochMs,
    both_ways: bool,
) -> int:
    """Replace the relationships of some users.

    Args:
        store: The graph.
        version: The version whose vectors were compared.
        rows: As `most_similar` gives them.
        settings: Threshold and how many.
        run: The run that these are of.
        at: The time, epoch ms.
        both_ways: Whether those of other users to these follow; not needed where all users are compared.

    Returns:
        Relationships written that leave these users.

    Raises:
        FencedError: Another run has begun; nothing was written.
    """
    found = store.write(
        "social/set_similar",
        identifiers={"embedding": embedding_property(version)},
        run=run,
        version=version,
        rows=list(rows),
        threshold=settings.social.threshold,
        limit=settings.social.max_similar,
        at=at,
        both_ways=both_ways,
    )
    if not found:
        raise _fenced(run)
    return int(found[0]["written"])


def _kept(user_id: str, near: Sequence[Sequence[Any]], threshold: float, limit: int) -> list[list[Any]]:
    # The index gives (1 + cosine) / 2.
    cosines = [[other, min(1.0, 2.0 * score - 1.0)] for other, score in near if other != user_id]
    return [pair for pair in cosines if pair[1] >= threshold][:limit]


def _fenced(run: str) -> FencedError:
    return FencedError("Another run compares users.", field="run", value=run)
