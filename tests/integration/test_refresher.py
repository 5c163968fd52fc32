"""The state that answers are made from follows the graph, change by change."""

from __future__ import annotations

import random
from typing import Any

import pytest

from engine.cooccurrence.fold import fold
from engine.cooccurrence.rebuild import rebuild
from engine.domain import MS_PER_DAY, Event
from engine.events.apply import apply_events
from engine.graph.entities import About, Item, patch_item, upsert_items
from engine.graph.store import GraphStore
from engine.graph.versions import activate
from engine.ranking.refresher import Refresher
from engine.ranking.service import Recommender
from engine.ranking.state import Snapshot
from engine.settings import Settings
from tests.integration.test_cooccurrence import tell
from tests.integration.test_ranking import (
    FIRST,
    ITEMS,
    NOW,
    VECTORS,
    buys,
    eventually,
    ids,
    make_version,
    put_vectors,
)
from tests.integration.test_ranking import graph as graph
from tests.integration.test_ranking import recommender as recommender
from tests.integration.test_ranking import settings as settings


def test_the_refresher_follows_edges(graph: GraphStore, recommender: Recommender, settings: Settings) -> None:
    recommender.start(wait_s=180)
    before = recommender.similar("soap")
    assert [item.item_id for item in before.items] == []
    apply_events(graph, buys("fay", "soap", "jam", start=0.5), settings=settings)
    assert fold(graph, settings).events == 2
    eventually(lambda: [item.item_id for item in recommender.similar("soap").items] == ["jam"])
    status = recommender.status()
    assert status.full_loads == 1
    assert status.as_of == NOW + MS_PER_DAY // 2


def test_the_refresher_follows_items(graph: GraphStore, recommender: Recommender, settings: Settings) -> None:
    recommender.start(wait_s=180)
    shown = lambda: set(ids(recommender.recommend("nobody", 20)))  # noqa: E731
    assert shown() == {item.id for item in ITEMS}
    upsert_items(graph, [Item("tea", title="Tea", about=[About("category", "Drinks")])])
    eventually(lambda: "tea" in shown())
    assert ids(recommender.recommend("nobody", 5, interest="category:drinks")) == ["tea"]
    patch_item(graph, "tea", available=False)
    eventually(lambda: "tea" not in shown())
    patch_item(graph, "tea", available=True, title="Green tea")
    eventually(lambda: "tea" in shown())
    assert [item.title for item in recommender.recommend("x", 20).items if item.item_id == "tea"] == ["Green tea"]
    graph.write_transaction(lambda tx: tx.run_text("MATCH (i:Item {id: 'soap'}) DETACH DELETE i").consume())
    eventually(lambda: "soap" not in shown())
    # An item that only an event has named has no time of change.
    event = Event("bare", "purchase", "gil", "bare", NOW)
    apply_events(graph, [event], settings=settings, create_missing=True)
    eventually(lambda: "bare" in shown())
    assert recommender.status().full_loads == 1


def known(refresher: Refresher) -> set[str]:
    assert refresher.snapshot is not None
    return set(refresher.snapshot.catalogue.index)


def test_an_item_that_came_while_all_were_listed_hides_no_other_that_goes(
    graph: GraphStore, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.ranking.refresher.sweep_pause", lambda took_s, before_s: 0.0)
    refresher = Refresher(graph, settings)
    refresher.refresh()
    listed = graph.stream

    def stream(name: str, /, **options: Any) -> Any:
        if name == "ranking/census":
            tell(graph, "MERGE (:Item {id: 'late'})")
        return listed(name, **options)

    tell(graph, "CREATE (:Item {id: 'bare'})")
    monkeypatch.setattr(graph, "stream", stream)
    refresher.refresh()
    monkeypatch.setattr(graph, "stream", listed)
    assert {"bare", "late", "soap"} <= known(refresher)
    tell(graph, "MATCH (i:Item {id: 'soap'}) DETACH DELETE i")
    refresher.refresh()
    assert "soap" not in known(refresher)


def test_changes_one_by_one_end_where_a_full_load_does(
    graph: GraphStore, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # However slow the machine is, items are listed whenever some are missing.
    monkeypatch.setattr("engine.ranking.refresher.sweep_pause", lambda took_s, before_s: 0.0)
    chance = random.Random(5)
    make_version(graph, settings, FIRST, VECTORS)
    activate(graph, FIRST)
    refresher = Refresher(graph, settings)
    refresher.refresh()
    names = list(VECTORS)
    choices = ["events"] * 5 + ["item"] * 3 + ["delete", "vectors", "rebuild"] * 2
    chance.shuffle(choices)
    for step, choice in enumerate(choices):
        if choice == "events":
            events = [
                Event(f"{step}-{n}", "purchase", f"u{chance.randrange(4)}", chance.choice(names), NOW - n * MS_PER_DAY)
                for n in range(6)
            ]
            apply_events(graph, events, settings=settings, create_missing=True)
            fold(graph, settings)
        elif choice == "item":
            name = chance.choice([*names, f"new{step}"])
            names = sorted({*names, name})
            about = [About("category", chance.choice(["Dairy", "Bakery", f"Own {step}"]))]
            upsert_items(graph, [Item(name, title=f"{name} {step}", about=about, attributes={"step": step})])
        elif choice == "delete":
            name = names.pop(chance.randrange(len(names)))
            query = "MATCH (i:Item {id: $id}) DETACH DELETE i"
            graph.write_transaction(lambda tx, q=query, n=name: tx.run_text(q, id=n).consume())  # type: ignore[misc]
        elif choice == "vectors":
            put_vectors(graph, FIRST, dict.fromkeys(chance.sample(names, 2), (step, 1)))
        elif choice == "rebuild":
            rebuild(graph, settings)
        refresher.refresh()
        fresh = Refresher(graph, settings)
        fresh.refresh()
        assert refresher.snapshot is not None and fresh.snapshot is not None
        assert plain(refresher.snapshot) == plain(fresh.snapshot), (step, choice)
    assert refresher.counters.full_loads == 1


def test_a_look_that_leaves_items_for_later_is_not_of_the_whole_graph(graph: GraphStore, settings: Settings) -> None:
    refresher = Refresher(graph, settings)
    assert refresher.whole_age_s == refresher.staleness_s == float("inf")
    for _ in range(2):
        # The first loads everything, the second lists the items.
        refresher.refresh()
    refresher._sweep_pause_s = 3600
    graph.write_transaction(lambda tx: tx.run_text("MATCH (i:Item {id: 'soap'}) DETACH DELETE i").consume())
    refresher.refresh()
    assert refresher.snapshot is not None and "soap" in refresher.snapshot.catalogue.index
    stale_s = refresher.staleness_s
    assert refresher.whole_age_s > stale_s
    refresher._sweep_pause_s = 0
    refresher.refresh()
    assert "soap" not in refresher.snapshot.catalogue.index
    whole_s = refresher.whole_age_s
    assert whole_s <= refresher.staleness_s


def plain(snapshot: Snapshot) -> dict[str, Any]:
    """What a snapshot says, without regard to the places of items."""
    catalogue, space = snapshot.catalogue, snapshot.space
    assert space is not None
    found: dict[str, Any] = {"as_of": snapshot.as_of, "folded_at": snapshot.folded_at, "version": snapshot.version}
    for name, place in catalogue.index.items():
        targets, weights = snapshot.following(place)
        interests, about = catalogue.about.of_item(place)
        found[name] = {
            "title": catalogue.titles[place],
            "attributes": dict(catalogue.attributes[place]),
            "available": bool(catalogue.available[place]),
            "alive": bool(catalogue.alive[place]),
            "updated_at": int(catalogue.updated_at[place]),
            "log_share": pytest.approx(float(snapshot.log_share[place]), rel=1e-9),
            "about": sorted(
                (snapshot.interests.ids[x], round(float(w), 5)) for x, w in zip(interests, about, strict=True)
            ),
            "follows": {
                catalogue.ids[target]: pytest.approx(float(weight), rel=1e-5)
                for target, weight in sorted(zip(targets.tolist(), weights.tolist(), strict=True))
            },
            "vector": space.matrix[place].tolist() if space.embedded[place] else None,
        }
    return found
