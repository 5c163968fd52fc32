"""What one event costs the server does not grow with what is there already, on every database."""

from __future__ import annotations

from typing import Any

import pytest

from cypher import catalogue
from engine.domain import MS_PER_DAY, Event
from engine.events.apply import apply_events
from engine.graph.store import GraphStore, Tx
from engine.settings import load_settings

NOW = 20_000 * MS_PER_DAY
ITEMS, INTERESTS, OTHERS = 800, 20, 40


@pytest.fixture
def graph(store: GraphStore) -> GraphStore:
    store.write_transaction(
        lambda tx: tx.run_text(
            """UNWIND range(0, $items - 1) AS n
            CREATE (i:Item {id: 'i' + n})
            MERGE (x:Interest {id: 'x' + (n % $interests)})
            CREATE (i)-[:ABOUT {weight: 1.0}]->(x)""",
            items=ITEMS,
            interests=INTERESTS,
        ).consume()
    )
    events = [Event(f"heavy{n}", "view", "heavy", f"i{n % ITEMS}", NOW + n) for n in range(4 * ITEMS)]
    events += [
        Event(f"{user}-{n}", "view", f"u{user}", f"i{n}", NOW + n) for user in range(OTHERS) for n in range(INTERESTS)
    ]
    events += [Event(f"light{n}", "view", "light", f"i{n}", NOW + n) for n in range(INTERESTS)]
    apply_events(store, events, settings=load_settings())
    return store


def hits(plan: dict[str, Any]) -> int:
    return int(plan["dbHits"]) + sum(hits(child) for child in plan.get("children", []))


def cost(graph: GraphStore, event: Event, monkeypatch: pytest.MonkeyPatch) -> int:
    """Apply an event with every statement profiled; give the accesses to the store."""
    found: list[int] = []

    def profiled(self: Tx, name: str, **parameters: Any) -> list[dict[str, Any]]:
        result = self.run_text(f"PROFILE {catalogue.statement(name).text}", **parameters)
        rows = result.data()
        profile = result.consume().profile
        assert profile is not None
        found.append(hits(profile))
        return rows

    with monkeypatch.context() as patch:
        patch.setattr(Tx, "run", profiled)
        assert apply_events(graph, [event], settings=load_settings()).accepted == 1
    return sum(found)


@pytest.mark.parametrize("item", ["i3", "i700"])
def test_a_long_past_costs_nothing(graph: GraphStore, monkeypatch: pytest.MonkeyPatch, item: str) -> None:
    """3,200 events on 800 items, against 20 on 20: as many interests, so as many accesses."""
    light = cost(graph, Event("new-light", "view", "light", item, NOW + MS_PER_DAY), monkeypatch)
    heavy = cost(graph, Event("new-heavy", "view", "heavy", item, NOW + MS_PER_DAY), monkeypatch)
    assert heavy <= 1.3 * light
