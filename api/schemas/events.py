"""Events coming in, and the events of a user."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal

from pydantic import ConfigDict, Field, JsonValue, RootModel

from api.schemas.common import Answer, EpochMs, Id, Request
from engine.events.parse import MAX_QUERY_CHARS, MAX_VALUE

_EVENT_EXAMPLE: Final[dict[str, JsonValue]] = {
    "id": "order-7001-line-1",
    "type": "purchase",
    "user_id": "household-1",
    "item_id": "995242",
    "at": "2026-01-31T12:00:00Z",
}


class EventBody(Request):
    """One piece of behaviour."""

    model_config = ConfigDict(json_schema_extra={"example": _EVENT_EXAMPLE})

    id: Id | None = Field(None, description="Makes sending it again harmless; derived from the content where absent.")
    type: str = Field(
        min_length=1,
        max_length=64,
        description="view, cart, purchase, rating, like, dislike, share, search, or a type of the settings.",
    )
    user_id: Id
    item_id: Id | None = Field(None, description="Needed, but for a search.")
    at: EpochMs | Annotated[str, Field(max_length=64)] | None = Field(
        None, description="When: epoch milliseconds or ISO 8601 with a zone; now where absent."
    )
    value: Annotated[float, Field(ge=-MAX_VALUE, le=MAX_VALUE)] | None = Field(
        None, description="The rating, a quantity or similar."
    )
    query: Annotated[str, Field(max_length=MAX_QUERY_CHARS)] | None = Field(None, description="Words of a search.")
    recommendation_id: Id | None = Field(None, description="The answer that led to it.")


class EventList(Request):
    """Several events, written all or not at all."""

    events: list[EventBody] = Field(min_length=1, description="At most as many as INTERESTGRAPH_EVENTS__MAX_BATCH.")


class EventsBody(RootModel[EventBody | EventList]):
    """One event, or several."""

    # The engine's own check names index, field and value; it also serves the imports.
    plain: ClassVar[bool] = True
    model_config = ConfigDict(
        **{
            "openapi_extra": {
                "examples": {
                    "one": {"summary": "One event", "value": _EVENT_EXAMPLE},
                    "batch": {"summary": "Several events", "value": {"events": [_EVENT_EXAMPLE]}},
                }
            }
        }  # type: ignore[typeddict-unknown-key]
    )


class EventsQuery(Request):
    """How events are taken."""

    create_missing: bool = Field(False, description="Make items that are not there, instead of refusing the events.")


class EventOutcome(Answer):
    """What became of one event."""

    id: str
    outcome: Literal["accepted", "duplicate"]


class EventsAnswer(Answer):
    """What became of the events."""

    accepted: int = Field(description="Events that are now in the graph.")
    duplicates: int = Field(description="Events that were there already.")
    freshness: str = Field(description="Token: an answer asked with it knows of these events.")
    events: list[EventOutcome] = Field(description="In the order in which they were sent.")


class StoredEvent(Answer):
    """An event as it is kept."""

    id: str
    type: str
    item_id: str | None
    at: int
    value: float | None
    query: str | None
    recommendation_id: str | None
    received_at: int | None = Field(description="When it came in.")


class UserEventsAnswer(Answer):
    """A page of a user's events."""

    user_id: str
    events: list[StoredEvent] = Field(description="Newest first.")
    next: str | None = Field(description="Cursor of the next page; null on the last one.")
