"""Interests within larger ones: events move the narrow, everybody reads the wide, and both say the same."""

from __future__ import annotations

import random
from pathlib import Path

import polars as pl
import pytest

from engine.domain import MS_PER_DAY, Event
from engine.events.apply import apply_events
from engine.events.undo import delete_event
from engine.graph.entities import About, Interest, Item, patch_item, upsert_interests, upsert_items
from engine.graph.store import GraphStore
from engine.graph.subgraph import pull
from engine.importing.items import InterestColumn, ItemMapping, import_items
from engine.importing.reading import FileSource
from engine.importing.run import ImportReport
from engine.interests.decay import days_ms
from engine.interests.hierarchy import read_interest, set_part_of
from engine.interests.history import interests_at
from engine.interests.read import read_interests
from engine.ranking.feedback import feedback_parameters
from engine.ranking.profile import read_user
from engine.settings import Settings, load_settings
from engine.verification.repair import repair_users
from engine.verification.verify import Part, verify
from tests.support.profile import db_hits, profile

NOW = 20_003 * MS_PER_DAY
ROWS = [
    ("oat", "oat drink", "drinks", "food", "A"),
    ("soy", "soy drink", "drinks", "food", "B"),
    ("rye", "rye bread", "bread", "food", "A"),
    ("pan", "pan", "kitchen", "home", "B"),
]
"""Item, type, category, department, brand; kinds weigh .3, .4, .1 and .2."""


@pytest.fixture
def settings() -> Settings:
    return load_settings()


@pytest.fixture
def shop(store: GraphStore, settings: Settings, tmp_path: Path) -> GraphStore:
    import_shop(store, settings, tmp_path)
    return store


def import_shop(store: GraphStore, settings: Settings, folder: Path) -> ImportReport:
    path = folder / "items.csv"
    pl.DataFrame(ROWS, schema=["id", "type", "category", "department", "brand"], orient="row").write_csv(path)
    weights = {"type": 0.3, "category": 0.4, "department": 0.1, "brand": 0.2}
    mapping = ItemMapping(
        interests=tuple(InterestColumn(kind, kind, weight) for kind, weight in weights.items()),
        part_of=(("type", "category"), ("category", "department")),
    )
    return import_items(store, FileSource(path), mapping, settings=settings)


def buys(*items: str, user: str = "ann", kind: str = "purchase") -> list[Event]:
    """A purchase a day, the last one now."""
    days = range(len(items) - 1, -1, -1)
    return [
        Event(f"{user} {item} {day}", kind, user, item, NOW - day * MS_PER_DAY)
        for item, day in zip(items, days, strict=True)
    ]


def stored(store: GraphStore, user: str = "ann") -> dict[str, float]:
    text = "MATCH (:User {id: $user})-[r:INTERESTED_IN]->(x) RETURN x.id AS id, r.weight AS weight"
    rows = store.read_transaction(lambda tx: tx.run_text(text, user=user).data())
    return {row["id"]: row["weight"] for row in rows}


def everything_about(store: GraphStore) -> dict[str, list[tuple[str, float]]]:
    text = "MATCH (i:Item)-[r:ABOUT]->(x) RETURN i.id AS id, collect([x.id, r.weight]) AS about"
    rows = store.read_transaction(lambda tx: tx.run_text(text).data())
    return {row["id"]: [(name, weight) for name, weight in row["about"]] for row in rows}


def tell(store: GraphStore, text: str) -> None:
    store.write_transaction(lambda tx: tx.run_text(text).consume())


def test_an_event_moves_the_narrowest_alone(shop: GraphStore, settings: Settings) -> None:
    apply_events(shop, buys("oat"), settings=settings)
    assert stored(shop) == {"type:oat drink": pytest.approx(0.3), "brand:a": pytest.approx(0.2)}
    found = read_interests(shop, "ann", settings=settings, at=NOW)
    assert {entry.id: entry.share for entry in found.interests} == {
        "category:drinks": pytest.approx(0.4),
        "type:oat drink": pytest.approx(0.3),
        "brand:a": pytest.approx(0.2),
        "department:food": pytest.approx(0.1),
    }
    assert found.mass == pytest.approx(1)
    assert {entry.name for entry in found.interests} == {"drinks", "oat drink", "A", "food"}


def test_reading_equals_moving_every_interest_by_every_event(shop: GraphStore, settings: Settings) -> None:
    drawn = random.Random(3)
    kinds = ("view", "cart", "purchase", "rating")
    events = [
        Event(
            f"e{number}", kind := drawn.choice(kinds), drawn.choice(("ann", "bob")), drawn.choice(ROWS)[0],
            NOW - drawn.randrange(200 * MS_PER_DAY), value=4.5 if kind == "rating" else None,
        )
        for number in range(120)
    ]  # fmt: skip
    apply_events(shop, events, settings=settings)
    about = everything_about(shop)
    half_life_ms = days_ms(settings.interests.half_life_days)
    for user in ("ann", "bob"):
        states = interests_at([event for event in events if event.user_id == user], about, settings)
        values = {name: state.mass * 2.0 ** ((state.updated_at - NOW) / half_life_ms) for name, state in states.items()}
        found = read_interests(shop, user, settings=settings, at=NOW)
        assert {entry.id: entry.behaviour for entry in found.interests} == pytest.approx(values, rel=1e-9)
        assert {entry.id: entry.count for entry in found.interests} == {
            name: state.count for name, state in states.items()
        }
        # A past time is counted from the log, and says the same as the history then.
        then = NOW - 100 * MS_PER_DAY
        before = interests_at([e for e in events if e.user_id == user], about, settings, then)
        past = read_interests(shop, user, settings=settings, at=then)
        assert past.past
        assert {entry.id: entry.behaviour for entry in past.interests} == pytest.approx(
            {name: state.mass * 2.0 ** ((state.updated_at - then) / half_life_ms) for name, state in before.items()},
            rel=1e-9,
        )
        # Ranking and the subgraph read the same numbers.
        total = sum(values.values())
        shares = dict(read_user(shop, user, settings=settings, at=NOW, with_seen=True).shares)
        assert shares == pytest.approx({name: value / total for name, value in values.items()}, rel=1e-9)
        graph = pull(shop, settings, "User", [user], hops=1)
        edges = zip(graph.interested_in.index[1].tolist(), graph.interested_in.weight.tolist(), strict=True)
        pulled = {graph.interest_ids[place]: weight for place, weight in edges}
        assert pulled.keys() == values.keys()
        assert [pulled[name] / pulled["brand:a"] for name in sorted(values)] == pytest.approx(
            [values[name] / values["brand:a"] for name in sorted(values)], rel=1e-5
        )
    assert verify(shop, settings, what=[Part.INTERESTS, Part.INTEGRITY]).ok


def test_evidence_of_a_wide_interest_names_the_items_of_its_parts(shop: GraphStore, settings: Settings) -> None:
    apply_events(shop, buys("oat", "rye", "oat"), settings=settings)
    found = read_interests(shop, "ann", settings=settings, at=NOW, evidence=5)
    [food] = [entry for entry in found.interests if entry.id == "department:food"]
    assert [(entry.item_id, entry.count) for entry in food.evidence] == [("oat", 2), ("rye", 1)]
    assert sum(entry.gave for entry in food.evidence) == pytest.approx(food.behaviour)
    assert read_interest(shop, "department:food").users == 2
    assert read_interest(shop, "category:drinks").users == 1


def test_what_is_disliked_lowers_its_own_kind_and_not_the_others(shop: GraphStore, settings: Settings) -> None:
    apply_events(shop, [*buys("oat"), *buys("soy", kind="dislike")], settings=settings)
    values = {entry.id: entry.behaviour for entry in read_interests(shop, "ann", settings=settings, at=NOW).interests}
    assert values["type:soy drink"] == 0
    assert values["category:drinks"] == pytest.approx(0.4)


def test_declared_and_searched_interests_stand_where_they_were_named(shop: GraphStore, settings: Settings) -> None:
    tell(shop, "MATCH (x:Interest {id: 'type:pan'}) CREATE (:User {id: 'ann'})-[:INTERESTED_IN {source: 'declared', "
               "weight: 1.0, updated_at: 1}]->(x)")  # fmt: skip
    found = read_interests(shop, "ann", settings=settings, at=NOW)
    assert [(entry.id, entry.declared) for entry in found.interests] == [("type:pan", 1.0)]
    # What behaviour gave the wide one itself adds to what its parts give.
    apply_events(shop, buys("oat"), settings=settings)
    tell(shop, "MATCH (u:User {id: 'ann'}), (x:Interest {id: 'category:drinks'}) CREATE (u)-[:INTERESTED_IN "
               f"{{source: 'behaviour', weight: 0.5, count: 1, updated_at: {NOW}}}]->(x)")  # fmt: skip
    values = {entry.id: entry.behaviour for entry in read_interests(shop, "ann", settings=settings, at=NOW).interests}
    assert values["category:drinks"] == pytest.approx(0.9)
    assert values["department:food"] == pytest.approx(0.1 + 0.5 * 0.25)


def test_an_event_taken_out_leaves_nothing(shop: GraphStore, settings: Settings) -> None:
    [event] = buys("oat")
    apply_events(shop, [event], settings=settings)
    delete_event(shop, event.id, settings=settings)
    assert stored(shop) == {}


def test_items_put_later_are_marked_too(shop: GraphStore, settings: Settings) -> None:
    about = [About("type", "oat drink"), About("category", "drinks"), About("brand", "C")]
    upsert_items(shop, [Item("new", about=about)])
    apply_events(shop, buys("new"), settings=settings)
    assert sorted(stored(shop)) == ["brand:c", "type:oat drink"]
    # Without its type the item is about the category itself.
    patch_item(shop, "new", about=[About("category", "drinks"), About("brand", "C")])
    apply_events(shop, buys("new", user="bob"), settings=settings)
    assert sorted(stored(shop, "bob")) == ["brand:c", "category:drinks"]


def test_a_hierarchy_that_comes_after_events_is_told_and_repaired(
    store: GraphStore, settings: Settings, tmp_path: Path
) -> None:
    about = [About("type", "oat drink", 0.3), About("category", "drinks", 0.4), About("department", "food", 0.1),
             About("brand", "A", 0.2)]  # fmt: skip
    upsert_items(store, [Item("oat", about=about)], at=1)
    apply_events(store, buys("oat"), settings=settings)
    assert len(stored(store)) == 4
    notes = import_shop(store, settings, tmp_path).notes
    assert any("verify --repair" in note for note in notes)
    report = verify(store, settings, what=[Part.INTERESTS])
    assert report.check("interests").kinds == {"surplus": 2}
    repaired = repair_users(store, settings)
    assert (repaired.items, repaired.changed) == (0, 1)
    assert stored(store) == {"type:oat drink": pytest.approx(0.3), "brand:a": pytest.approx(0.2)}
    assert verify(store, settings).ok
    assert not any("verify --repair" in note for note in import_shop(store, settings, tmp_path).notes)


def test_a_graph_without_marks_is_found_and_marked(shop: GraphStore, settings: Settings) -> None:
    apply_events(shop, buys("oat", "pan"), settings=settings)
    before = stored(shop)
    tell(shop, "MATCH (:Item {id: 'oat'})-[r:ABOUT]->() REMOVE r.wider")
    report = verify(shop, settings, what=[Part.INTEGRITY])
    assert report.check("integrity").kinds == {"ABOUT marked otherwise than PART_OF says": 2}
    assert repair_users(shop, settings).items == 1
    assert verify(shop, settings).ok
    assert stored(shop) == before


def test_two_ways_up_count_once(store: GraphStore, settings: Settings) -> None:
    upsert_interests(store, [Interest(f"t:{name}", "t", name) for name in ("narrow", "middle", "wide")])
    upsert_items(store, [Item("a", about=[About("t", name) for name in ("narrow", "middle", "wide")])])
    rows = [("narrow", "middle"), ("narrow", "wide"), ("middle", "wide")]
    # One parent a kind: the kinds differ.
    set_part_of(
        store,
        [{"id": f"t:{part}", "kind": f"{part} {whole}", "parent": f"t:{whole}", "weight": 1.0} for part, whole in rows],
        pairs=[],
    )
    apply_events(store, buys("a"), settings=settings)
    assert stored(store) == {"t:narrow": pytest.approx(1 / 3)}
    found = read_interests(store, "ann", settings=settings, at=NOW)
    assert {entry.id: entry.share for entry in found.interests} == pytest.approx(
        dict.fromkeys(("t:narrow", "t:middle", "t:wide"), 1 / 3)
    )
    ranked = read_user(store, "ann", settings=settings, at=NOW, with_seen=True)
    assert dict(ranked.shares)["t:wide"] == pytest.approx(1 / 3)


def test_the_newer_hierarchy_holds_where_two_contradict_each_other(store: GraphStore, settings: Settings) -> None:
    kinds = ("a", "b", "c")
    upsert_interests(store, [Interest(f"{kind}:x", kind, "x") for kind in kinds])
    upsert_items(store, [Item("both", about=[About("a", "x"), About("b", "x")]), Item("c", about=[About("c", "x")])])

    def say(*pairs: tuple[str, str]) -> None:
        rows = [{"id": f"{part}:x", "kind": whole, "parent": f"{whole}:x", "weight": 1.0} for part, whole in pairs]
        set_part_of(store, rows, pairs=pairs)

    def ask(text: str) -> list[str]:
        found: list[str] = store.read_transaction(lambda tx: [row["found"] for row in tx.run_text(text).data()])
        return found

    def part_of() -> list[str]:
        return ask("MATCH (x)-[:PART_OF]->(y) RETURN x.kind + '<' + y.kind AS found ORDER BY found")

    def moved() -> list[str]:
        return ask("MATCH (:Item {id: 'both'})-[r:ABOUT]->(x) WHERE r.wider IS NULL RETURN x.kind AS found")

    say(("a", "b"))
    assert moved() == ["a"]
    say(("b", "a"))
    assert part_of() == ["b<a"]
    assert moved() == ["b"]
    # The long way round: a < b of the newest, b < c, c < a of one before; what is older ends, and nothing else.
    say(("b", "c"), ("c", "a"))
    say(("a", "b"), ("b", "c"))
    assert part_of() == ["a<b", "b<c"]
    assert moved() == ["a"]
    apply_events(store, buys("both"), settings=settings)
    assert set(stored(store)) == {"a:x"}
    assert verify(store, settings).ok


@pytest.mark.parametrize("statement", ["interests/mark_wider", "items/upsert", "ranking/user", "interests/of_user"])
def test_what_is_read_does_not_grow_with_the_breadth_of_the_hierarchy(
    store: GraphStore, settings: Settings, statement: str
) -> None:
    about = [About("type", "oat"), About("department", "food")]
    upsert_items(store, [Item("oat", about=about)], at=1)
    apply_events(store, buys("oat"), settings=settings)
    rows = [{"id": "type:oat", "kind": "department", "parent": "department:food", "weight": 1.0}]
    set_part_of(store, rows, pairs=[("type", "department")])
    parameters = {
        "interests/mark_wider": {"ids": ["oat"]},
        "interests/of_user": {"user_id": "ann", "at": NOW, "half_life_ms": 1e9},
        "items/upsert": {
            "rows": [{
                "id": "oat", "created_at": 1, "properties": {"title": "new"},
                "about": [{"id": "type:oat", "weight": 0.5}, {"id": "department:food", "weight": 0.5}],
            }],
            "own": [], "at": 2,
        },
        "ranking/user": {
            "user_id": "ann", "types": ["purchase"], "limit": 5, "scan": 50, "at": NOW, "half_life_ms": 1e9,
            "with_seen": True, **feedback_parameters(settings, NOW),
        },
    }[statement]  # fmt: skip
    few = db_hits(profile(store, statement, **parameters))
    tell(
        store,
        "MATCH (food:Interest {id: 'department:food'}) UNWIND range(1, 500) AS n "
        "CREATE (:Interest {id: 'type:' + n, kind: 'type', name: 'type ' + n})-[:PART_OF {weight: 1.0}]->(food)",
    )
    assert db_hits(profile(store, statement, **parameters)) <= few + 10
