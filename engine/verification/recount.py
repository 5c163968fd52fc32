"""What a user's events say that the graph must have, counted without what wrote the graph.

The graph moves a stored weight with every batch of events. Here every strength is decayed by itself to the newest
event and all are added in one exact sum:

    value = Σ s_e · 2^-((T - t_e) / half-life),    T = max t_e

Along with it goes the sum of the magnitudes, which says how much rounding may be in the graph's number.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from engine.domain import EpochMs
from engine.interests.decay import days_ms
from engine.interests.search import search_words
from engine.interests.signals import strength
from engine.settings import Settings

RELATIVE: Final = 1e-9
"""Largest difference, by the sum of the magnitudes that were added."""
ABSOLUTE: Final = 1e-12
"""Largest difference in all: what adding and taking away again may leave."""

About = Mapping[str, tuple[EpochMs, Sequence[tuple[str, float]]]]
"""When what an item is about was last changed, and its interests with their weights, by item."""


Parts = list[tuple[EpochMs, float]]
"""Times and strengths."""

COLUMNS: Final = (
    "at",
    "type",
    "item_id",
    "query",
    "followed_id",
    "value",
    "received_at",
    "interests",
    "parts",
)


@dataclass(frozen=True, slots=True)
class Amount:
    """A decayed sum.

    Attributes:
        value: The sum as of `at`.
        gross: Sum of the magnitudes as of `at`.
        at: Time of the newest part, epoch ms.
        count: Number of parts.
    """

    value: float
    gross: float
    at: EpochMs
    count: int

    def equals(self, value: float, at: EpochMs, half_life_ms: float) -> bool:
        """Tell whether a stored value is this sum, both seen from the later of their times."""
        latest = max(self.at, at)
        fade = 2.0 ** ((self.at - latest) / half_life_ms)
        found = value * 2.0 ** ((at - latest) / half_life_ms)
        return bool(abs(found - self.value * fade) <= RELATIVE * self.gross * fade + ABSOLUTE)

    def as_of(self, at: EpochMs, half_life_ms: float) -> float:
        """Give the sum as of a time."""
        return float(self.value * 2.0 ** ((self.at - at) / half_life_ms))


@dataclass(slots=True)
class Interaction:
    """What INTERACTED must be.

    Attributes:
        count: Number of events.
        times: Their times, oldest first.
        last_at: Time of the newest; 0 where none is in the log.
        weight: Their sum; none where the type is no longer in the registry.
    """

    count: int
    times: list[EpochMs]
    last_at: EpochMs
    weight: Amount | None


@dataclass(slots=True)
class Expected:
    """What a user's events say.

    Attributes:
        interactions: By item and type.
        interests: Mass by interest.
        follows: Count and sum of the strengths of the events by which the user follows another, by that user.
        unsure: How far the mass of any interest may be off: the events that came before what their item is about was
            changed, and searches that do not tell what they moved.
        events: Number of events.
    """

    interactions: dict[tuple[str, str], Interaction] = field(default_factory=dict)
    interests: dict[str, Amount] = field(default_factory=dict)
    follows: dict[str, tuple[int, float]] = field(default_factory=dict)
    unsure: Amount | None = None
    events: int = 0


def total(parts: Sequence[tuple[EpochMs, float]], half_life_ms: float) -> Amount:
    """Add strengths up as of the newest.

    Args:
        parts: Time and strength of each, one at least.
        half_life_ms: Milliseconds until half is left.
    """
    newest = max(at for at, _ in parts)
    faded = [value * 2.0 ** ((at - newest) / half_life_ms) for at, value in parts]
    return Amount(math.fsum(faded), math.fsum(map(abs, faded)), newest, len(parts))


def add(amounts: Sequence[tuple[Amount, float]], half_life_ms: float) -> Amount:
    """Add amounts up, each times a factor."""
    newest = max(amount.at for amount, _ in amounts)
    fades = [factor * 2.0 ** ((amount.at - newest) / half_life_ms) for amount, factor in amounts]
    return Amount(
        math.fsum(amount.value * fade for (amount, _), fade in zip(amounts, fades, strict=True)),
        math.fsum(amount.gross * abs(fade) for (amount, _), fade in zip(amounts, fades, strict=True)),
        newest,
        sum(amount.count for amount, _ in amounts),
    )


def recount(events: Mapping[str, Sequence[Any]], about: About, settings: Settings) -> Expected:
    """Count a user's events.

    Args:
        events: Columns `at`, `type`, `item_id`, `query`, `followed_id` (empty for none), `value` (0 for none),
            `received_at`, and the `interests` that a search moved with the `parts` they got.
        about: What the items are about today.
        settings: Registry of types and half-lives.
    """
    by_pair: dict[tuple[str, str], Parts] = {}
    by_item: dict[str, Parts] = {}
    searched: dict[str, Parts] = {}
    follows: dict[str, list[float]] = {}
    unsure: Parts = []
    strengths = Strengths(settings)
    columns = [events[name] for name in COLUMNS]
    for at, kind, item_id, query, followed_id, value, received_at, interests, parts in zip(*columns, strict=True):
        signal = strengths.of(kind, value)
        if item_id:
            by_pair.setdefault((item_id, kind), []).append((at, signal))
            if signal:
                by_item.setdefault(item_id, []).append((at, signal))
                if received_at <= about.get(item_id, (0, ()))[0]:
                    unsure.append((at, signal))
        elif interests:
            for interest_id, part in zip(interests, parts, strict=True):
                if signal:
                    searched.setdefault(interest_id, []).append((at, signal * part))
        elif followed_id:
            follows.setdefault(followed_id, []).append(signal)
        elif query and signal and search_words(query):
            unsure.append((at, signal))
    half_life_ms = days_ms(settings.interests.half_life_days)
    return Expected(
        {key: _interaction(key[1], parts, settings) for key, parts in by_pair.items()},
        _interests(by_item, searched, about, half_life_ms),
        {followed_id: (len(signals), math.fsum(signals)) for followed_id, signals in follows.items()},
        total(unsure, half_life_ms) if unsure else None,
        len(events["at"]),
    )


class Strengths:
    """Strengths of events, each asked once where the value does not matter."""

    def __init__(self, settings: Settings) -> None:
        self._events = settings.events
        self._known: dict[tuple[str, float], float] = {}

    def of(self, kind: str, value: float) -> float:
        """Give the strength of an event; a type that left the registry has none."""
        key = (kind, value)
        if key not in self._known:
            self._known[key] = strength(kind, value, self._events) if kind in self._events.types else 0.0
        return self._known[key]


def _interaction(kind: str, parts: Sequence[tuple[EpochMs, float]], settings: Settings) -> Interaction:
    times = sorted(at for at, _ in parts)
    entry = settings.events.types.get(kind)
    weight = None if entry is None else total(parts, days_ms(entry.half_life_days))
    return Interaction(len(parts), times, times[-1], weight)


def _interests(
    by_item: Mapping[str, Parts], searched: Mapping[str, Parts], about: About, half_life_ms: float
) -> dict[str, Amount]:
    shared: dict[str, list[tuple[Amount, float]]] = {}
    for item_id, parts in by_item.items():
        amount = total(parts, half_life_ms)
        for interest_id, weight in about.get(item_id, (0, ()))[1]:
            shared.setdefault(interest_id, []).append((amount, weight))
    for interest_id, parts in searched.items():
        shared.setdefault(interest_id, []).append((total(parts, half_life_ms), 1.0))
    return {interest_id: add(amounts, half_life_ms) for interest_id, amounts in shared.items()}


def with_old_part(amount: Amount | None, value: Any, at: Any, count: Any, half_life_ms: float) -> Amount | None:
    """Add what pruned events gave, as a relationship keeps it."""
    if at is None:
        return amount
    old = Amount(float(value), abs(float(value)), int(at), int(count or 0))
    return old if amount is None else add([(amount, 1.0), (old, 1.0)], half_life_ms)


def items_of(events: Iterable[Mapping[str, Sequence[Any]]]) -> list[str]:
    """Name the items of several users' events."""
    return sorted({item_id for columns in events for item_id in columns["item_id"] if item_id})
