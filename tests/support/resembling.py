"""Items that resemble each other, and what a graph holds of that."""

from __future__ import annotations

from typing import Any

import pytest

from engine.domain import MS_PER_DAY
from engine.graph.entities import About, Item, upsert_items
from engine.graph.store import GraphStore
from engine.graph.versions import create_version
from engine.graph.writeback import Fence
from engine.model.resemblance import ResemblanceRule
from engine.pipelines.resemblance import resemble_in_graph
from engine.settings import Settings

NOW = 20_000 * MS_PER_DAY
VERSION, LATER = "v20260101000000", "v20260102000000"
SERVED = "v20260131235959"
"""Of two numbers, with vector indexes, which outlive a test: no other test has it."""
RULE = ResemblanceRule("words", 0.7)
PAIRS = {("cup", "pot"), ("pot", "cup"), ("new", "red"), ("red", "new")}
Pair = tuple[str, str]


@pytest.fixture
def settings() -> Settings:
    return Settings(_env_file=None)


@pytest.fixture
def graph(store: GraphStore) -> GraphStore:
    """Pot and cup share one word of two, the lamps both, and the chair has none of others."""
    upsert_items(
        store,
        [
            Item("pot", title="Tea pot"),
            Item("cup", title="Tea cup"),
            Item("red", title="Red lamp"),
            Item("new", title="Lamp red"),
            Item("chair", title="Chair", about=[About("category", "Seats")]),
        ],
    )
    for version in (VERSION, LATER):
        create_version(store, dim=8, model="tiny", version=version)
    return store


def resemble(store: GraphStore, settings: Settings, rule: ResemblanceRule = RULE, *, version: str = VERSION) -> int:
    return resemble_in_graph(store, settings, rule, fence=Fence(version))


def edges(store: GraphStore) -> dict[Pair, dict[str, Any]]:
    text = "MATCH (i)-[r:RESEMBLES]->(j) RETURN i.id AS i, j.id AS j, properties(r) AS properties"
    rows = store.read_transaction(lambda tx: tx.run_text(text).data())
    return {(row["i"], row["j"]): row["properties"] for row in rows}


def stamp(store: GraphStore) -> int:
    text = "OPTIONAL MATCH (s:State {id: 'resemblance'}) RETURN coalesce(s.stamp, 0)"
    [[found]] = store.read_transaction(lambda tx: tx.run_text(text).values())
    return int(found)


def state(store: GraphStore) -> dict[str, Any]:
    text = "MATCH (s:State {id: 'resemblance'}) RETURN properties(s)"
    [[found]] = store.read_transaction(lambda tx: tx.run_text(text).values())
    return dict(found)


def few(store: GraphStore, settings: Settings, rule: ResemblanceRule, *changed: str, version: str = VERSION) -> int:
    return resemble_in_graph(store, settings, rule, fence=Fence(version), changed=changed)
