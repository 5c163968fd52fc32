"""How old a raw event may become, by what a graph without it may lose."""

from __future__ import annotations

import math
from dataclasses import dataclass

from engine.domain import EpochMs
from engine.errors import SettingsError
from engine.interests.decay import days_ms
from engine.settings import Settings

_FIELD = "INTERESTGRAPH_RETENTION__EVENTS_DAYS"


@dataclass(frozen=True, slots=True)
class Limits:
    """What may go.

    Attributes:
        before: Events from before this time may go, epoch ms; 0 where all are kept.
        light_before: The same for types without a weight, such as impressions.
        light: Those types.
        floor: INTERACTED whose magnitude has faded below this may go; none keeps all.
    """

    before: EpochMs
    light_before: EpochMs
    light: tuple[str, ...]
    floor: float | None

    @property
    def anything(self) -> bool:
        """Tell whether anything may go at all."""
        return bool(self.before or self.light_before or self.floor)


def least_days(settings: Settings) -> float:
    """Give the days after which a contribution to CO_OCCURS or popularity is worth less than `lost_share` of itself.

    log2(1 / lost_share) half-lives of the slower of the two.
    """
    slowest = max(settings.co_occurrence.half_life_days, settings.ranking.popularity_half_life_days)
    return math.log2(1 / settings.retention.lost_share) * slowest


def limits_at(settings: Settings, now: EpochMs) -> Limits:
    """Give the limits as of a time.

    Raises:
        SettingsError: Events would go while they still count.
    """
    retention = settings.retention
    if retention.events_days is not None and retention.events_days < least_days(settings):
        raise SettingsError(
            f"Events that old still count for more than {retention.lost_share:.2%} of what they gave.",
            field=_FIELD,
            value=retention.events_days,
            remedy=f"Give at least {math.ceil(least_days(settings))} days, shorten half-lives, or raise lost_share.",
        )
    light = tuple(
        sorted(name for name, entry in settings.events.types.items() if not entry.weight and not entry.in_sequence)
    )
    return Limits(
        before=0 if retention.events_days is None else max(0, now - int(days_ms(retention.events_days))),
        light_before=0
        if retention.impressions_days is None
        else max(0, now - int(days_ms(retention.impressions_days))),
        light=light if retention.impressions_days is not None else (),
        floor=retention.interacted_floor,
    )
