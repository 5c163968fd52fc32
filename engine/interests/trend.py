"""How an interest goes: its mass by day or week, and whether it rises.

The mass of an interest x at a time t, over all users, is what events have given it and what is left of that,

    M_H(t) = Σ over events e until t of  about(item of e, x) · strength(e) · 2^(−(t − time of e) / H)

with the half-life of interests H. It is read from INTERACTED, which keeps the latest times of each user, item and type;
where strengths differ from event to event (ratings, dwell) each time counts the mean that gives the stored weight.
The momentum compares a short half-life h with H. A steady flow of r a day has M_H = r · H / ln 2, so that

    momentum = ( M_h / h ) / ( M_H / H )

is 1 for a steady interest, above 1 for one that rises, and below 1 for one that fades.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from engine.domain import MS_PER_DAY, EpochMs, now_ms
from engine.errors import InvalidInputError, NotFoundError
from engine.graph.store import GraphStore
from engine.interests.decay import days_ms
from engine.settings import Settings

Bucket = Literal["day", "week"]

MAX_BUCKETS: Final = 120
_ITEMS: Final = 2_000
_BUCKET_MS: Final[dict[Bucket, int]] = {"day": MS_PER_DAY, "week": 7 * MS_PER_DAY}
_MONDAY_MS: Final = 4 * MS_PER_DAY
"""The first Monday; weeks begin on Mondays, days at midnight, both UTC."""
_VARIES: Final = ("rating", "dwell")


@dataclass(frozen=True, slots=True)
class TrendBucket:
    """A day or week.

    Attributes:
        start: Its beginning, epoch ms.
        end: Its end; of the last one the time asked for.
        events: Events in it on items about the interest.
        added: What they gave; negative signals count.
        mass: The mass at its end.
    """

    start: EpochMs
    end: EpochMs
    events: int
    added: float
    mass: float


@dataclass(frozen=True, slots=True)
class Trend:
    """How an interest goes.

    Attributes:
        interest_id: The interest.
        at: The time it is as of, epoch ms.
        bucket: `day` or `week`.
        buckets: Oldest first.
        mass: The mass at `at`.
        momentum: Above 1 it rises, below 1 it fades; none where there is no mass.
        coverage: Part of the INTERACTED relationships that was read, items most about the interest first; 1 is all.
    """

    interest_id: str
    at: EpochMs
    bucket: Bucket
    buckets: tuple[TrendBucket, ...]
    mass: float
    momentum: float | None
    coverage: float


def read_trend(
    store: GraphStore,
    interest_id: str,
    *,
    settings: Settings,
    bucket: Bucket = "week",
    number: int = 12,
    at: EpochMs | None = None,
) -> Trend:
    """Read how an interest goes.

    Args:
        store: The graph.
        interest_id: The interest.
        settings: Half-lives, and how much may be read.
        bucket: Days or weeks.
        number: How many of them, the one of `at` the last.
        at: The time it is as of, epoch ms; now where none is given.

    Raises:
        NotFoundError: There is no such interest.
        InvalidInputError: There are too many buckets.
    """
    if not 1 <= number <= MAX_BUCKETS:
        raise InvalidInputError(
            "So many buckets are not given.", field="number", value=number, remedy=f"Use 1 to {MAX_BUCKETS}."
        )
    moment = now_ms() if at is None else at
    rows = store.read("interests/trend_items", id=interest_id, limit=_ITEMS)
    if not rows:
        raise NotFoundError("There is no such interest.", field="interest_id", value=interest_id)
    items, coverage = within(rows[0]["items"], rows[0]["edges"], settings.relations.trend_edges)
    ends = bucket_ends(moment, bucket, number)
    short_ms, long_ms = days_ms(settings.relations.trend_short_days), days_ms(settings.interests.half_life_days)
    found = store.read(
        "interests/trend",
        items=items,
        types=_types(settings),
        at=moment,
        start=ends[0],
        bucket_ms=_BUCKET_MS[bucket],
        short_ms=short_ms,
        long_ms=long_ms,
    )
    by_bucket = {row["bucket"]: row for row in found}
    buckets, long, short = [], 0.0, 0.0
    for place, end in enumerate(ends, start=-1):
        row = by_bucket.get(place, {"events": 0, "added": 0.0, "long": 0.0, "short": 0.0})
        if place >= 0:
            elapsed_ms = end - ends[place]
            long *= 2.0 ** (-elapsed_ms / long_ms)
            short *= 2.0 ** (-elapsed_ms / short_ms)
        long, short = long + row["long"], short + row["short"]
        if place >= 0:
            buckets.append(TrendBucket(ends[place], end, row["events"], row["added"], long))
    momentum = (short / short_ms) / (long / long_ms) if long > 0 and short >= 0 else None
    return Trend(interest_id, moment, bucket, tuple(buckets), long, momentum, coverage)


def bucket_ends(at: EpochMs, bucket: Bucket, number: int) -> list[EpochMs]:
    """Give the start of the first bucket, then the end of each; that of the last is the time asked for."""
    size = _BUCKET_MS[bucket]
    first = _MONDAY_MS if bucket == "week" else 0
    last_start = (at - first) // size * size + first
    return [last_start - place * size for place in range(number - 1, -1, -1)] + [at]


def within(items: Sequence[Sequence[Any]], edges: int, most: int) -> tuple[list[list[Any]], float]:
    """Choose items, those most about the interest first, with at most so many relationships in all.

    Args:
        items: Id, weight, number of relationships; those most about the interest first.
        edges: Number of relationships of all items, also of those that are not named here.
        most: Most relationships; one item is always taken.

    Returns:
        Id and weight of those chosen, and the part of the relationships that they have.
    """
    chosen: list[list[Any]] = []
    taken = 0
    for name, weight, number in items:
        if chosen and taken + number > most:
            break
        chosen.append([name, weight])
        taken += number
    return chosen, taken / edges if edges else 1.0


def _types(settings: Settings) -> dict[str, dict[str, float | None]]:
    """Give for each type that counts its half-life, and its strength where that is the same for all its events."""
    return {
        name: {
            "half_life_ms": days_ms(entry.half_life_days),
            "strength": None if _varies(name, entry) else float(entry.weight),
        }
        for name, entry in settings.events.types.items()
        if entry.weight
    }


def _varies(name: str, entry: Any) -> bool:
    scale = getattr(entry, "scale", None)
    return name in _VARIES if scale is None else scale != "constant"
