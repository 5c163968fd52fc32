"""A user's events as the log has them, for counting again."""

from __future__ import annotations

from dataclasses import dataclass

from engine.domain import EpochMs
from engine.graph.store import Tx
from engine.interests.history import PastEvent


@dataclass(frozen=True, slots=True)
class LoggedEvent(PastEvent):
    """An event of the log.

    Attributes:
        id: Its id.
    """

    id: str = ""


@dataclass(frozen=True, slots=True)
class Log:
    """Latest events of a user.

    Attributes:
        events: Newest first; of equal times the larger id first.
        complete: Whether these are all that the log has up to the time asked for.
        about: What their items are about today: interests with weights, by item.
    """

    events: tuple[LoggedEvent, ...]
    complete: bool
    about: dict[str, list[tuple[str, float]]]


def read_log(tx: Tx, user_id: str, *, until: EpochMs, limit: int) -> Log:
    """Read a user's latest events up to a time, with what their items are about.

    Args:
        tx: The transaction.
        user_id: The user.
        until: No later events, epoch ms.
        limit: Most events.
    """
    [found] = tx.run("events/log_of_user", user_id=user_id, until=until, limit=limit + 1)
    events = tuple(
        LoggedEvent(
            type=event_type,
            item_id=item_id,
            at=at,
            value=value,
            direct=tuple(zip(interests or (), parts or (), strict=True)),
            id=event_id,
        )
        for event_id, event_type, item_id, at, value, interests, parts in found["events"][:limit]
    )
    items = sorted({event.item_id for event in events if event.item_id is not None})
    about = {
        row["id"]: [(name, weight) for name, weight in row["about"]]
        for row in (tx.run("interests/about", ids=items) if items else ())
    }
    return Log(events, len(found["events"]) <= limit, about)
