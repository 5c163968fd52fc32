"""What the users near a user took lately, as candidates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from engine.domain import EpochMs
from engine.graph.store import GraphStore
from engine.interests.decay import days_ms, value_at
from engine.interests.signals import sequence_types, strength
from engine.settings import Settings
from engine.social.neighbours import neighbours

_NAMED: Final = 3


@dataclass(frozen=True, slots=True)
class NeighbourItem:
    """An item of the users near one.

    Attributes:
        item_id: The item.
        weight: Σ over neighbours v of weight_v · m_v / (1 + m_v), with m_v the decayed strengths of v's latest events
            on the item; neighbours whose strengths sum to nothing or less are left out.
        by: Neighbour and its part of the weight, strongest first, at most three.
    """

    item_id: str
    weight: float
    by: tuple[tuple[str, float], ...]


def neighbours_items(
    store: GraphStore,
    user_id: str,
    *,
    settings: Settings,
    at: EpochMs,
    depth: int = 1,
    limit: int | None = None,
    bookmarks: Sequence[str] | None = None,
) -> list[NeighbourItem]:
    """Give the items of the users near one, strongest first.

    Args:
        store: The graph.
        user_id: The user.
        settings: Bounds, and worth and half-life of events.
        at: The time at which strengths are read, epoch ms.
        depth: Most steps from user to user.
        limit: Most items given.
        bookmarks: Read not before these transactions.
    """
    options = settings.social
    near = neighbours(store, user_id, settings=settings, depth=depth, limit=options.max_neighbours, bookmarks=bookmarks)
    if not near:
        return []
    weights = {neighbour.id: neighbour.weight for neighbour in near}
    rows = store.read(
        "social/latest_items",
        ids=list(weights),
        types=list(sequence_types(settings.events)),
        limit=options.events_per_neighbour,
        bookmarks=bookmarks,
    )
    parts: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for row in rows:
        for item_id, mass in _masses(row["events"], at, settings).items():
            if mass > 0:
                parts[item_id].append((row["id"], weights[row["id"]] * mass / (1.0 + mass)))
    found = [
        NeighbourItem(
            item_id,
            sum(part for _, part in of_item),
            tuple(sorted(of_item, key=lambda pair: (-pair[1], pair[0]))[:_NAMED]),
        )
        for item_id, of_item in parts.items()
    ]
    return sorted(found, key=lambda item: (-item.weight, item.item_id))[:limit]


def _masses(
    events: Sequence[tuple[str, str, EpochMs, float | None]], at: EpochMs, settings: Settings
) -> dict[str, float]:
    """Give the decayed strengths of one user's events, by item."""
    masses: dict[str, float] = defaultdict(float)
    for item_id, event_type, happened, value in events:
        half_life_ms = days_ms(settings.events.types[event_type].half_life_days)
        worth = strength(event_type, value, settings.events)
        masses[item_id] += value_at(worth, happened, max(at, happened), half_life_ms)
    return masses
