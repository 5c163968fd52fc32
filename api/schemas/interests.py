"""Interests by themselves: their place, their relations, their course."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from api.schemas.common import Answer, Id, Moment, Request


class InterestPath(Request):
    """An interest."""

    interest_id: Id


class NamedInterestAnswer(Answer):
    """An interest."""

    id: str
    kind: str | None
    name: str | None


class InterestsPageAnswer(Answer):
    """A page of interests."""

    interests: list[NamedInterestAnswer] = Field(description="By id.")
    next: str | None = Field(description="Cursor of the next page; null on the last one.")


class InterestViewAnswer(Answer):
    """An interest with its place in the graph."""

    id: str
    kind: str | None
    name: str | None
    part_of: list[NamedInterestAnswer] = Field(description="What it is part of, nearest first.")
    parts: list[NamedInterestAnswer] = Field(description="What is part of it, by id, at most 200.")
    items: int = Field(description="Items that are about it.")
    users: int = Field(description="Relationships of users who are interested in it or its parts.")


class RelatedQuery(Request):
    """How many interests."""

    n: Annotated[int, Field(ge=1, le=100)] = Field(10, description="Most of either sort.")


class RelatedInterestAnswer(Answer):
    """An interest that is related to another one."""

    id: str
    kind: str | None
    name: str | None
    source: str | None = Field(description="`shared` where it was counted; else who said so.")
    weight: float = Field(description="Mean of `by_users` and `by_items`, each by how sure it is.")
    by_users: float | None = Field(description="Normalised pointwise mutual information by users, 0 below the minimum.")
    by_items: float | None = Field(description="The same by items.")
    users: int | None = Field(description="Users who have both.")
    items: int | None = Field(description="Items that are about both.")


class AlikeInterestAnswer(Answer):
    """An interest whose vector is near."""

    id: str
    kind: str | None
    name: str | None
    similarity: float = Field(description="Cosine of the vectors of the active version.")


class RelatedAnswer(Answer):
    """What is related to an interest."""

    interest_id: str
    version: str | None = Field(description="The version whose vectors were compared; null where none is active.")
    related: list[RelatedInterestAnswer] = Field(description="By how users and items share them, strongest first.")
    alike: list[AlikeInterestAnswer] = Field(description="By their vectors, nearest first.")


class TrendQuery(Request):
    """Which part of an interest's course."""

    bucket: Literal["day", "week"] = Field("week", description="Days from midnight or weeks from Monday, UTC.")
    number: Annotated[int, Field(ge=1, le=120)] = Field(12, description="How many of them.")
    at: Moment | None = Field(None, description="The time that the last one ends with; now where absent.")


class TrendBucketAnswer(Answer):
    """A day or week."""

    start: int
    end: int
    events: int = Field(description="Events in it on items about the interest.")
    added: float = Field(description="What they gave; negative signals count.")
    mass: float = Field(description="Decayed mass at its end.")


class TrendAnswer(Answer):
    """How an interest goes."""

    interest_id: str
    at: int
    bucket: str
    buckets: list[TrendBucketAnswer] = Field(description="Oldest first.")
    mass: float = Field(description="Decayed mass at the time.")
    momentum: float | None = Field(description="Above 1 it rises, below 1 it fades; null without any mass.")
    coverage: float = Field(description="Part of the behaviour that was read; 1 is all.")
