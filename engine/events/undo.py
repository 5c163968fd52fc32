"""One event out of the graph, as if it had never come.

What an event added is a term of a sum, so taking it out is a subtraction: with s its strength, a its time, h the
half-life and u the time at which a weight stands,

    w' = w - s · 2^-((u - a) / h)

Where the event was the newest, the sum has to stand at the newest of the others. Going back in time would blow rounding
errors up, so the sum is made again from the log there. That is done only if the log, this event included, gives
what is stored; where it does not (old events were pruned, an item is about something else by now, half-lives were
changed), the difference is taken with today's half-lives and moved back.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from engine.cooccurrence.withdraw import withdraw
from engine.domain import EpochMs, now_ms
from engine.errors import NotFoundError
from engine.events.log import Log, LoggedEvent, read_log
from engine.events.token import FreshnessToken, encode_token
from engine.graph.store import GraphStore, Tx
from engine.interests.decay import days_ms
from engine.interests.history import gifts
from engine.interests.signals import strength
from engine.settings import Settings

_AGREES = 1e-6
"""Relative difference up to which the log and the graph say the same."""

_MOST_HALVINGS = 40.0
"""A weight that stood longer than this is not moved back: 2^40 times its rounding error would be no weight."""

_NO_LOG = Log((), False, {})


@dataclass(frozen=True, slots=True)
class DeletedEvent:
    """An event that was taken out.

    Attributes:
        at: Its time, epoch ms.
        bookmarks: Bookmarks of the transaction.
    """

    event_id: str
    user_id: str
    at: EpochMs
    bookmarks: tuple[str, ...]

    @property
    def token(self) -> str:
        """Give the freshness token of the graph without the event."""
        return encode_token(FreshnessToken(self.bookmarks, self.at))


@dataclass(frozen=True, slots=True)
class Sum:
    """A decayed sum as the graph keeps it."""

    weight: float
    count: int
    updated_at: EpochMs


def delete_event(store: GraphStore, event_id: str, *, settings: Settings) -> DeletedEvent:
    """Take an event out, with everything that it moved.

    INTERACTED, INTERESTED_IN, the user's sum, FOLLOWS, CO_OCCURS and popularity are afterwards what they would be
    without it (to 1e-9), and the id is free: the same event sent again is a new one. Nothing tells its sender.

    Args:
        store: The graph.
        event_id: Its id.
        settings: Registry of types and half-lives.

    Raises:
        NotFoundError: There is no such event.
    """
    event = store.write_transaction(lambda tx: _delete(tx, event_id, settings))
    if event is None:
        raise NotFoundError("There is no such event.", field="event_id", value=event_id)
    return DeletedEvent(event_id, event["user_id"], event["at"], store.last_bookmarks())


def _delete(tx: Tx, event_id: str, settings: Settings) -> dict[str, Any] | None:
    found = tx.run("events/find_locked", id=event_id)
    if not found:
        return None
    event: dict[str, Any] = found[0]["event"]
    now = now_ms()
    if event["item_id"] is not None:
        withdraw(tx, settings, [event])
    if event["followed_id"] is not None:
        weight = _strength(event, settings)
        tx.run("events/unfollow", source=event["user_id"], target=event["followed_id"], weight=weight, now=now)
    else:
        _undo(tx, event, settings, now)
    tx.run("events/delete", ids=[event_id])
    return event


def _undo(tx: Tx, event: dict[str, Any], settings: Settings, now: EpochMs) -> None:
    """Take an event on an item, or a search, out of INTERACTED and INTERESTED_IN."""
    direct = dict(zip(event["interests"] or (), event["parts"] or (), strict=True))
    own = LoggedEvent(event["type"], event["item_id"], event["at"], event["value"], tuple(direct.items()), event["id"])
    user_id = event["user_id"]
    [moved] = tx.run("events/moved", user_id=user_id, item_id=own.item_id, type=own.type, direct=list(direct))
    about = {own.item_id: [(name, weight) for name, weight in moved["about"]]} if own.item_id is not None else {}
    given = dict(gifts(own, about, settings))
    log = _NO_LOG
    if _needs_log(own, moved, given, settings):
        log = read_log(tx, user_id, until=_FOREVER, limit=settings.interests.past_events_max)
    half_life_ms = days_ms(settings.interests.half_life_days)
    interests, gone = [], []
    for row in moved["interests"]:
        if row["id"] not in given:
            continue
        others = [
            (part, other.at)
            for other in log.events
            if other.id != own.id
            for name, part in gifts(other, log.about, settings)
            if name == row["id"]
        ]
        # Graphs of before the count have none; what the log says is all there is then.
        stored = Sum(row["mass"], row["count"] or len(others) + 1, row["updated_at"])
        left = without(stored, given[row["id"]], own.at, others, half_life_ms)
        if left is None:
            gone.append(row["id"])
        else:
            interests.append({"id": row["id"], "mass": left.weight, "count": left.count, "updated_at": left.updated_at})
    tx.run(
        "events/undo",
        user_id=user_id,
        item_id=own.item_id,
        type=own.type,
        interaction=_interaction(own, moved["interaction"], log, settings) if moved["interaction"] else None,
        interests=interests,
        gone=gone,
        half_life_ms=half_life_ms,
        now=now,
    )


def _needs_log(own: LoggedEvent, moved: dict[str, Any], given: dict[str, float], settings: Settings) -> bool:
    """Tell whether other events have to be looked at: this one is the newest, or an old time comes back into a list."""
    interaction = moved["interaction"]
    if interaction is not None and interaction["count"] > 1:
        newest = own.at >= interaction["updated_at"]
        if newest or interaction["count"] > settings.events.times_kept:
            return True
    return any(own.at >= row["updated_at"] for row in moved["interests"] if row["id"] in given)


def _interaction(own: LoggedEvent, stored: dict[str, Any], log: Log, settings: Settings) -> dict[str, Any] | None:
    """Give what is left of an INTERACTED relationship."""
    same = [
        other for other in log.events if other.id != own.id and other.item_id == own.item_id and other.type == own.type
    ]
    entry = settings.events.types.get(own.type)
    left = without(
        Sum(stored["weight"], stored["count"], stored["updated_at"]),
        _strength_of(own, settings),
        own.at,
        [(_strength_of(other, settings), other.at) for other in same],
        # A type that left the registry moved what it moved; only its count and times can be taken back.
        days_ms(entry.half_life_days) if entry is not None else float("inf"),
    )
    if left is None:
        return None
    kept = settings.events.times_kept
    times = _without_one(stored["times"], own.at)
    if len(times) < min(kept, left.count):
        known = sorted(other.at for other in same)
        times = known[-kept:] if len(known) >= len(times) else times
    return {
        "count": left.count,
        "times": times,
        "last_at": left.updated_at,
        "weight": left.weight,
        "updated_at": left.updated_at,
    }


def without(
    stored: Sum, signal: float, at: EpochMs, others: Sequence[tuple[float, EpochMs]], half_life_ms: float
) -> Sum | None:
    """Give a decayed sum without one of its terms; none where it was the only one.

    Args:
        stored: The sum.
        signal: Strength of the term.
        at: Its time, epoch ms.
        others: What the log says of the other terms: strengths and times; needed where the term is the newest.
        half_life_ms: Milliseconds until half is left.
    """
    if stored.count <= 1:
        return None
    count = stored.count - 1
    if at < stored.updated_at:
        left = stored.weight - signal * 2.0 ** ((at - stored.updated_at) / half_life_ms)
        return Sum(left, count, stored.updated_at)
    newest = max((time for _, time in others), default=at)
    if len(others) == count:
        told = _sum(others, at, half_life_ms) + signal
        if abs(told - stored.weight) <= _AGREES * max(1.0, abs(told)):
            return Sum(_sum(others, newest, half_life_ms), count, newest)
    halvings = (at - newest) / half_life_ms
    if not 0 <= halvings <= _MOST_HALVINGS:
        newest, halvings = stored.updated_at, 0.0
    return Sum((stored.weight - signal) * 2.0**halvings, count, newest)


def _sum(terms: Iterable[tuple[float, EpochMs]], at: EpochMs, half_life_ms: float) -> float:
    return math.fsum(signal * 2.0 ** ((time - at) / half_life_ms) for signal, time in terms)


def _without_one(times: Sequence[EpochMs], at: EpochMs) -> list[EpochMs]:
    left = list(times)
    if at in left:
        left.remove(at)
    return left


def _strength(event: dict[str, Any], settings: Settings) -> float:
    known = event["type"] in settings.events.types
    return strength(event["type"], event["value"], settings.events) if known else 0.0


def _strength_of(event: LoggedEvent, settings: Settings) -> float:
    return strength(event.type, event.value, settings.events) if event.type in settings.events.types else 0.0


_FOREVER: EpochMs = 2**62
