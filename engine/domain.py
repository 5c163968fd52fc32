"""Words of the domain, as types that every part shares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

EpochMs = int
"""UTC epoch milliseconds."""

MS_PER_SECOND = 1_000
MS_PER_DAY = 86_400_000


def now_ms() -> EpochMs:
    """Give the present time in UTC epoch milliseconds."""
    return int(datetime.now(UTC).timestamp() * MS_PER_SECOND)


class EventType(StrEnum):
    """Built-in kinds of behaviour; settings give each its weight and half-life."""

    IMPRESSION = "impression"
    VIEW = "view"
    CLICK = "click"
    DWELL = "dwell"
    CART = "cart"
    REMOVE = "remove"
    PURCHASE = "purchase"
    RETURN = "return"
    RATING = "rating"
    LIKE = "like"
    DISLIKE = "dislike"
    HIDE = "hide"
    SHARE = "share"
    FOLLOW = "follow"
    SEARCH = "search"


class InterestSource(StrEnum):
    """Where a user's interest comes from."""

    BEHAVIOUR = "behaviour"
    DECLARED = "declared"
    MODEL = "model"


class VersionState(StrEnum):
    """Life of an embedding version."""

    BUILDING = "building"
    READY = "ready"
    ACTIVE = "active"
    RETIRED = "retired"


class JobState(StrEnum):
    """Life of a job."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Tell whether the job has ended."""
        return self in (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)


class Event(NamedTuple):
    """One piece of behaviour, validated.

    Attributes:
        id: Unique name; derived from the content where the sender gave none.
        type: A name from the registry of event types in the settings.
        user_id: Who.
        item_id: On what; none for a search and for following.
        at: When, UTC epoch milliseconds.
        value: Rating, seconds, quantity or similar, where the type has one.
        query: Words of a search.
        recommendation_id: The recommendation this answers to, where there is one.
        followed_id: The user who is followed, where the type is on a user.
        context: What else the sender said of it, as JSON text with sorted keys.
        at_given: Whether the sender gave the time; where not, a retry with another time is still the same event.
    """

    id: str
    type: str
    user_id: str
    item_id: str | None
    at: EpochMs
    value: float | None = None
    query: str | None = None
    recommendation_id: str | None = None
    at_given: bool = True
    followed_id: str | None = None
    context: str | None = None


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One event of a user's history, as the ranking reads it."""

    item_id: str
    type: str
    at: EpochMs


@dataclass(frozen=True, slots=True)
class Term:
    """One named part of a score and the path in the graph it comes from.

    Attributes:
        name: `sequence`, `co_occurrence`, `interests`, `popularity`, `neighbours` or `fatigue`.
        value: Its share of the score; the terms of an item sum to its score.
        path: Steps of the path, each with its share of the term, strongest first.
    """

    name: str
    value: float
    path: tuple[Mapping[str, object], ...] = ()


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One recommended item with its score and reasons."""

    item_id: str
    score: float
    rank: int
    terms: tuple[Term, ...] = ()
    attributes: Mapping[str, object] = field(default_factory=dict)
    title: str | None = None
    reason: str | None = None
