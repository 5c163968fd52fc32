"""The graph as plain data, and how two graphs differ."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.graph.store import GraphStore
from engine.interests.decay import days_ms
from engine.settings import Settings

TOLERANCE = 1e-6

_EDGES = """
MATCH (a:{label})-[r:{kind}]->(b)
RETURN a.id AS source, b.id AS target, properties(r) AS properties
"""
_KINDS = {"INTERACTED": "User", "INTERESTED_IN": "User", "FOLLOWS": "User", "CO_OCCURS": "Item"}
_NODES = {
    "Event": "MATCH (n:Event) RETURN n.id AS id, properties(n) AS properties, n:Unfolded AS unfolded",
    "User": "MATCH (n:User) RETURN n.id AS id, n {.interest_mass, .interest_mass_at} AS properties, false AS unfolded",
    "Item": "MATCH (n:Item) RETURN n.id AS id, n {.popularity, .popularity_at} AS properties, false AS unfolded",
}
_OF_THE_RUN = frozenset({"received_at", "digest"})
"""Properties of events that say when they came, or follow from the others."""
_FOLDED_AT = frozenset({"updated_at", "popularity_at", "interest_mass_at"})

Key = tuple[str, ...]


@dataclass
class Snapshot:
    """Everything that events have moved.

    Attributes:
        edges: Properties by kind, source, target, and what tells parallel edges apart.
        nodes: Properties by label and id.
        twice: Edges that stand more than once.
    """

    edges: dict[Key, dict[str, Any]] = field(default_factory=dict)
    nodes: dict[Key, dict[str, Any]] = field(default_factory=dict)
    twice: list[Key] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """Give how many edges and nodes there are of each kind."""
        return dict(Counter(key[0] for key in [*self.edges, *self.nodes]))


def take(store: GraphStore) -> Snapshot:
    """Read a graph in which nothing waits."""
    found = Snapshot()
    for kind, label in _KINDS.items():
        for row in _ask(store, _EDGES.format(label=label, kind=kind)):
            properties = row["properties"]
            which = str(properties.get("event") or properties.get("source") or "")
            key = (kind, str(row["source"]), str(row["target"]), which)
            if key in found.edges:
                found.twice.append(key)
            found.edges[key] = properties
    for label, text in _NODES.items():
        for row in _ask(store, text):
            properties = {name: value for name, value in row["properties"].items() if name not in _OF_THE_RUN}
            found.nodes[label, str(row["id"])] = {**properties, "unfolded": row["unfolded"]}
    return found


def differences(left: Snapshot, right: Snapshot, settings: Settings) -> list[str]:
    """Say how two graphs differ: what one lacks, and every value that is further off than the tolerance.

    Weights that stand at different times are compared at the later of the two, each decayed to it.
    """
    found = [f"twice: {key}" for key in (*left.twice, *right.twice)]
    half_lives = {
        "CO_OCCURS": ("weight", "updated_at", days_ms(settings.co_occurrence.half_life_days)),
        "Item": ("popularity", "popularity_at", days_ms(settings.ranking.popularity_half_life_days)),
        "User": ("interest_mass", "interest_mass_at", days_ms(settings.interests.half_life_days)),
    }
    for ours, theirs in ((left.edges, right.edges), (left.nodes, right.nodes)):
        found += [f"only left: {key} {ours[key]}" for key in ours.keys() - theirs.keys()]
        found += [f"only right: {key} {theirs[key]}" for key in theirs.keys() - ours.keys()]
        for key in ours.keys() & theirs.keys():
            one, other = ours[key], theirs[key]
            if key[0] in half_lives:
                one, other = _at_one_time(one, other, *half_lives[key[0]])
            found += [f"{key} {text}" for text in _unequal(one, other)]
    return found


def _at_one_time(
    one: Mapping[str, Any], other: Mapping[str, Any], weight: str, at: str, half_life_ms: float
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Decay both weights to the later of two times: which pair was counted last is no part of the promise."""
    latest = max(one.get(at) or 0, other.get(at) or 0)
    both = []
    for properties in (one, other):
        moved = {name: value for name, value in properties.items() if name not in _FOLDED_AT}
        if properties.get(weight) is not None:
            moved[weight] = properties[weight] * 2.0 ** ((properties[at] - latest) / half_life_ms)
        both.append(moved)
    return both[0], both[1]


def _unequal(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterable[str]:
    for name in sorted(one.keys() | other.keys()):
        a, b = one.get(name), other.get(name)
        if not _close(a, b):
            yield f"{name}: {a!r} and {b!r}"


def _close(a: Any, b: Any) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=TOLERANCE, abs_tol=1e-9)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_close, a, b))
    return bool(a == b)


def _ask(store: GraphStore, text: str) -> list[dict[str, Any]]:
    return store.read_transaction(lambda tx: tx.run_text(text).data(), timeout_s=300)
