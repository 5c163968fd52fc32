"""The strongest paths from one user to others, step by step, in breadth.

A path weighs the product of its edges, times `hop_decay` for every step after the first:

    weight(u → v_1 → … → v_h) = Π_i edge_i · hop_decay^(h − 1)

and a user is as near as the strongest path to them within the depth. Edges and decay are at most 1, so a path that
comes back to a user is never stronger than the same path without the loop, and a user reached in fewer steps at no
less weight need not be gone on from again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reached:
    """A user that was reached.

    Attributes:
        weight: Weight of the strongest path.
        path: Users of it, from the first step to this user.
        via: Kind of its last edge.
    """

    weight: float
    path: tuple[str, ...]
    via: str


Edges = Callable[[Sequence[str]], Mapping[str, Sequence[tuple[str, float, str]]]]
"""Gives the edges that leave users: other user, edge in (0, 1], kind."""


def strongest_paths(start: str, edges: Edges, *, depth: int, hop_decay: float, frontier: int) -> dict[str, Reached]:
    """Give all users within some steps of one, with the strongest path to each.

    Args:
        start: The user who is left.
        edges: Asked once a step.
        depth: Most steps.
        hop_decay: What a path keeps at every step after the first, in (0, 1].
        frontier: Strongest users of one step from whom the next goes on.
    """
    best: dict[str, Reached] = {}
    front = {start: Reached(1.0, (), "")}
    for step in range(depth):
        decay = hop_decay if step else 1.0
        following: dict[str, Reached] = {}
        for user, leaving in edges(sorted(front)).items():
            come = front[user]
            for other, edge, kind in leaving:
                if other == start:
                    continue
                weight = come.weight * edge * decay
                if weight > max(
                    best[other].weight if other in best else 0.0,
                    following[other].weight if other in following else 0.0,
                ):
                    following[other] = Reached(weight, (*come.path, other), kind)
        best.update(following)
        strongest = sorted(following.items(), key=lambda pair: (-pair[1].weight, pair[0]))
        front = dict(strongest[:frontier])
        if not front:
            break
    return best
