"""A user's profile: interests and patterns of behaviour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.domain import EpochMs, now_ms
from engine.errors import InvalidInputError
from engine.graph.store import GraphStore
from engine.interests import measures
from engine.interests.read import UserInterest, read_interests
from engine.interests.signals import sequence_types
from engine.settings import Settings

MOST_MOVED = 10
"""Interests named among those that moved most."""


@dataclass(frozen=True, slots=True)
class Moved:
    """How the share of an interest changed.

    Attributes:
        id: The interest.
        before: Its share then.
        after: Its share now.
    """

    id: str
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Drift:
    """How interests moved since a time.

    Attributes:
        since: That time, epoch ms.
        distance: Jensen-Shannon distance of the shares then and now, between 0 and 1; none where there are none.
        moved: Interests whose share changed most.
    """

    since: EpochMs
    distance: float | None
    moved: tuple[Moved, ...]


@dataclass(frozen=True, slots=True)
class UserProfile:
    """A user's interests and patterns; what cannot be known is none.

    Attributes:
        user_id: The user.
        known: Whether the graph has this user.
        at: The time it is as of, epoch ms.
        events: Latest events that it is made of; only steps of the sequence count.
        first_at: Time of the first of them.
        last_at: Time of the last of them.
        rhythm: When the user acts.
        breadth: How widely interests spread.
        novelty: Share of the latest events that were the first on their item.
        loyalty: How much the user keeps to one brand.
        price: Prices of the items taken.
        value: Values of these events, for example quantities.
        drift: How interests moved since the time asked for.
    """

    user_id: str
    known: bool
    at: EpochMs
    events: int
    first_at: EpochMs | None
    last_at: EpochMs | None
    rhythm: measures.Rhythm
    breadth: measures.Breadth | None
    novelty: float | None
    loyalty: measures.Loyalty | None
    price: measures.Level | None
    value: measures.Level | None
    drift: Drift | None


def read_profile(
    store: GraphStore,
    user_id: str,
    *,
    settings: Settings,
    at: EpochMs | None = None,
    offset_minutes: int = 0,
    since: EpochMs | None = None,
    bookmarks: Sequence[str] | None = None,
) -> UserProfile:
    """Read a user's profile.

    Args:
        store: The graph.
        user_id: The user.
        settings: Bounds, and which attribute is a price.
        at: The time it is as of, epoch ms; now where none is given. Later events do not count.
        offset_minutes: Minutes east of UTC in which hours and weekdays are told.
        since: Time from which the drift of interests is told; none tells none.
        bookmarks: Read not before these transactions.

    Raises:
        InvalidInputError: `since` is not before `at`.
    """
    options = settings.profile
    moment = now_ms() if at is None else at
    if since is not None and since >= moment:
        raise InvalidInputError(
            "Drift is told from an earlier time on.", field="since", value=since, remedy="Give a time before `at`."
        )
    types = list(sequence_types(settings.events))
    rows = store.read(
        "profile/events", user_id=user_id, types=types, at=moment, limit=options.max_events, bookmarks=bookmarks
    )
    recent = [row["item_id"] for row in rows if row["item_id"] is not None][: options.recent_events]
    paid = [row for row in rows if row["type"] in options.price_types]
    named = sorted({*recent, *(row["item_id"] for row in paid if row["item_id"] is not None)})
    items = {
        row["id"]: row
        for row in store.read(
            "profile/items",
            user_id=user_id,
            ids=named,
            types=types,
            at=moment,
            price=options.price_attribute,
            bookmarks=bookmarks,
        )
    }
    counts = {name: row["count"] for name, row in items.items()}
    # What the model infers is left out: it knows the present only, and no drift could be told from it.
    found = read_interests(store, user_id, settings=settings, at=at, model=False, bookmarks=bookmarks)
    earlier: Sequence[UserInterest] = ()
    if since is not None:
        earlier = read_interests(
            store, user_id, settings=settings, at=since, model=False, bookmarks=bookmarks
        ).interests
    brands = {interest.id: interest.behaviour for interest in found.interests if interest.kind == options.brand_kind}
    prices = (items[row["item_id"]]["price"] for row in paid if row["item_id"] in items)
    return UserProfile(
        user_id=user_id,
        known=found.known,
        at=moment,
        events=len(rows),
        first_at=rows[-1]["at"] if rows else None,
        last_at=rows[0]["at"] if rows else None,
        rhythm=measures.rhythm((row["at"] for row in rows), offset_minutes=offset_minutes),
        breadth=measures.breadth(interest.share for interest in found.interests),
        novelty=measures.novelty(recent, counts),
        loyalty=measures.loyalty(brands),
        price=measures.level(float(price) for price in prices if _is_number(price)),
        value=measures.level(row["value"] for row in paid if row["value"] is not None),
        drift=None if since is None else _drift(since, earlier, found.interests),
    )


def _drift(since: EpochMs, before: Sequence[UserInterest], after: Sequence[UserInterest]) -> Drift:
    then = {interest.id: interest.share for interest in before if interest.share > 0}
    now = {interest.id: interest.share for interest in after if interest.share > 0}
    moved = sorted(
        (Moved(name, then.get(name, 0.0), now.get(name, 0.0)) for name in {**then, **now}),
        key=lambda entry: (-abs(entry.after - entry.before), entry.id),
    )
    return Drift(since, measures.drift(then, now), tuple(moved[:MOST_MOVED]))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
