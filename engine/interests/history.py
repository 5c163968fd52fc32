"""What a list of events makes of a user's interests: the rule of movement in plain Python, without a graph.

An event of strength s on an item that is about interest x with weight a gives s · a to x. An event that names
interests itself (a search) gives s · part. With T the time of the newest event that gave x something and h the
half-life of interests,

    mass_x  = Σ s · a · 2^-((T - at) / h)      over all events
    weight  = max(0, mass_x)
    share_x = weight_x / Σ_y weight_y          all as of one time

The graph gets the same sum event by event (`engine.interests.decay.merge`, `cypher/events/write.cypher`); here it is
made at once, so that one checks the other.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from engine.domain import EpochMs, Event
from engine.interests.decay import days_ms
from engine.interests.signals import strength
from engine.settings import Settings

About = Mapping[str, Sequence[tuple[str, float]]]
"""Interests with weights, by item."""


@dataclass(frozen=True, slots=True)
class PastEvent:
    """An event as far as interests are concerned.

    Attributes:
        direct: Interests that it names itself, with parts.
    """

    type: str
    item_id: str | None
    at: EpochMs
    value: float | None = None
    direct: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class InterestState:
    """What behaviour has made of one interest.

    Attributes:
        mass: Signed sum, as of `updated_at`.
        count: Events behind it; those of strength 0 do not count.
        updated_at: Time of the newest of them, epoch ms.
    """

    mass: float
    count: int
    updated_at: EpochMs

    @property
    def weight(self) -> float:
        """Give the mass where it is positive, else 0."""
        return max(0.0, self.mass)


def interests_at(
    events: Iterable[Event | PastEvent], about: About, settings: Settings, at: EpochMs | None = None
) -> dict[str, InterestState]:
    """Give the state of each interest that events up to a time make.

    Args:
        events: Events of one user, each once, in any order.
        about: What items are about; an item that is not there gives nothing.
        settings: Registry of types, half-life of interests.
        at: Leave out what is later; none leaves out nothing.
    """
    given: dict[str, list[tuple[float, EpochMs]]] = {}
    for event in events:
        if at is not None and event.at > at:
            continue
        for interest_id, part in gifts(event, about, settings):
            given.setdefault(interest_id, []).append((part, event.at))
    half_life_ms = days_ms(settings.interests.half_life_days)
    states = {}
    for interest_id, parts in given.items():
        newest = max(time for _, time in parts)
        mass = math.fsum(part * 2.0 ** ((time - newest) / half_life_ms) for part, time in parts)
        states[interest_id] = InterestState(mass, len(parts), newest)
    return states


def gifts(event: Event | PastEvent, about: About, settings: Settings) -> list[tuple[str, float]]:
    """Give what one event gives to each interest; nothing where its strength is 0 or the registry lost its type."""
    if event.type not in settings.events.types:
        return []
    direct = event.direct if isinstance(event, PastEvent) else ()
    signal = strength(event.type, event.value, settings.events)
    if signal == 0.0:
        return []
    on_item = about.get(event.item_id, ()) if event.item_id is not None else ()
    return [(interest_id, signal * part) for interest_id, part in (*on_item, *direct)]


def interest_mass(states: Mapping[str, InterestState], at: EpochMs, settings: Settings) -> float:
    """Give the sum of the weights as of a time: how much behaviour says of the user."""
    half_life_ms = days_ms(settings.interests.half_life_days)
    return math.fsum(state.weight * 2.0 ** ((state.updated_at - at) / half_life_ms) for state in states.values())


def shares(states: Mapping[str, InterestState], settings: Settings) -> dict[str, float]:
    """Give each interest's share of the sum; the same at every time, since all fade alike. All 0 where the sum is."""
    if not states:
        return {}
    newest = max(state.updated_at for state in states.values())
    total = interest_mass(states, newest, settings)
    half_life_ms = days_ms(settings.interests.half_life_days)
    return {
        interest_id: state.weight * 2.0 ** ((state.updated_at - newest) / half_life_ms) / total if total > 0 else 0.0
        for interest_id, state in states.items()
    }
