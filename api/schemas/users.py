"""Users and their interests."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from api.schemas.common import Answer, Body, EpochMs, Id, Moment, Request
from api.schemas.items import AttributeChanges, Attributes


class UserPath(Request):
    """A user."""

    user_id: Id


class InterestsQuery(Request):
    """Which interests."""

    n: Annotated[int, Field(ge=1, le=1000)] | None = Field(None, description="Strongest ones; the shares are of all.")
    at: Moment | None = Field(None, description="As they were at this time; now where absent.")
    evidence: Annotated[int, Field(ge=0, le=20)] = Field(
        0, description="Items named for each interest, with what behaviour on them gave."
    )
    freshness: Annotated[str, Field(min_length=1, max_length=4096)] | None = Field(
        None, description="Token from `POST /v1/events`: the answer knows of those events."
    )


class EvidenceAnswer(Answer):
    """What one type of behaviour on one item gave to an interest."""

    item_id: str | None = Field(description="Null for searches.")
    title: str | None
    type: str
    gave: float = Field(description="Decayed to the time; negative where it lowered the interest.")
    count: int
    last_at: int


class InterestAnswer(Answer):
    """An interest of a user."""

    id: str
    kind: str | None
    name: str | None
    share: float = Field(description="Part of all the user's interests; the shares of all sum to 1.")
    behaviour: float = Field(description="What behaviour has made of it, decayed to the time.")
    declared: float = Field(description="What the user has declared.")
    model: float = Field(description="Its part of what the model infers; these sum to 1.")
    updated_at: int = Field(description="Time of the newest of these; 0 where only the model says so.")
    count: int = Field(description="Events behind what behaviour has made of it.")
    evidence: list[EvidenceAnswer] = Field(description="What moved it most first; empty unless asked for.")


class InterestsAnswer(Answer):
    """The interests of a user."""

    user_id: str
    known: bool = Field(description="Whether there is such a user.")
    at: int = Field(description="The time the weights are decayed to.")
    mass: float = Field(description="Sum of behaviour and declared weights: how much is known.")
    past: bool = Field(description="Whether they were counted again from the events up to that time.")
    complete: bool = Field(description="Whether all events were looked at, where they had to be.")
    interests: list[InterestAnswer] = Field(description="Strongest first.")


class DeclaredInterest(Body):
    """An interest that a user declares."""

    id: Id
    weight: Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)] = Field(
        1.0, description="1 is as much as one fresh purchase."
    )


class DeclaredInterests(Body):
    """Everything that a user declares; replaces what was declared before."""

    interests: list[DeclaredInterest] = Field(max_length=1000)


class DeclaredAnswer(Answer):
    """How many interests are declared now."""

    user_id: str
    declared: int


class UserBody(Body):
    """A user, whole: attributes that are left out are not kept; behaviour is."""

    model_config = ConfigDict(json_schema_extra={"example": {"attributes": {"age": "35-44", "household_size": 3}}})

    attributes: Attributes = Field(default_factory=dict)
    created_at: EpochMs | None = Field(None, description="Counts when the user is made; now where absent.")


class UserPatch(Body):
    """Attributes of a user to change."""

    model_config = ConfigDict(json_schema_extra={"example": {"attributes": {"household_size": 4}}})

    attributes: AttributeChanges


class UserAnswer(Answer):
    """A user as they stand."""

    id: str
    attributes: dict[str, Any]
    created_at: int | None
    updated_at: int | None = Field(description="When the attributes last changed.")
    events_at: int | None = Field(description="When the latest event was stored.")


class UsersAnswer(Answer):
    """A page of users."""

    users: list[UserAnswer] = Field(description="By id.")
    next: str | None = Field(description="Cursor of the next page; null on the last one.")


class ProfileQuery(Request):
    """What the profile is asked for."""

    at: Moment | None = Field(None, description="As of this time; now where absent.")
    offset_minutes: Annotated[int, Field(ge=-720, le=840)] = Field(
        0, description="Minutes east of UTC in which hours and weekdays are told; without summer time."
    )
    since: Moment | None = Field(None, description="Tell how interests moved since this time; before `at`.")


class RhythmAnswer(Answer):
    """When a user acts."""

    offset_minutes: int
    hours: list[float] = Field(description="Share of the events in each hour of the day, from 0 to 23.")
    weekdays: list[float] = Field(description="Share of the events on each weekday, Monday first.")


class BreadthAnswer(Answer):
    """How widely interests spread."""

    entropy: float = Field(description="Shannon entropy of the shares, in nats.")
    effective: float = Field(description="exp(entropy): as many equal interests spread as widely.")
    evenness: float = Field(description="Entropy by the largest that so many interests can have.")


class LoyaltyAnswer(Answer):
    """How much a user keeps to one brand."""

    herfindahl: float = Field(description="Sum of the squared parts of the brands.")
    strongest: str = Field(description="Id of the brand with the largest part.")
    part: float


class LevelAnswer(Answer):
    """Where numbers lie."""

    events: int
    mean: float
    median: float


class MovedAnswer(Answer):
    """How the share of an interest changed."""

    id: str
    before: float
    after: float


class DriftAnswer(Answer):
    """How interests moved since a time."""

    since: int
    distance: float | None = Field(description="Jensen-Shannon distance of the shares, 0 to 1.")
    moved: list[MovedAnswer] = Field(description="Interests whose share changed most.")


class ProfileAnswer(Answer):
    """Patterns of a user's behaviour; what cannot be known is null."""

    user_id: str
    known: bool
    at: int
    events: int = Field(description="Latest events that it is made of; steps of the sequence only.")
    first_at: int | None
    last_at: int | None
    rhythm: RhythmAnswer
    breadth: BreadthAnswer | None
    novelty: float | None = Field(description="Share of the latest events that were the user's first on their item.")
    loyalty: LoyaltyAnswer | None
    price: LevelAnswer | None = Field(description="Prices of the items taken.")
    value: LevelAnswer | None = Field(description="Values of these events, for example quantities.")
    drift: DriftAnswer | None


class NeighboursQuery(Request):
    """How far and how many."""

    depth: Annotated[int, Field(ge=1, le=10)] = Field(1, description="Most steps from user to user.")
    n: Annotated[int, Field(ge=1, le=1000)] = Field(20, description="Nearest ones.")
    follows: bool = Field(True, description="Whether following counts beside similarity.")


class NeighbourAnswer(Answer):
    """A user near another one."""

    id: str
    weight: float = Field(description="Product of the edges of the strongest path, less at every further step.")
    hops: int
    path: list[str] = Field(description="Users of the path, this one last.")
    via: str = Field(description="Its last edge: similar, or follows.")


class NeighboursAnswer(Answer):
    """Users near a user."""

    user_id: str
    neighbours: list[NeighbourAnswer] = Field(description="Strongest first.")
