"""From raw input to events, every bad input named by field, value and remedy."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from engine.domain import MS_PER_SECOND, EpochMs, Event
from engine.errors import ConflictError, InvalidInputError, PayloadTooLargeError, shorten
from engine.events.context import parse_context
from engine.events.identity import content_id, digest
from engine.interests.signals import type_settings
from engine.settings import EventSettings

FIELDS = ("id", "type", "user_id", "item_id", "followed_id", "at", "value", "query", "recommendation_id", "context")
MAX_ID_CHARS = 512
MAX_QUERY_CHARS = 1000
MAX_VALUE = 1e12
MAX_DWELL_S = 86_400.0

_OBJECTS = {
    "item": ("item_id", "an item"),
    "query": ("query", "the words of a search"),
    "user": ("followed_id", "another user"),
}
_KNOWN_FIELDS = frozenset(FIELDS)
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_UNITS = ((10**17, "nanoseconds", 10**6), (10**14, "microseconds", 10**3))
"""From which number on a time is no plausible millisecond (10^14 ms is the year 5138), and what it looks like then."""

_SECONDS = range(10**8, 10**11)
"""Numbers that are seconds of 1973 to 5138, and milliseconds of no time after 3 March 1973."""

_TIME_REMEDY = "Give whole UTC epoch milliseconds, or ISO 8601 with a zone, for example 2026-01-31T12:00:00Z."


def check_id(value: object, *, field: str) -> str:
    """Give an id back if it may name a user, an item or an event.

    Raises:
        InvalidInputError: It is no text, empty, too long, or holds control characters or half characters.
    """
    return _check_text(value, field, "", MAX_ID_CHARS)


def parse_event(
    raw: object, *, settings: EventSettings, now: EpochMs, field: str = "event", occurrence: int = 0
) -> Event:
    """Make one event of raw input.

    Args:
        raw: A mapping with `type`, `user_id`, and as needed `id`, `item_id`, `followed_id`, `at`, `value`, `query`,
            `recommendation_id`, `context`; null is the same as absent.
        settings: Registry of types, bounds of ratings and times.
        now: Present time, epoch ms; the time of an event that gives none.
        field: How errors name this event.
        occurrence: Equal events before it in its batch; counts only where no id is given.

    Raises:
        InvalidInputError: Something in it cannot be accepted.
    """
    if not isinstance(raw, Mapping):
        raise InvalidInputError(
            "An event is an object.", field=field, value=raw, remedy=f"Give an object with {', '.join(FIELDS)}."
        )
    if not raw.keys() <= _KNOWN_FIELDS:
        unknown = next(name for name in raw if name not in _KNOWN_FIELDS)
        raise InvalidInputError(
            "An event has no such field.",
            field=f"{field}.{shorten(str(unknown), 64)}",
            value=raw[unknown],
            remedy=f"Use only {', '.join(FIELDS)}.",
        )
    event_type = _parse_type(raw.get("type"), settings, field)
    user_id = _check_text(raw.get("user_id"), field, "user_id", MAX_ID_CHARS)
    item_id, query, followed_id = _parse_object(raw, event_type, user_id, settings, field)
    given_at = raw.get("at")
    at = _parse_time(given_at, settings, now, field)
    value = _parse_value(raw.get("value"), event_type, settings, field)
    recommendation_id = raw.get("recommendation_id")
    if recommendation_id is not None:
        recommendation_id = _check_text(recommendation_id, field, "recommendation_id", MAX_ID_CHARS)
    context = raw.get("context")
    if context is not None:
        context = parse_context(context, field=f"{field}.context")
    event_id = raw.get("id")
    if event_id is None:
        more = {"followed_id": followed_id, "recommendation_id": recommendation_id, "context": context}
        event_id = content_id(user_id, item_id, event_type, at, value, query, occurrence, **more)
    else:
        event_id = _check_text(event_id, field, "id", MAX_ID_CHARS)
    return Event(
        id=event_id,
        type=event_type,
        user_id=user_id,
        item_id=item_id,
        at=at,
        value=value,
        query=query,
        recommendation_id=recommendation_id,
        at_given=given_at is not None,
        followed_id=followed_id,
        context=context,
    )


def parse_events(raws: object, *, settings: EventSettings, now: EpochMs, field: str = "events") -> list[Event]:
    """Make the events of one batch; the first that cannot be accepted refuses the batch.

    Args:
        raws: A list of what `parse_event` takes, at least one, at most `settings.max_batch`.
        settings: Registry of types and limits.
        now: Present time, epoch ms.
        field: How errors name the list; its events are `field[0]`, `field[1]`, …

    Raises:
        PayloadTooLargeError: The batch holds too many events.
        ConflictError: An id stands twice in it with different content.
        InvalidInputError: Something in it cannot be accepted.
    """
    if not isinstance(raws, Sequence) or isinstance(raws, (str, bytes)) or not raws:
        raise InvalidInputError(
            "A batch is a list of at least one event.", field=field, value=raws, remedy="Give a list with an event."
        )
    if len(raws) > settings.max_batch:
        raise PayloadTooLargeError(
            "The batch holds too many events.",
            field=field,
            value=len(raws),
            remedy=f"Send at most {settings.max_batch} at a time.",
        )
    events: list[Event] = []
    seen: dict[str, int] = {}
    contents: Counter[str] = Counter()
    for index, raw in enumerate(raws):
        event = parse_event(raw, settings=settings, now=now, field=f"{field}[{index}]")
        if isinstance(raw, Mapping) and raw.get("id") is None:
            occurrence = contents[event.id]
            contents[event.id] += 1
            if occurrence:
                event = parse_event(raw, settings=settings, now=now, field=f"{field}[{index}]", occurrence=occurrence)
        content = digest(event)
        if seen.setdefault(event.id, content) != content:
            raise ConflictError(
                "The same id stands twice in the batch with different content.",
                field=f"{field}[{index}].id",
                value=event.id,
                remedy="Give each event an id of its own, or leave ids out.",
            )
        events.append(event)
    return events


def _parse_type(value: object, settings: EventSettings, field: str) -> str:
    if isinstance(value, str) and value in settings.types:
        return value
    if not isinstance(value, str):
        raise InvalidInputError(
            "The type of an event is a text.",
            field=f"{field}.type",
            value=value,
            remedy=f"Use one of: {', '.join(settings.types)}.",
        )
    try:
        type_settings(value, settings)
    except InvalidInputError as error:
        raise InvalidInputError(error.message, field=f"{field}.type", value=value, remedy=error.remedy) from None
    return value


def _parse_object(
    raw: Mapping[str, Any], event_type: str, user_id: str, settings: EventSettings, field: str
) -> tuple[str | None, str | None, str | None]:
    """Read what the event is on: an item, the words of a search, or another user; nothing else may be there."""
    wanted, noun = _OBJECTS[settings.types[event_type].object]
    for name in ("item_id", "query", "followed_id"):
        if name != wanted and raw.get(name) is not None:
            raise InvalidInputError(
                f"An event of the type {event_type} is on {noun}; it has no {name}.",
                field=f"{field}.{name}",
                value=raw[name],
                remedy="Leave it out.",
            )
    if wanted == "query":
        return None, _check_text(raw.get("query"), field, "query", MAX_QUERY_CHARS), None
    found = _check_text(raw.get(wanted), field, wanted, MAX_ID_CHARS)
    if wanted == "item_id":
        return found, None, None
    if found == user_id:
        raise InvalidInputError(
            "A user does not follow themselves.", field=f"{field}.followed_id", value=found, remedy="Name another user."
        )
    return None, None, found


def _check_text(value: object, field: str, name: str, limit_chars: int) -> str:
    # Most texts are fine, and a text that can be printed holds nothing forbidden: names and patterns cost more.
    if isinstance(value, str) and 0 < len(value) <= limit_chars and value.isprintable() and not value.isspace():
        return value
    field = f"{field}.{name}" if name else field
    if value is None:
        raise InvalidInputError("This field is required.", field=field, remedy="Give a text.")
    if not isinstance(value, str):
        raise InvalidInputError("This field is a text.", field=field, value=value, remedy="Put it in quotes.")
    if not value.strip():
        raise InvalidInputError("This field is empty.", field=field, value=value, remedy="Give a text.")
    if len(value) > limit_chars:
        raise InvalidInputError(
            f"This text has {len(value)} characters.",
            field=field,
            value=value,
            remedy=f"Use at most {limit_chars} characters.",
        )
    if _FORBIDDEN.search(value):
        raise InvalidInputError(
            "This text holds control characters or halves of characters.",
            field=field,
            value=value,
            remedy="Remove them.",
        )
    return value


def _parse_time(value: object, settings: EventSettings, now: EpochMs, field: str) -> EpochMs:
    if value is None:
        return now
    field = f"{field}.at"
    if isinstance(value, str):
        at = _parse_iso(value, field)
    elif isinstance(value, int) and not isinstance(value, bool):
        at = value
    else:
        raise InvalidInputError("This is not a time.", field=field, value=value, remedy=_TIME_REMEDY)
    if not isinstance(value, str):
        _check_unit(at, field)
    if at < 0:
        raise InvalidInputError("The time lies before 1970.", field=field, value=value, remedy=_TIME_REMEDY)
    if at > now + settings.max_future_s * MS_PER_SECOND:
        raise InvalidInputError(
            f"The time lies more than {settings.max_future_s:g} seconds in the future.",
            field=field,
            value=value,
            remedy=_TIME_REMEDY,
        )
    return at


def _check_unit(at: int, field: str) -> None:
    if at in _SECONDS:
        raise InvalidInputError(
            "The time is no plausible number of milliseconds; it looks like seconds.",
            field=field,
            value=at,
            remedy="Multiply it by 1000.",
        )
    for least, unit, factor in _UNITS:
        if at >= least:
            raise InvalidInputError(
                f"The time is no plausible number of milliseconds; it looks like {unit}.",
                field=field,
                value=at,
                remedy=f"Divide it by {factor}, without a rest.",
            )


def _parse_iso(value: str, field: str) -> EpochMs:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise InvalidInputError("This is not a time.", field=field, value=value, remedy=_TIME_REMEDY) from None
    if moment.tzinfo is None:
        raise InvalidInputError("The time has no zone.", field=field, value=value, remedy=_TIME_REMEDY)
    return (moment - _EPOCH) // _MILLISECOND


def _parse_value(value: object, event_type: str, settings: EventSettings, field: str) -> float | None:
    scale = settings.types[event_type].scale
    if value is None and scale == "constant":
        return None
    low, high = value_bounds(event_type, settings)
    # Neither NaN nor infinity lies between two finite bounds.
    if isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high:
        return float(value) + 0.0
    field = f"{field}.value"
    unit = " of seconds" if scale == "duration" else ""
    remedy = f"Give a number{unit} from {low:g} to {high:g}."
    if value is None:
        raise InvalidInputError(f"An event of the type {event_type} needs a value.", field=field, remedy=remedy)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InvalidInputError("The value is not a number.", field=field, value=value, remedy=remedy)
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidInputError("The value is not a finite number.", field=field, value=value, remedy=remedy)
    raise InvalidInputError("The value is out of range.", field=field, value=value, remedy=remedy)


def value_bounds(event_type: str, settings: EventSettings) -> tuple[float, float]:
    """Give the least and the largest value of a type."""
    scale = settings.types[event_type].scale
    if scale == "rating":
        return settings.rating_min, settings.rating_max
    return 0.0, MAX_DWELL_S if scale == "duration" else MAX_VALUE
