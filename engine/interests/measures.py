"""What a user's behaviour looks like, in numbers; each with its formula."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from engine.domain import MS_PER_DAY, EpochMs

HOURS: Final = 24
WEEKDAYS: Final = 7
_MS_PER_HOUR: Final = 3_600_000
_MS_PER_MINUTE: Final = 60_000
_EPOCH_WEEKDAY: Final = 3
"""1970-01-01 was a Thursday; Monday is 0."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """When a user acts.

    Attributes:
        offset_minutes: Minutes east of UTC in which hours and weekdays are told.
        hours: Share of the events in each hour of the day, [24]; they sum to 1, or are 0 without events.
        weekdays: Share of the events on each weekday, Monday first, [7].
    """

    offset_minutes: int
    hours: tuple[float, ...]
    weekdays: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Breadth:
    """How widely interests spread.

    Attributes:
        entropy: H = −Σ p · ln p over the shares p, in nats.
        effective: exp(H): as many equal interests spread as widely.
        evenness: H / ln n for n interests, between 0 and 1; 0 where there is but one.
    """

    entropy: float
    effective: float
    evenness: float


@dataclass(frozen=True, slots=True)
class Loyalty:
    """How much a user keeps to one brand.

    Attributes:
        herfindahl: Σ q² over the brands' parts q of all mass on brands: 1 with one brand, 1/n with n equal ones.
        strongest: Id of the brand with the largest part.
        part: That part.
    """

    herfindahl: float
    strongest: str
    part: float


@dataclass(frozen=True, slots=True)
class Level:
    """Where numbers lie.

    Attributes:
        events: How many there are.
        mean: Their mean.
        median: Their median.
    """

    events: int
    mean: float
    median: float


def rhythm(times: Iterable[EpochMs], *, offset_minutes: int = 0) -> Rhythm:
    """Give the share of events by hour and by weekday.

    Args:
        times: Times of the events, epoch ms.
        offset_minutes: Minutes east of UTC; without summer time, which the events do not tell.
    """
    hours, weekdays = [0] * HOURS, [0] * WEEKDAYS
    number = 0
    for at in times:
        local = at + offset_minutes * _MS_PER_MINUTE
        hours[local % MS_PER_DAY // _MS_PER_HOUR] += 1
        weekdays[(local // MS_PER_DAY + _EPOCH_WEEKDAY) % WEEKDAYS] += 1
        number += 1
    whole = max(number, 1)
    return Rhythm(offset_minutes, tuple(count / whole for count in hours), tuple(count / whole for count in weekdays))


def breadth(shares: Iterable[float]) -> Breadth | None:
    """Give how widely shares spread (Shannon entropy); none where there are none.

    Args:
        shares: Shares that sum to 1.
    """
    positive = [share for share in shares if share > 0]
    if not positive:
        return None
    entropy = max(0.0, -math.fsum(share * math.log(share) for share in positive))
    evenness = entropy / math.log(len(positive)) if len(positive) > 1 else 0.0
    return Breadth(entropy, math.exp(entropy), min(1.0, evenness))


def novelty(items: Sequence[str], counts: Mapping[str, int]) -> float | None:
    """Give the share of the latest events that were the user's first on their item; none without events.

    novelty = |{events e: no earlier event of the user on the item of e}| / |events|

    Args:
        items: Item of each of the latest events.
        counts: Events of the user on each of these items in all, these included.
    """
    if not items:
        return None
    among = dict.fromkeys(items, 0)
    for item in items:
        among[item] += 1
    # Where all of an item's events are among the latest, the first of them was new.
    first = sum(1 for item, number in among.items() if counts.get(item, number) <= number)
    return first / len(items)


def loyalty(masses: Mapping[str, float]) -> Loyalty | None:
    """Give how concentrated a user's mass on brands is (Herfindahl index); none without any.

    Args:
        masses: Mass of each brand, none negative.
    """
    total = math.fsum(masses.values())
    if total <= 0:
        return None
    parts = {brand: mass / total for brand, mass in masses.items()}
    strongest = min(parts, key=lambda brand: (-parts[brand], brand))
    return Loyalty(math.fsum(part * part for part in parts.values()), strongest, parts[strongest])


def level(numbers: Iterable[float]) -> Level | None:
    """Give mean and median; none where there are no numbers."""
    ordered = sorted(numbers)
    if not ordered:
        return None
    middle = len(ordered) // 2
    median = ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
    return Level(len(ordered), math.fsum(ordered) / len(ordered), median)


def drift(before: Mapping[str, float], after: Mapping[str, float]) -> float | None:
    """Give how far two distributions lie apart: the Jensen-Shannon distance, between 0 and 1; none where one is empty.

    d(p, q) = √( ½ Σ p · log₂(p / m) + ½ Σ q · log₂(q / m) ), m = (p + q) / 2   (Endres and Schindelin 2003)

    Args:
        before: Share by name; sums to 1.
        after: Share by name; sums to 1.
    """
    if not before or not after:
        return None
    parts = []
    for name in {**before, **after}:
        p, q = before.get(name, 0.0), after.get(name, 0.0)
        # Not share / middle: half of the smallest number there is would be 0.
        parts += [share * math.log2(2 * share / (p + q)) / 2 for share in (p, q) if share > 0]
    return math.sqrt(min(1.0, max(0.0, math.fsum(parts))))
