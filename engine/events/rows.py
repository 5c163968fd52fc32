"""A batch of events as parameters of the statements that write it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from engine.domain import EpochMs, Event
from engine.interests.decay import merge
from engine.interests.update import UserUpdate

AboutItems = Mapping[str, Sequence[tuple[str, float]]]
"""Interests with weights, by item."""


@dataclass(frozen=True, slots=True)
class BatchRows:
    """What one batch knows of its events.

    Attributes:
        digest_of: Digest of each event, by id.
        folded_later: Types that wait for the fold.
        about: Interests with weights that items are about, by item.
        named: Interests with parts that the words of searches name, by query.
        now: Present time, epoch ms.
    """

    digest_of: Mapping[str, int]
    folded_later: AbstractSet[str]
    about: AboutItems
    named: AboutItems
    now: EpochMs
    interest_half_life_ms: float

    def user(self, update: UserUpdate) -> dict[str, Any]:
        """Give one user's part of the batch, as `events/write` takes it."""
        interests = self._interests(update)
        unfolded: list[list[Any]] = []
        folded: list[list[Any]] = []
        for event in update.events:
            waits = event.type in self.folded_later and event.item_id is not None
            (unfolded if waits else folded).append(self._event(event))
        return {
            "id": update.user_id,
            "unfolded": unfolded,
            "folded": folded,
            "interactions": [
                [move.item_id, move.event, len(move.times), move.times, move.weight, move.updated_at, move.half_life_ms]
                for move in update.interactions.values()
            ],
            "interests": interests,
            "newest": max((move[1] for move in interests.values()), default=None),
        }

    def first_interests(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Give the interests of a user who has none, as `interests/first` takes them."""
        newest, total = row["newest"], None
        if newest is not None:
            total = sum(
                max(0.0, mass) * 2.0 ** ((at - newest) / self.interest_half_life_ms)
                for mass, at, _ in row["interests"].values()
            )
        interests = [[interest_id, *move] for interest_id, move in row["interests"].items()]
        return {"id": row["id"], "interests": interests, "mass": total, "at": newest}

    def _event(self, event: Event) -> list[Any]:
        """Give the properties of an event node, in the order that `events/write` and `events/create` take them.

        A list: the names would be most of what is packed, sent and looked up.
        """
        # Which interests the words name changes with the interests; what was moved is kept.
        named = None if event.query is None else self.named.get(event.query)
        return [
            event.id,
            event.type,
            event.user_id,
            event.item_id,
            event.at,
            event.value,
            event.query,
            event.recommendation_id,
            self.digest_of[event.id],
            event.followed_id,
            event.context,
            None if named is None else [name for name, _ in named],
            None if named is None else [part for _, part in named],
        ]

    def _interests(self, update: UserUpdate) -> dict[str, tuple[float, EpochMs, int]]:
        """Share what items and searches give out to interests: mass, time of the newest, events; sorted by id."""
        sums: dict[str, tuple[float, EpochMs, int]] = {}
        for moves, shares in ((update.items, self.about), (update.searches, self.named)):
            for name, move in moves.items():
                mass, at, count = move.mass, move.updated_at, move.count
                for interest_id, part in shares.get(name, ()):
                    known = sums.get(interest_id)
                    if known is None:
                        sums[interest_id] = (mass * part, at, count)
                    else:
                        merged = merge(known[0], known[1], mass * part, at, self.interest_half_life_ms)
                        sums[interest_id] = (*merged, known[2] + count)
        return dict(sorted(sums.items()))


def follow_rows(updates: Sequence[UserUpdate]) -> list[dict[str, Any]]:
    """Give who follows whom, as `events/follow` takes it, sorted."""
    return [
        {"source": update.user_id, "target": target, "weight": move.weight, "count": move.count}
        for update in updates
        for target, move in sorted(update.follows.items())
    ]
