"""A batch of events as parameters of the statements that write it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from engine.domain import Event
from engine.interests.decay import merge
from engine.interests.update import UserUpdate

AboutItems = Mapping[str, Sequence[tuple[str, float]]]
"""Interests with weights, by item."""

Node = int
"""Where the server keeps a node: known and used in one transaction only, the id names it everywhere else."""

Shares = Mapping[str, Sequence[tuple[Node, float]]]
"""Nodes of interests with weights, by item or query."""


@dataclass(frozen=True, slots=True)
class BatchRows:
    """What one batch knows of its events.

    Attributes:
        folded_later: Types that wait for the fold.
        items: Nodes of the items.
        about: Interests with weights that items are about, by item.
        named: Interests with parts that the words of searches name, by query.
        names: The same with the ids of the interests.
        interest_half_life_ms: Half-life of interests.
    """

    folded_later: AbstractSet[str]
    items: Mapping[str, Node]
    about: Shares
    named: Shares
    names: AboutItems
    interest_half_life_ms: float

    def user(self, update: UserUpdate) -> dict[str, Any]:
        """Give one user's part of the batch, as `events/write` takes it."""
        interests = self._interests(update)
        unfolded: list[list[Any]] = []
        folded: list[list[Any]] = []
        for event in update.events:
            waits = event.type in self.folded_later and event.item_id is not None
            (unfolded if waits else folded).append(self._event(event))
        touched: dict[Node, None] = {}
        interactions: dict[str, list[Any]] = {}
        for move in update.interactions.values():
            node = self.items[move.item_id]
            touched[node] = None
            interactions[f"{node} {move.event}"] = [
                node, move.event, move.times, move.weight, move.updated_at, move.half_life_ms
            ]  # fmt: skip
        return {
            "id": update.user_id,
            "unfolded": unfolded,
            "folded": folded,
            "items": list(touched),
            "interactions": interactions,
            "touched": list(interests),
            "interests": {str(node): move for node, move in interests.items()},
            "newest": max((move[1] for move in interests.values()), default=None),
        }

    def first_interests(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Give the interests of a user who has none, as `interests/first` takes them."""
        newest, total = row["newest"], None
        moves = row["interests"].values()
        if newest is not None:
            total = sum(max(0.0, mass) * 2.0 ** ((at - newest) / self.interest_half_life_ms) for mass, at, _ in moves)
        interests = [[node, *move] for node, move in zip(row["touched"], moves, strict=True)]
        return {"id": row["id"], "interests": interests, "mass": total, "at": newest}

    def _event(self, event: Event) -> list[Any]:
        """Give the properties of an event node, in the order that `events/write` and `events/create` take them.

        A list: the names would be most of what is packed, sent and looked up. What few events have stands apart.
        """
        query, recommendation, followed, context = (
            event.query, event.recommendation_id, event.followed_id, event.context
        )  # fmt: skip
        more: list[Any] | None = None
        if not (query is followed is recommendation is context is None):
            # Which interests the words name changes with the interests; what was moved is kept.
            named = None if query is None else self.names.get(query)
            more = [
                query,
                followed,
                recommendation,
                context,
                None if named is None else [name for name, _ in named],
                None if named is None else [part for _, part in named],
            ]
        at_given = None if event.at_given else False
        return [event.id, event.type, event.item_id, event.at, event.value, at_given, more]

    def _interests(self, update: UserUpdate) -> dict[Node, list[Any]]:
        """Share what items and searches give out to interests: mass, time of the newest, events; sorted by node.

        Lists: of each tuple the driver would make one, by a call.
        """
        sums: dict[Node, list[Any]] = {}
        for moves, shares in ((update.items, self.about), (update.searches, self.named)):
            for name, move in moves.items():
                mass, at, count = move.mass, move.updated_at, move.count
                for interest, part in shares.get(name, ()):
                    known = sums.get(interest)
                    if known is None:
                        sums[interest] = [mass * part, at, count]
                    else:
                        known[:2] = merge(known[0], known[1], mass * part, at, self.interest_half_life_ms)
                        known[2] += count
        return dict(sorted(sums.items()))


def follow_rows(updates: Sequence[UserUpdate]) -> list[dict[str, Any]]:
    """Give who follows whom, as `events/follow` takes it, sorted."""
    return [
        {"source": update.user_id, "target": target, "weight": move.weight, "count": move.count}
        for update in updates
        for target, move in sorted(update.follows.items())
    ]
