"""A user's interests and the share of each, as of a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.domain import EpochMs, InterestSource, now_ms
from engine.graph.store import GraphStore
from engine.interests.decay import days_ms
from engine.settings import Settings


@dataclass(frozen=True, slots=True)
class UserInterest:
    """One interest of a user.

    Attributes:
        id: Id of the interest.
        kind: Category, brand, tag, topic, …
        name: Its name.
        share: Its part of all the user's interests; the shares of a user sum to 1.
        behaviour: What behaviour has made of it, decayed to the time asked for; never negative.
        declared: The weight the user declared; it stays until it is declared anew.
        model: What the model inferred; it is shown, but has no part in the share.
        updated_at: Time of the newest of these, epoch ms.
    """

    id: str
    kind: str | None
    name: str | None
    share: float
    behaviour: float
    declared: float
    model: float
    updated_at: EpochMs


@dataclass(frozen=True, slots=True)
class UserInterests:
    """The interests of a user.

    Attributes:
        user_id: The user.
        known: Whether the graph has this user.
        at: The time they are read as of, epoch ms.
        mass: Sum of behaviour and declared weights: how much is known.
        interests: Strongest first.
    """

    user_id: str
    known: bool
    at: EpochMs
    mass: float
    interests: tuple[UserInterest, ...]


def read_interests(
    store: GraphStore,
    user_id: str,
    *,
    settings: Settings,
    at: EpochMs | None = None,
    limit: int | None = None,
    bookmarks: Sequence[str] | None = None,
) -> UserInterests:
    """Read a user's interests.

    Args:
        store: The graph.
        user_id: The user.
        settings: Half-life of interests.
        at: The time they are read as of; now where none is given.
        limit: Most interests given; shares are made before it cuts.
        bookmarks: Read not before these transactions.
    """
    moment = now_ms() if at is None else at
    rows = store.read(
        "interests/of_user",
        user_id=user_id,
        at=moment,
        half_life_ms=days_ms(settings.interests.half_life_days),
        bookmarks=bookmarks,
    )
    interests = share_out(row for row in rows if row["id"] is not None)
    mass = sum(interest.behaviour + interest.declared for interest in interests)
    return UserInterests(user_id, bool(rows), moment, mass, interests[:limit])


def share_out(rows: Iterable[Mapping[str, Any]]) -> tuple[UserInterest, ...]:
    """Make interests with shares of one row for each interest and source.

    The share of an interest is (behaviour + declared) / sum over all interests of the same; 0 where the sum is 0.

    Args:
        rows: With id, kind, name, source, value, updated_at.
    """
    values: dict[str, dict[str, float]] = {}
    about: dict[str, tuple[str | None, str | None, EpochMs]] = {}
    for row in rows:
        by_source = values.setdefault(row["id"], dict.fromkeys(InterestSource, 0.0))
        by_source[row["source"]] = by_source.get(row["source"], 0.0) + max(0.0, row["value"])
        newest = about.get(row["id"], (None, None, 0))[2]
        about[row["id"]] = (row["kind"], row["name"], max(newest, row["updated_at"] or 0))
    total = sum(parts[InterestSource.BEHAVIOUR] + parts[InterestSource.DECLARED] for parts in values.values())
    interests = [
        UserInterest(
            id=interest_id,
            kind=about[interest_id][0],
            name=about[interest_id][1],
            share=(parts[InterestSource.BEHAVIOUR] + parts[InterestSource.DECLARED]) / total if total > 0 else 0.0,
            behaviour=parts[InterestSource.BEHAVIOUR],
            declared=parts[InterestSource.DECLARED],
            model=parts[InterestSource.MODEL],
            updated_at=about[interest_id][2],
        )
        for interest_id, parts in values.items()
    ]
    return tuple(sorted(interests, key=lambda interest: (-interest.share, interest.id)))
