"""Behaviour coming in, and read back."""

from __future__ import annotations

from typing import Any, Final

from flask_openapi3.blueprint import APIBlueprint

from api import cursors, metrics, spec
from api.answers import answer
from api.auth import needs, security
from api.blueprints.support import container
from api.keys import Scope
from api.schemas.common import PageQuery
from api.schemas.events import EventsAnswer, EventsBody, EventsQuery, UserEventsAnswer
from api.schemas.users import UserPath
from api.validation import validated
from engine.domain import now_ms
from engine.errors import InvalidInputError
from engine.events.apply import apply_events
from engine.events.parse import parse_event, parse_events

_ABOVE_EVERY_TIME: Final = 2**63 - 1

blueprint = APIBlueprint("events", __name__, abp_tags=[spec.EVENTS])


@blueprint.post(
    "/v1/events",
    summary="Send behaviour",
    operation_id="sendEvents",
    security=security(Scope.WRITE),
    responses=spec.responses({200: EventsAnswer}, 409, body=True),
)
@needs(Scope.WRITE)
@validated
def send(query: EventsQuery, body: EventsBody) -> Any:
    """One event, or `{"events": [...]}`.

    All of them are written, in one transaction, or none: the first that cannot be accepted is named with its index.
    Sending an event again is harmless: its id, or its content where it has none, is counted once. Users that are not
    there are made; items only with `create_missing=true`. The answer's `freshness` is for the recommendations that
    must know of these events.
    """
    raw: Any = body
    settings = container().settings
    if isinstance(raw, dict) and "events" not in raw:
        events = [parse_event(raw, settings=settings.events, now=now_ms())]
    else:
        _check_list(raw)
        events = parse_events(raw["events"], settings=settings.events, now=now_ms())
    store = container().store()
    result = apply_events(store, events, settings=settings, create_missing=query.create_missing)
    metrics.EVENTS_ACCEPTED.inc(result.accepted)
    metrics.EVENTS_DUPLICATE.inc(result.duplicates)
    return answer(
        {
            "accepted": result.accepted,
            "duplicates": result.duplicates,
            "freshness": result.token,
            "events": [
                {"id": event.id, "outcome": outcome} for event, outcome in zip(events, result.outcomes, strict=True)
            ],
        }
    )


@blueprint.get(
    "/v1/users/<id:user_id>/events",
    summary="Read the behaviour of a user",
    operation_id="listUserEvents",
    security=security(Scope.READ),
    responses=spec.responses({200: UserEventsAnswer}),
)
@needs(Scope.READ)
@validated
def of_user(path: UserPath, query: PageQuery) -> Any:
    """Newest first, page by page; a user who is not known has none."""
    before = cursors.decode(query.cursor, int, str) or [_ABOVE_EVERY_TIME, ""]
    store = container().store()
    rows = store.read(
        "events/page_of_user", user_id=path.user_id, before_at=before[0], before_id=before[1], limit=query.n + 1
    )
    page = rows[: query.n]
    following = cursors.encode([page[-1]["at"], page[-1]["id"]]) if len(rows) > query.n else None
    return answer({"user_id": path.user_id, "events": page, "next": following})


def _check_list(raw: Any) -> None:
    if not isinstance(raw, dict):
        raise InvalidInputError(
            "The body is one event, or an object with `events`.",
            field="body",
            value=raw,
            remedy='Send {"events": [...]}.',
        )
    for name in raw:
        if name != "events":
            raise InvalidInputError(
                "A list of events has nothing beside it.",
                field=name,
                value=raw[name],
                remedy="Remove it, or put it into the events.",
            )
