"""Users near a user, over SIMILAR_TO and FOLLOWS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast

from engine.errors import InvalidInputError
from engine.graph.store import GraphStore
from engine.settings import Settings
from engine.social.paths import strongest_paths

Kind = Literal["similar", "follows"]


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A user near another one.

    Attributes:
        id: The user.
        weight: Weight of the strongest path, between 0 and 1; see `engine.social.paths`.
        hops: Steps of that path.
        path: Users of it, from the first step to this user.
        via: Its last edge: `similar` (SIMILAR_TO) or `follows` (FOLLOWS).
    """

    id: str
    weight: float
    hops: int
    path: tuple[str, ...]
    via: Kind


def neighbours(
    store: GraphStore,
    user_id: str,
    *,
    settings: Settings,
    depth: int = 1,
    limit: int | None = None,
    follows: bool = True,
    bookmarks: Sequence[str] | None = None,
) -> list[Neighbour]:
    """Give the users near one, strongest first; one read a step.

    The edge of a SIMILAR_TO relationship is its similarity, that of FOLLOWS is w / (1 + w) for its weight w, and the
    stronger of the two counts.

    Args:
        store: The graph.
        user_id: The user; one who is not there has no neighbours.
        settings: Bounds of the search and decay of a step.
        depth: Most steps.
        limit: Most neighbours given.
        follows: Whether FOLLOWS counts.
        bookmarks: Read not before these transactions.

    Raises:
        InvalidInputError: The depth is out of range.
    """
    options = settings.social
    if not 1 <= depth <= options.max_depth:
        raise InvalidInputError(
            "The depth is out of range.", field="depth", value=depth, remedy=f"Use 1 to {options.max_depth}."
        )

    def edges(users: Sequence[str]) -> Mapping[str, Sequence[tuple[str, float, str]]]:
        rows = store.read("social/near", ids=list(users), follows=follows, limit=options.fan_out, bookmarks=bookmarks)
        return {row["id"]: [(other, edge, kind) for other, edge, kind in row["near"]] for row in rows}

    found = strongest_paths(user_id, edges, depth=depth, hop_decay=options.hop_decay, frontier=options.frontier)
    near = [
        Neighbour(name, reached.weight, len(reached.path), reached.path, cast(Kind, reached.via))
        for name, reached in found.items()
    ]
    return sorted(near, key=lambda neighbour: (-neighbour.weight, neighbour.id))[:limit]
