"""What is known of one user at the moment of a request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.domain import EpochMs, HistoryEntry, InterestSource
from engine.errors import DatabaseUnavailableError
from engine.graph.store import GraphStore
from engine.interests.decay import days_ms
from engine.interests.signals import sequence_types
from engine.ranking.feedback import Shown, feedback_parameters
from engine.ranking.state import Snapshot
from engine.settings import Settings
from engine.social.items import NeighbourItem


@dataclass(frozen=True, slots=True)
class UserState:
    """A user as the graph has them, read in one statement.

    Attributes:
        user_id: The user.
        known: Whether the graph has this user.
        history: Latest steps of the sequence, newest first.
        shares: Share of each interest; they sum to 1.
        seen: Items that the user has dealt with; empty where they were not asked for.
        disliked: Items whose signals sum to less than nothing.
        hidden: Items that the user does not want to see for now.
        shown: Items passed by, with what that counts for.
        neighbours: What similar and followed users took; empty where it was not asked for.
        attributes: Those of the attributes that newcomers are ranked by; empty where they were not asked for.
    """

    user_id: str
    known: bool
    history: Sequence[HistoryEntry] = ()
    shares: Sequence[tuple[str, float]] = ()
    seen: Sequence[str] = ()
    disliked: Sequence[str] = ()
    hidden: Sequence[str] = ()
    shown: Sequence[tuple[str, Shown]] = ()
    neighbours: Sequence[NeighbourItem] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a history that the snapshot knows.

    Attributes:
        index: Index of the item.
        type: Type of the event.
        at: When, epoch ms.
    """

    index: int
    type: str
    at: EpochMs


@dataclass(frozen=True, slots=True)
class Profile:
    """A user in the indices of one snapshot.

    Attributes:
        known: Whether the graph has this user.
        steps: History, newest first; items that are not in the snapshot are left out.
        shares: Interest index and share.
        seen: Indices of items dealt with.
        disliked: Indices of items disliked.
        hidden: Indices of items hidden.
        shown: Index of each item passed by, with what that counts for.
        neighbours: Index of each item of similar and followed users, with its weight and whose it is.
        groups: Places of the user's values among the snapshot's demographics.
    """

    known: bool
    steps: tuple[Step, ...]
    shares: tuple[tuple[int, float], ...]
    seen: tuple[int, ...] = ()
    disliked: tuple[int, ...] = ()
    hidden: tuple[int, ...] = ()
    shown: tuple[tuple[int, Shown], ...] = ()
    neighbours: tuple[tuple[int, NeighbourItem], ...] = ()
    groups: tuple[int, ...] = ()

    @property
    def newcomer(self) -> bool:
        """Whether there is no step to go by."""
        return not self.steps


def read_user(
    store: GraphStore,
    user_id: str,
    *,
    settings: Settings,
    at: EpochMs,
    with_seen: bool,
    bookmarks: Sequence[str] | None = None,
) -> UserState:
    """Read history, interests, feedback and seen items of a user in one round trip.

    Args:
        store: The graph.
        user_id: The user.
        settings: Types of steps, half-life of interests, length of the history.
        at: The time at which interests are read, epoch ms.
        with_seen: Whether to read the items dealt with.
        bookmarks: Read not before these transactions.
    """
    parameters: dict[str, Any] = {
        "user_id": user_id,
        "types": list(sequence_types(settings.events)),
        "limit": settings.model.max_history,
        "scan": settings.ranking.history_scan,
        "at": at,
        "half_life_ms": days_ms(settings.interests.half_life_days),
        "with_seen": with_seen,
        **feedback_parameters(settings, at),
    }
    timeout_s = settings.neo4j.timeout_s
    try:
        [row] = store.stream("ranking/user", bookmarks=bookmarks, timeout_s=timeout_s, **parameters)
    except DatabaseUnavailableError:
        # A connection of the pool may have been cut; a managed read opens others and tries again.
        [row] = store.read("ranking/user", bookmarks=bookmarks, timeout_s=timeout_s, **parameters)
    return UserState(
        user_id=user_id,
        known=row["known"],
        history=[HistoryEntry(*step) for step in row["history"]],
        shares=shares_of(row["interests"]),
        seen=row["seen"],
        disliked=row["disliked"],
        hidden=row["hidden"],
        shown=[(name, Shown(mass, count, first_at)) for name, mass, count, first_at in row["shown"]],
    )


def read_attributes(
    store: GraphStore, user_id: str, names: Sequence[str], *, bookmarks: Sequence[str] | None = None
) -> dict[str, Any]:
    """Read some attributes of a user; those that the user has not are left out."""
    rows = store.read("ranking/attributes", bookmarks=bookmarks, user_id=user_id, names=list(names))
    return {name: value for row in rows for name, value in row["attributes"]}


def shares_of(interests: Iterable[tuple[str, str, float]]) -> list[tuple[str, float]]:
    """Give the share of each interest, strongest first, as `engine.interests.read.share_out` makes it.

    Args:
        interests: Id, source and value as of one time; what the model inferred has no part in the share.
    """
    values: dict[str, float] = {}
    for name, source, value in interests:
        if value > 0 and source != InterestSource.MODEL:
            values[name] = values.get(name, 0.0) + value
    total = sum(values.values())
    if total <= 0:
        return []
    return sorted(((name, value / total) for name, value in values.items()), key=lambda pair: (-pair[1], pair[0]))


def profile_in(snapshot: Snapshot, user: UserState) -> Profile:
    """Give a user in the indices of a snapshot."""
    index = snapshot.catalogue.index
    interest_index = snapshot.interests.index
    return Profile(
        known=user.known,
        steps=tuple(Step(index[step.item_id], step.type, step.at) for step in user.history if step.item_id in index),
        shares=tuple((interest_index[name], share) for name, share in user.shares if name in interest_index),
        seen=_indices(index, user.seen),
        disliked=_indices(index, user.disliked),
        hidden=_indices(index, user.hidden),
        shown=tuple((index[name], shown) for name, shown in user.shown if name in index),
        neighbours=tuple((index[item.item_id], item) for item in user.neighbours if item.item_id in index),
        groups=tuple(snapshot.demographics.values.places(user.attributes)),
    )


def _indices(index: Mapping[str, int], ids: Iterable[str]) -> tuple[int, ...]:
    return tuple(index[name] for name in ids if name in index)
