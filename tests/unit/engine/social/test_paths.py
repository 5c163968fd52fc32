"""Strongest paths: by hand, and equal to trying every path on small graphs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.social.paths import Edges, strongest_paths

Graph = Mapping[tuple[str, str], float]
USERS = "abcde"


def edges_of(graph: Graph) -> Edges:
    def edges(users: Sequence[str]) -> dict[str, list[tuple[str, float, str]]]:
        return {
            user: [(target, edge, "similar") for (source, target), edge in sorted(graph.items()) if source == user]
            for user in users
        }

    return edges


def test_by_hand() -> None:
    graph = {("a", "b"): 0.9, ("b", "c"): 0.8, ("a", "c"): 0.3, ("c", "d"): 1.0}
    found = strongest_paths("a", edges_of(graph), depth=2, hop_decay=0.5, frontier=10)
    assert {user: (pytest.approx(reached.weight), reached.path) for user, reached in found.items()} == {
        "b": (0.9, ("b",)),
        "c": (0.36, ("b", "c")),  # 0.9 · 0.8 · 0.5 beats 0.3
        "d": (0.15, ("c", "d")),  # in two steps only by c at once
    }
    assert strongest_paths("a", edges_of(graph), depth=3, hop_decay=0.5, frontier=10)["d"].weight == pytest.approx(0.18)


def test_the_frontier_bounds_the_search() -> None:
    graph = {("a", "b"): 0.9, ("a", "c"): 0.8, ("b", "d"): 1.0, ("c", "e"): 1.0}
    assert set(strongest_paths("a", edges_of(graph), depth=2, hop_decay=1.0, frontier=1)) == {"b", "c", "d"}


def brute_force(graph: Graph, depth: int, hop_decay: float) -> dict[str, float]:
    best: dict[str, float] = {}
    for length in range(1, depth + 1):
        for path in permutations(USERS[1:], length):
            weight = hop_decay ** (length - 1)
            for pair in zip(("a", *path), path, strict=False):
                weight *= graph.get(pair, 0.0)
            if weight > best.get(path[-1], 0.0):
                best[path[-1]] = weight
    return best


@given(
    graph=st.dictionaries(
        st.sampled_from([(x, y) for x in USERS for y in USERS if x != y]), st.floats(0.05, 1), max_size=20
    ),
    depth=st.integers(1, 4),
    hop_decay=st.floats(0.1, 1),
)
def test_equals_trying_every_path(graph: Graph, depth: int, hop_decay: float) -> None:
    found = strongest_paths("a", edges_of(graph), depth=depth, hop_decay=hop_decay, frontier=10)
    assert {user: reached.weight for user, reached in found.items()} == pytest.approx(
        brute_force(graph, depth, hop_decay)
    )
    for user, reached in found.items():
        weight = hop_decay ** (len(reached.path) - 1)
        for pair in zip(("a", *reached.path), reached.path, strict=False):
            weight *= graph[pair]
        assert reached.path[-1] == user
        assert weight == pytest.approx(reached.weight)
