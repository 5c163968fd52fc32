"""What one event is worth: sign and strength from the registry of types."""

from __future__ import annotations

import math

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

    By the scale of its type, w being the type's weight:

        constant    w
        rating      w · (2v - lo - hi) / (hi - lo)       minus the weight at the lowest, zero in the middle
        duration    w · min(1, ln(1 + v) / ln(1 + full)) zero at no second, the weight from `dwell_full_s` on

    Args:
        event_type: A name from the registry.
        value: The rating or the seconds; not looked at for other scales.
        settings: The registry, the bounds of ratings and the full dwell.

    Raises:
        InvalidInputError: The type is not known, or its scale needs a value.
    """
    entry = type_settings(event_type, settings)
    if entry.scale == "constant":
        return entry.weight
    if value is None:
        raise InvalidInputError(f"An event of the type {event_type} needs a value.", field="value")
    if entry.scale == "duration":
        return entry.weight * min(1.0, math.log1p(value) / math.log1p(settings.dwell_full_s))
    low, high = settings.rating_min, settings.rating_max
    return entry.weight * (2 * value - low - high) / (high - low)


def full_strength(event_type: str, settings: EventSettings) -> float:
    """Give what a type counts at its most: the best rating, the longest dwell."""
    return type_settings(event_type, settings).weight


def half_life_ms(event_type: str, settings: EventSettings) -> float:
    """Give the half-life of a type in milliseconds."""
    return days_ms(type_settings(event_type, settings).half_life_days)


def sequence_types(settings: EventSettings) -> tuple[str, ...]:
    """Give the types that are steps of a user's sequence, sorted by name."""
    return tuple(sorted(name for name, entry in settings.types.items() if entry.in_sequence))
