"""What one event is worth: sign and strength from the registry of types."""

from __future__ import annotations

from engine.domain import EventType
from engine.errors import InvalidInputError
from engine.interests.decay import days_ms
from engine.settings import EventSettings, EventTypeSettings


def type_settings(event_type: str, settings: EventSettings) -> EventTypeSettings:
    """Give the registry's entry of a type.

    Raises:
        InvalidInputError: The registry has no such type; the remedy lists those it has.
    """
    try:
        return settings.types[event_type]
    except KeyError:
        raise InvalidInputError(
            "This type of event is not known.",
            field="type",
            value=event_type,
            remedy=f"Use one of: {', '.join(settings.types)}.",
        ) from None


def strength(event_type: str, value: float | None, settings: EventSettings) -> float:
    """Give the signed strength of an event.

    A rating r between lo and hi counts w · (2r - lo - hi) / (hi - lo): minus the weight at the lowest, zero in
    the middle, the weight at the highest. Every other type counts its weight, whatever its value.

    Args:
        event_type: A name from the registry.
        value: The rating; not looked at for other types.
        settings: The registry and the bounds of ratings.

    Raises:
        InvalidInputError: The type is not known, or a rating has no value.
    """
    weight = type_settings(event_type, settings).weight
    if event_type != EventType.RATING:
        return weight
    if value is None:
        raise InvalidInputError("A rating needs a value.", field="value")
    low, high = settings.rating_min, settings.rating_max
    return weight * (2 * value - low - high) / (high - low)


def half_life_ms(event_type: str, settings: EventSettings) -> float:
    """Give the half-life of a type in milliseconds."""
    return days_ms(type_settings(event_type, settings).half_life_days)


def sequence_types(settings: EventSettings) -> tuple[str, ...]:
    """Give the types that are steps of a user's sequence, sorted by name."""
    return tuple(sorted(name for name, entry in settings.types.items() if entry.in_sequence))
