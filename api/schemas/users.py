"""Users and their interests."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from api.schemas.common import Answer, Body, EpochMs, Id, Request
from api.schemas.items import AttributeChanges, Attributes


class UserPath(Request):
    """A user."""

    user_id: Id


class InterestsQuery(Request):
    """How many interests."""

    n: Annotated[int, Field(ge=1, le=1000)] | None = Field(None, description="Strongest ones; the shares are of all.")


class InterestAnswer(Answer):
    """An interest of a user."""

    id: str
    kind: str | None
    name: str | None
    share: float = Field(description="Part of all the user's interests; the shares of all sum to 1.")
    behaviour: float = Field(description="What behaviour has made of it, decayed to now.")
    declared: float = Field(description="What the user has declared.")
    model: float = Field(description="What the model inferred; no part of the share.")
    updated_at: int


class InterestsAnswer(Answer):
    """The interests of a user."""

    user_id: str
    known: bool = Field(description="Whether there is such a user.")
    at: int = Field(description="The time the weights are decayed to.")
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
