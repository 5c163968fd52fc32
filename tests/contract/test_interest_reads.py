"""An interest's place, relations and trend, and a user's profile, on both servers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from engine.domain import MS_PER_DAY, Event
from engine.errors import InvalidInputError, NotFoundError
from engine.events.apply import apply_events
from engine.graph.entities import About, Interest, Item, upsert_interests, upsert_items
from engine.graph.store import GraphStore
from engine.graph.versions import activate, create_version, mark_ready
from engine.graph.writeback import Fence, write_vectors
from engine.importing.items import InterestColumn, ItemMapping, import_items
from engine.importing.reading import FileSource
from engine.interests.hierarchy import read_interest
from engine.interests.profile import read_profile
from engine.interests.related import read_related
from engine.interests.trend import read_trend
from engine.settings import Settings, load_settings
from tests.support.profile import profile

NOW = 20_003 * MS_PER_DAY + 1_000  # a Thursday


@pytest.fixture
def settings() -> Settings:
    return load_settings()


def buy(store: GraphStore, settings: Settings, *steps: tuple[str, str, float, str]) -> None:
    """Store events: user, item, days before now, type."""
    events = [
        Event(f"e{number}", kind, user, item, NOW - int(days * MS_PER_DAY), value=4.0 if kind == "rating" else None)
        for number, (user, item, days, kind) in enumerate(steps)
    ]
    apply_events(store, events, settings=settings, create_missing=True)


@pytest.fixture
def shop(store: GraphStore) -> GraphStore:
    tea = [About("category", "tea", 3), About("brand", "own", 1)]
    upsert_items(
        store,
        [
            Item("green", about=tea, attributes={"price": 4.0}),
            Item("black", about=[About("category", "tea"), About("brand", "x")], attributes={"price": 2.0}),
            Item("plain", attributes={"price": "unknown"}),
        ],
        at=NOW,
    )
    return store


def test_interests_within_larger_ones(store: GraphStore, settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    rows = [("1", "whole milk", "milk", "food"), ("2", "whole milk", "milk", "food"), ("3", "oat milk", "milk", "food")]
    pl.DataFrame(rows, schema=["id", "type", "category", "department"], orient="row").write_csv(path)
    mapping = ItemMapping(
        interests=tuple(InterestColumn(kind, kind) for kind in ("type", "category", "department")),
        part_of=(("type", "category"), ("category", "department")),
    )
    import_items(store, FileSource(path), mapping, settings=settings)
    whole = read_interest(store, "type:whole milk")
    assert [entry.id for entry in whole.part_of] == ["category:milk", "department:food"]
    assert (whole.interest.kind, whole.interest.name, whole.items, whole.users) == ("type", "whole milk", 2, 0)
    assert [entry.id for entry in read_interest(store, "category:milk").parts] == ["type:oat milk", "type:whole milk"]
    # Another file says otherwise: the old place goes.
    rows = [("3", "oat milk", "plants", "food")]
    pl.DataFrame(rows, schema=["id", "type", "category", "department"], orient="row").write_csv(path)
    import_items(store, FileSource(path), mapping, settings=settings)
    assert [entry.id for entry in read_interest(store, "type:oat milk").part_of] == [
        "category:plants",
        "department:food",
    ]
    with pytest.raises(NotFoundError) as caught:
        read_interest(store, "category:nothing")
    assert caught.value.field == "interest_id"


def test_a_hierarchy_names_kinds_that_columns_have(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_text("id,type\n1,milk\n")
    mapping = ItemMapping(interests=(InterestColumn("type", "type"),), part_of=(("type", "category"),))
    with pytest.raises(InvalidInputError) as caught:
        import_items(None, FileSource(path), mapping, settings=settings)
    assert (caught.value.field, caught.value.value) == ("part_of", "category")


def test_related_by_sharing_and_by_vector(store: GraphStore) -> None:
    upsert_interests(store, [Interest(name, "category", name) for name in ("a", "b", "c", "d")])
    text = (
        "MATCH (a:Interest {id: 'a'}), (b:Interest {id: 'b'}), (c:Interest {id: 'c'}) "
        "CREATE (a)-[:RELATED_TO {source: 'shared', weight: 0.4, by_users: 0.5, by_items: 0.3, users: 9}]->(b), "
        "(a)-[:RELATED_TO {source: 'hand', weight: 0.9}]->(c)"
    )
    store.write_transaction(lambda tx: tx.run_text(text).consume())
    assert read_related(store, "a").version is None
    version = create_version(store, dim=2, model="none").id
    vectors = np.array([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]], dtype=np.float32)
    write_vectors(store, "Interest", ["a", "b", "c"], vectors, fence=Fence(version))
    mark_ready(store, version)
    activate(store, version)
    found = read_related(store, "a", limit=2)
    assert [(entry.id, entry.source, entry.weight, entry.users) for entry in found.related] == [
        ("c", "hand", 0.9, None),
        ("b", "shared", 0.4, 9),
    ]
    assert found.version == version
    assert [(entry.id, entry.similarity) for entry in found.alike] == [
        ("b", pytest.approx(0.6, abs=1e-5)),
        ("c", pytest.approx(0.0, abs=1e-5)),
    ]
    assert read_related(store, "d").alike == ()
    with pytest.raises(NotFoundError):
        read_related(store, "nothing")


def test_trend_by_hand(shop: GraphStore, settings: Settings) -> None:
    buy(
        shop,
        settings,
        ("u", "green", 0, "purchase"),
        ("v", "green", 1, "purchase"),
        ("u", "black", 9, "view"),
        ("u", "green", 40, "rating"),
        ("u", "plain", 0, "purchase"),
        ("w", "green", -2, "purchase"),
    )
    found = read_trend(shop, "category:tea", settings=settings, bucket="day", number=2, at=NOW)
    view = settings.events.types["view"].weight * 0.5
    # A rating of 4 between 1 and 5 counts half.
    gave = [(0.75, 0), (0.75, 1), (view, 9), (0.75 * 0.5, 40)]

    def mass(days: float, half_life: float, at: float = 0) -> float:
        return sum(part * 2 ** ((at - age) / half_life) for part, age in gave if age >= at and age <= days)

    half_life, short = settings.interests.half_life_days, settings.relations.trend_short_days
    assert found.mass == pytest.approx(mass(99, half_life))
    today, yesterday = found.buckets[1], found.buckets[0]
    assert (today.end, today.start) == (NOW, NOW - 1_000)
    assert (today.events, today.added) == (1, pytest.approx(0.75))
    assert (yesterday.events, yesterday.added) == (1, pytest.approx(0.75))
    assert yesterday.mass == pytest.approx(mass(99, half_life, at=1_000 / MS_PER_DAY))
    assert found.momentum == pytest.approx((mass(99, short) / short) / (mass(99, half_life) / half_life))
    assert found.coverage == 1.0
    # Weeks tell the same mass.
    weeks = read_trend(shop, "category:tea", settings=settings, bucket="week", number=12, at=NOW)
    assert weeks.mass == pytest.approx(found.mass)
    assert sum(bucket.events for bucket in weeks.buckets) == 4


def test_a_trend_reads_no_more_than_it_may(shop: GraphStore) -> None:
    settings = load_settings(relations={"trend_edges": 1})
    buy(shop, settings, ("u", "green", 0, "purchase"), ("u", "black", 0, "purchase"), ("v", "black", 0, "purchase"))
    found = read_trend(shop, "category:tea", settings=settings, at=NOW)
    assert found.coverage == pytest.approx(1 / 3)
    assert found.mass == pytest.approx(0.75)
    assert read_trend(shop, "brand:x", settings=settings, at=NOW - 9 * MS_PER_DAY).momentum is None
    with pytest.raises(NotFoundError):
        read_trend(shop, "nothing", settings=settings)
    with pytest.raises(InvalidInputError):
        read_trend(shop, "brand:x", settings=settings, number=1_000)


def test_profile_by_hand(shop: GraphStore, settings: Settings) -> None:
    buy(
        shop,
        settings,
        ("u", "green", 0, "purchase"),
        ("u", "green", 1, "purchase"),
        ("u", "black", 2, "purchase"),
        ("u", "plain", 3, "purchase"),
        ("u", "green", -1, "purchase"),
    )
    found = read_profile(shop, "u", settings=settings, at=NOW)
    assert (found.known, found.events, found.first_at, found.last_at) == (True, 4, NOW - 3 * MS_PER_DAY, NOW)
    assert found.rhythm.hours[0] == 1.0
    assert found.novelty == 0.75  # of four, one was on an item of before
    assert found.price is not None
    assert (found.price.events, found.price.mean, found.price.median) == (3, pytest.approx(10 / 3), 4.0)
    assert (found.value, found.drift) == (None, None)
    nobody = read_profile(shop, "nobody", settings=settings, at=NOW)
    assert (nobody.known, nobody.events, nobody.novelty, nobody.breadth, nobody.loyalty) == (False, 0, None, None, None)
    with pytest.raises(InvalidInputError) as caught:
        read_profile(shop, "u", settings=settings, at=NOW, since=NOW)
    assert caught.value.field == "since"


def test_what_is_new_among_the_latest_events(shop: GraphStore) -> None:
    settings = load_settings(profile={"recent_events": 2})
    buy(shop, settings, ("u", "green", 0, "view"), ("u", "black", 1, "view"), ("u", "green", 2, "view"))
    assert read_profile(shop, "u", settings=settings, at=NOW).novelty == 0.5


def test_reads_of_one_do_not_read_all(shop: GraphStore, settings: Settings) -> None:
    buy(shop, settings, ("u", "green", 0, "purchase"), ("u", "black", 1, "purchase"))
    shop.write_auto("UNWIND range(1, 3000) AS n CREATE (:Interest {id: 'other ' + n}), (:User {id: 'other ' + n})")
    calls = {
        "interests/get": {"id": "category:tea", "limit": 10},
        "interests/related": {"id": "category:tea", "limit": 10},
        "interests/trend_items": {"id": "category:tea", "limit": 10},
        "profile/events": {"user_id": "u", "types": ["purchase"], "at": NOW, "limit": 10},
        "profile/items": {"user_id": "u", "ids": ["green"], "types": ["purchase"], "at": NOW, "price": "price"},
    }
    for name, parameters in calls.items():
        operators = profile(shop, name, **parameters)
        assert not any(operator.reads_everything for operator in operators), name
        assert sum(operator.db_hits for operator in operators) < 200, name
