"""What one batch of events moves, summed up before it is sent to the graph."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from engine.domain import EpochMs, Event
from engine.interests import decay, signals
from engine.settings import Settings


@dataclass(slots=True)
class Interaction:
    """What a batch adds to one INTERACTED relationship.

    Attributes:
        times: Times of its events, oldest first.
        weight: Sum of their strengths as of `updated_at`, with the half-life of the type.
        updated_at: Time of the newest, epoch ms.
    """

    item_id: str
    event: str
    half_life_ms: float
    weight: float
    updated_at: EpochMs
    times: list[EpochMs]


@dataclass(slots=True)
class InterestMass:
    """What a batch adds to a user's interests by way of one item or one search.

    Attributes:
        mass: Sum of the strengths as of `updated_at`, with the half-life of interests; shared out by ABOUT.
        updated_at: Time of the newest, epoch ms.
        count: Events behind it.
    """

    mass: float
    updated_at: EpochMs
    count: int = 1


@dataclass(slots=True)
class Follow:
    """What a batch adds to one FOLLOWS relationship.

    Attributes:
        weight: Sum of the strengths; it does not fade.
        count: Events behind it.
    """

    weight: float
    count: int


@dataclass(slots=True)
class UserUpdate:
    """What a batch moves of one user.

    Attributes:
        events: Its events, in the order given.
        interactions: By item and type.
        items: Mass for the interests of an item, by item.
        searches: Mass for the interests that the words of a search name, by query.
        follows: By the user who is followed.
    """

    user_id: str
    events: list[Event] = field(default_factory=list)
    interactions: dict[tuple[str, str], Interaction] = field(default_factory=dict)
    items: dict[str, InterestMass] = field(default_factory=dict)
    searches: dict[str, InterestMass] = field(default_factory=dict)
    follows: dict[str, Follow] = field(default_factory=dict)


def summarise(events: Iterable[Event], settings: Settings) -> list[UserUpdate]:
    """Sum a batch up by user, item, type and interest. Events of strength 0 move no interest.

    Args:
        events: Validated events, each to be counted once.
        settings: Registry of types and half-lives.

    Returns:
        One update a user, sorted by user id.
    """
    interest_half_life_ms = decay.days_ms(settings.interests.half_life_days)
    half_lives = {name: decay.days_ms(entry.half_life_days) for name, entry in settings.events.types.items()}
    # Most types count the same every time; only the others need their value looked at.
    constant = {name: entry.weight for name, entry in settings.events.types.items() if entry.scale == "constant"}
    updates: dict[str, UserUpdate] = {}
    for event in events:
        update = updates.get(event.user_id)
        if update is None:
            update = updates[event.user_id] = UserUpdate(event.user_id)
        update.events.append(event)
        strength = constant.get(event.type)
        if strength is None:
            strength = signals.strength(event.type, event.value, settings.events)
        if event.item_id is not None:
            _add_interaction(update, event, event.item_id, strength, half_lives[event.type])
            if strength:
                _add_mass(update.items, event.item_id, strength, event.at, interest_half_life_ms)
        elif event.followed_id is not None:
            known = update.follows.setdefault(event.followed_id, Follow(0.0, 0))
            known.weight += strength
            known.count += 1
        elif event.query is not None and strength:
            _add_mass(update.searches, event.query, strength, event.at, interest_half_life_ms)
    for update in updates.values():
        for interaction in update.interactions.values():
            interaction.times.sort()
    return [updates[user_id] for user_id in sorted(updates)]


def _add_interaction(update: UserUpdate, event: Event, item_id: str, strength: float, half_life_ms: float) -> None:
    key = (item_id, event.type)
    known = update.interactions.get(key)
    if known is None:
        update.interactions[key] = Interaction(item_id, event.type, half_life_ms, strength, event.at, [event.at])
        return
    known.weight, known.updated_at = decay.merge(known.weight, known.updated_at, strength, event.at, half_life_ms)
    known.times.append(event.at)


def _add_mass(masses: dict[str, InterestMass], key: str, strength: float, at: EpochMs, half_life_ms: float) -> None:
    known = masses.get(key)
    if known is None:
        masses[key] = InterestMass(strength, at)
        return
    known.mass, known.updated_at = decay.merge(known.mass, known.updated_at, strength, at, half_life_ms)
    known.count += 1
