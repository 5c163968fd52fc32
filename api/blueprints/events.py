"""Behaviour coming in, and read back."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from flask import request
from flask_openapi3.blueprint import APIBlueprint

from api import cursors, metrics, ndjson, problems, spec, uploads
from api.answers import answer
from api.auth import needs, security
from api.blueprints.support import container
from api.keys import Scope
from api.schemas.common import PageQuery
from api.schemas.events import (
    LINES_EXAMPLE,
    DeletedAnswer,
    EventPath,
    EventsAnswer,
    EventsBody,
    EventsQuery,
    QueuedAnswer,
    UserEventsAnswer,
)
from api.schemas.users import UserPath
from api.validation import STREAMED, validated
from engine.domain import now_ms
from engine.errors import InterestGraphError, InvalidInputError, PayloadTooLargeError
from engine.events.apply import apply_events
from engine.events.ingest import IngestResult, ingest
from engine.events.parse import parse_event, parse_events
from engine.events.undo import delete_event
from engine.stream.entries import encode

_ABOVE_EVERY_TIME: Final = 2**63 - 1
_UPLOAD_WAIT_S: Final = 30.0
"""Seconds for which a stream of lines waits for its turn to write."""

blueprint = APIBlueprint("events", __name__, abp_tags=[spec.EVENTS])


@blueprint.post(
    "/v1/events",
    summary="Send behaviour",
    operation_id="sendEvents",
    security=security(Scope.WRITE),
    responses=spec.responses({200: EventsAnswer, 202: QueuedAnswer}, 404, 409, body=True),
    openapi_extensions={spec.ALSO: {ndjson.MEDIA_TYPE: LINES_EXAMPLE}},
)
@needs(Scope.WRITE)
@validated
def send(query: EventsQuery, body: EventsBody) -> Any:
    """One event, a batch `{"events": [...]}`, or JSON lines of any number.

    An event alone is written, or its problem is the answer. Of a batch each event is `accepted`, a `duplicate`, or
    `refused` with its problem; the others are written, in one transaction. With `atomic=true` all of them are written
    or none, and the first that cannot be accepted is named with its index. JSON lines are written while they come, in
    batches; the answer counts them and names refused lines by number.

    Sending an event again is harmless: its id, or its content where it has none, is counted once. Users that are not
    there are made; items only with `create_missing=true`. The answer's `freshness` is for the recommendations that
    must know of these events. `wait=false` answers 202 once the events are in the stream. 429 says that too much is
    under way; nothing was taken then.
    """
    raw: Any = body
    if query.atomic and (raw is STREAMED or not query.wait):
        raise InvalidInputError(
            "Only a batch that is waited for can be written all or not at all.",
            field="atomic",
            value=True,
            remedy="Leave out atomic, or send a JSON batch without wait=false.",
        )
    if raw is STREAMED:
        return _take_lines(query)
    is_single = isinstance(raw, dict) and "events" not in raw
    raws = [raw] if is_single else _batch_of(raw)
    if not query.wait:
        return _queue(raws, query, is_single=is_single)
    if query.atomic:
        return _write_all(raw, query, is_single=is_single)
    with container().write_slots.take():
        result = _ingest(raws, query, field="events")
    if is_single and (error := result.outcomes[0].error) is not None:
        raise _alone(error)
    return answer(
        {
            "accepted": result.accepted,
            "duplicates": result.duplicates,
            "refused": result.refused,
            "freshness": result.token,
            "events": [_outcome(each.id, each.outcome, each.error) for each in result.outcomes],
        }
    )


@blueprint.delete(
    "/v1/events/<id:event_id>",
    summary="Take an event back",
    operation_id="deleteEvent",
    security=security(Scope.WRITE),
    responses=spec.responses({200: DeletedAnswer}, 404),
)
@needs(Scope.WRITE)
@validated
def delete(path: EventPath) -> Any:
    """The graph is then as if it had never come: interests, interactions, co-occurrence and popularity move back.

    The answer's `freshness` is for the recommendations that must no longer know of it. Sent again, it counts again.
    """
    with container().write_slots.take():
        deleted = delete_event(container().store(), path.event_id, settings=container().settings)
    return answer({"id": deleted.event_id, "user_id": deleted.user_id, "at": deleted.at, "freshness": deleted.token})


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


def _ingest(raws: list[Any], query: EventsQuery, *, field: str) -> IngestResult:
    result = ingest(
        container().store(), raws, settings=container().settings, create_missing=query.create_missing, field=field
    )
    metrics.EVENTS_ACCEPTED.inc(result.accepted)
    metrics.EVENTS_DUPLICATE.inc(result.duplicates)
    metrics.EVENTS_REFUSED.inc(result.refused)
    metrics.count_follow_ups(raws, result)
    return result


def _write_all(raw: Any, query: EventsQuery, *, is_single: bool) -> Any:
    """Write all events in one transaction, or none."""
    settings = container().settings
    if is_single:
        events = [parse_event(raw, settings=settings.events, now=now_ms())]
    else:
        events = parse_events(raw["events"], settings=settings.events, now=now_ms())
    try:
        with container().write_slots.take():
            result = apply_events(container().store(), events, settings=settings, create_missing=query.create_missing)
    except InterestGraphError as error:
        raise (_alone(error) if is_single else error) from None
    metrics.EVENTS_ACCEPTED.inc(result.accepted)
    metrics.EVENTS_DUPLICATE.inc(result.duplicates)
    return answer(
        {
            "accepted": result.accepted,
            "duplicates": result.duplicates,
            "refused": 0,
            "freshness": result.token,
            "events": [_outcome(event.id, outcome) for event, outcome in zip(events, result.outcomes, strict=True)],
        }
    )


def _queue(raws: list[Any], query: EventsQuery, *, is_single: bool) -> Any:
    """Put events into the stream; what can be known to be wrong without the graph is refused at once."""
    checked = _checked(raws, "events")
    if is_single and (error := checked[0][1]) is not None:
        raise _alone(error)
    _put(checked, query)
    queued = sum(error is None for _, error in checked)
    return answer(
        {
            "queued": queued,
            "refused": len(checked) - queued,
            "events": [_outcome(data and data[0], "queued", error) for data, error in checked],
        },
        202,
    )


_Checked = list[tuple[tuple[str, bytes] | None, InterestGraphError | None]]


def _checked(raws: list[Any], field: str) -> _Checked:
    """Give id and JSON of each event, or what is wrong with it."""
    settings, now = container().settings, now_ms()
    contents: Counter[str] = Counter()
    checked: _Checked = []
    for place, raw in enumerate(raws):
        name = f"{field}[{place}]"
        try:
            event = parse_event(raw, settings=settings.events, now=now, field=name)
            if raw.get("id") is None:
                contents[event.id] += 1
                if (occurrence := contents[event.id] - 1) > 0:
                    event = parse_event(raw, settings=settings.events, now=now, field=name, occurrence=occurrence)
            data = encode({**raw, "id": event.id}, limit_bytes=settings.stream.max_event_bytes, field=name)
        except InterestGraphError as error:
            checked.append((None, error))
        else:
            checked.append(((event.id, data), None))
    return checked


def _put(checked: _Checked, query: EventsQuery) -> None:
    data = [found[1] for found, _ in checked if found is not None]
    if data:
        container().producer().send(data, create_missing=query.create_missing)
        metrics.EVENTS_QUEUED.inc(len(data))
    metrics.EVENTS_REFUSED.inc(len(checked) - len(data))


def _take_lines(query: EventsQuery) -> Any:
    """Take JSON lines as they come."""
    settings = container().settings

    def write(raws: list[dict[str, Any]]) -> uploads.Batch:
        with container().write_slots.take(wait_s=_UPLOAD_WAIT_S):
            result = _ingest(raws, query, field="lines")
        errors = [each.error for each in result.outcomes]
        return uploads.Batch(errors, result.accepted, result.duplicates, result.latest_at, result.bookmarks)

    def queue(raws: list[dict[str, Any]]) -> uploads.Batch:
        checked = _checked(raws, "lines")
        _put(checked, query)
        errors = [error for _, error in checked]
        return uploads.Batch(errors, errors.count(None))

    with container().uploads.take(), uploads.body_of(request) as read:
        upload = uploads.take(read, write if query.wait else queue, limit_bytes=settings.api.max_line_bytes)
    told: dict[str, Any] = {"lines": upload.lines, "refused": upload.refused, "refusals": upload.refusals}
    if not query.wait:
        return answer({"queued": upload.accepted, **told}, 202)
    written = {"accepted": upload.accepted, "duplicates": upload.duplicates, "freshness": upload.token}
    return answer({**written, **told})


def _outcome(event_id: str | None, outcome: str, error: InterestGraphError | None = None) -> dict[str, Any]:
    if error is None:
        return {"id": event_id, "outcome": outcome}
    return {"id": event_id, "outcome": "refused", "problem": problems.refusal(error)}


def _alone(error: InterestGraphError) -> InterestGraphError:
    """Name the field as that of the only event."""
    if error.field is not None:
        error.field = error.field.replace("events[0]", "event", 1)
    return error


def _batch_of(raw: Any) -> list[Any]:
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
    events = raw["events"]
    if not isinstance(events, list) or not events:
        raise InvalidInputError(
            "A batch is a list of at least one event.",
            field="events",
            value=events,
            remedy="Give a list with an event.",
        )
    most = container().settings.events.max_batch
    if len(events) > most:
        raise PayloadTooLargeError(
            "The batch holds too many events.",
            field="events",
            value=len(events),
            remedy=f"Send at most {most} at a time, or JSON lines.",
        )
    return events
