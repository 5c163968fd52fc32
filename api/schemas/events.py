"""Events coming in, and the events of a user."""

from __future__ import annotations

import json
from typing import Annotated, ClassVar, Final, Literal

from pydantic import ConfigDict, Field, JsonValue, RootModel

from api import ndjson
from api.schemas.common import Answer, EpochMs, FaultAnswer, Id, Request
from engine.events.parse import MAX_QUERY_CHARS, MAX_VALUE

_EVENT_EXAMPLE: Final[dict[str, JsonValue]] = {
    "id": "order-7001-line-1",
    "type": "purchase",
    "user_id": "household-1",
    "item_id": "995242",
    "at": "2026-01-31T12:00:00Z",
}

LINES_EXAMPLE: Final = f"{json.dumps(_EVENT_EXAMPLE)}\n"


class EventBody(Request):
    """One piece of behaviour."""

    model_config = ConfigDict(json_schema_extra={"example": _EVENT_EXAMPLE})

    id: Id | None = Field(None, description="Makes sending it again harmless; derived from the content where absent.")
    type: str = Field(
        min_length=1,
        max_length=64,
        description="view, dwell, click, cart, remove, purchase, return, rating, like, dislike, hide, share, follow, "
        "search, impression, or an own type of the settings.",
    )
    user_id: Id
    item_id: Id | None = Field(None, description="Needed, but for a search and a follow.")
    followed_id: Id | None = Field(None, description="The user that a follow is of.")
    at: EpochMs | Annotated[str, Field(max_length=64)] | None = Field(
        None, description="When: epoch milliseconds or ISO 8601 with a zone; now where absent."
    )
    value: Annotated[float, Field(ge=-MAX_VALUE, le=MAX_VALUE)] | None = Field(
        None, description="The rating, the seconds of a dwell, a quantity or similar."
    )
    query: Annotated[str, Field(max_length=MAX_QUERY_CHARS)] | None = Field(None, description="Words of a search.")
    context: dict[str, JsonValue] | None = Field(
        None, description="Where and how: at most 16 short texts, numbers or truth values, kept with the event."
    )
    recommendation_id: Id | None = Field(None, description="The answer that led to it.")


class EventList(Request):
    """Several events; each is taken or refused for itself, unless `atomic=true`."""

    events: list[EventBody] = Field(min_length=1, description="At most as many as INTERESTGRAPH_EVENTS__MAX_BATCH.")


class EventsBody(RootModel[EventBody | EventList]):
    """One event, or several."""

    # The engine's own check names index, field and value; it also serves the imports.
    plain: ClassVar[bool] = True
    # Lines are read by the route itself, as they come.
    streamed: ClassVar[str] = ndjson.MEDIA_TYPE
    model_config = ConfigDict(
        **{
            "openapi_extra": {
                "description": "JSON: one event, or a batch. JSON lines (`application/x-ndjson`): one event a line, "
                "of any number, also in chunks.",
                "examples": {
                    "one": {"summary": "One event", "value": _EVENT_EXAMPLE},
                    "batch": {"summary": "Several events", "value": {"events": [_EVENT_EXAMPLE]}},
                },
            }
        },  # type: ignore[typeddict-unknown-key]
    )


class EventsQuery(Request):
    """How events are taken."""

    create_missing: bool = Field(False, description="Make items that are not there, instead of refusing the events.")
    atomic: bool = Field(False, description="Write all events of a batch or none; the first bad one is the problem.")
    wait: bool = Field(
        True,
        description="False puts the events into the stream and answers 202 at once; a consumer writes them, and puts "
        "what it cannot accept among the dead letters.",
    )


class Refusal(FaultAnswer):
    """Why an event was refused."""

    status: int = Field(description="Status code that the event alone would have had.")


class EventOutcome(Answer):
    """What became of one event."""

    id: str | None = Field(description="Its id, given or derived; null where it could not be read.")
    outcome: Literal["accepted", "duplicate", "refused", "queued"]
    problem: Refusal | None = Field(None, description="Why it was refused.")


class LineRefusal(Answer):
    """A line that was refused."""

    line: int = Field(description="Its number, from 1.")
    problem: Refusal


class EventsAnswer(Answer):
    """What became of the events."""

    accepted: int = Field(description="Events that are now in the graph.")
    duplicates: int = Field(description="Events that were there already.")
    refused: int = Field(description="Events that cannot be accepted.")
    freshness: str = Field(description="Token: an answer asked with it knows of these events.")
    events: list[EventOutcome] | None = Field(None, description="In the order sent; not for JSON lines.")
    lines: int | None = Field(None, description="Of JSON lines: lines read, empty ones left out.")
    refusals: list[LineRefusal] | None = Field(None, description="Of JSON lines: the first 1,000 refused.")


class QueuedAnswer(Answer):
    """What went into the stream."""

    queued: int = Field(description="Events that a consumer will write.")
    refused: int = Field(description="Events that cannot be accepted.")
    events: list[EventOutcome] | None = Field(None, description="In the order sent; not for JSON lines.")
    lines: int | None = Field(None, description="Of JSON lines: lines read, empty ones left out.")
    refusals: list[LineRefusal] | None = Field(None, description="Of JSON lines: the first 1,000 refused.")


class DeletedAnswer(Answer):
    """An event that was taken back."""

    id: str
    user_id: str
    at: int = Field(description="When it had been.")
    freshness: str = Field(description="Token: an answer asked with it no longer knows of the event.")


class EventPath(Request):
    """An event in an address."""

    event_id: Id


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
