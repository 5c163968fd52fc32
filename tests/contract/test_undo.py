"""Deleting an event: the graph is as if it had never come, on every database."""

from __future__ import annotations

import random
from typing import Any

import pytest

from engine.domain import MS_PER_DAY, Event
from engine.errors import NotFoundError
from engine.events.apply import apply_events
from engine.events.token import decode_token
from engine.events.undo import delete_event
from engine.graph.entities import set_follows
from engine.graph.records import Follow
from engine.graph.store import GraphStore
from engine.pipelines.fold import fold_waiting
from engine.settings import Settings, load_settings

NOW = 20_000 * MS_PER_DAY
ABOUT = {"i1": [["dairy", 0.75], ["oat", 0.25]], "i2": [["dairy", 1.0]], "i3": [], "i4": [["oat", 1.0]]}


@pytest.fixture
def settings() -> Settings:
    settings = load_settings()
    return settings.model_copy(update={"events": settings.events.model_copy(update={"times_kept": 3})})


def put_items(store: GraphStore) -> None:
    store.write_transaction(
        lambda tx: tx.run_text(
            """UNWIND $items AS item MERGE (i:Item {id: item.id})
            WITH i, item UNWIND item.about AS about MERGE (x:Interest {id: about[0]})
            SET x.kind = 'category', x.name = about[0]
            MERGE (i)-[r:ABOUT]->(x) SET r.weight = about[1]""",
            items=[{"id": item, "about": about} for item, about in ABOUT.items()],
        ).consume()
    )


def random_events(seed: int, number: int) -> list[Event]:
    chance = random.Random(seed)
    events = []
    for n in range(number):
        kind = chance.choice(["view", "purchase", "dislike", "rating", "dwell", "impression", "follow", "search"])
        at = NOW + int(chance.choice([chance.uniform(-60, 0), -1.0]) * MS_PER_DAY)
        user, name = f"u{chance.randrange(2)}", f"e{seed}-{n}"
        if kind == "follow":
            events.append(Event(name, kind, user, None, at, followed_id=f"v{chance.randrange(2)}"))
        elif kind == "search":
            events.append(Event(name, kind, user, None, at, query=chance.choice(["dairy oat", "oat", "tea"])))
        else:
            value = {"rating": float(chance.randint(1, 5)), "dwell": chance.uniform(0, 400)}.get(kind)
            events.append(Event(name, kind, user, chance.choice(list(ABOUT)), at, value))
    return events


def picture(store: GraphStore, at: int, settings: Settings) -> dict[str, Any]:
    """Everything that events move, by name; weights as they stand, times beside them."""
    rows = store.read_transaction(
        lambda tx: tx.run_text(
            """MATCH (a)-[r:INTERACTED|INTERESTED_IN|FOLLOWS|CO_OCCURS]->(b)
            RETURN type(r) + ' ' + a.id + ' ' + coalesce(r.event, '') + ' ' + b.id AS name, properties(r) AS r
            UNION ALL MATCH (u:User) WHERE u.interest_mass > 0
            RETURN 'user ' + u.id AS name, {weight: u.interest_mass, updated_at: u.interest_mass_at} AS r
            UNION ALL MATCH (i:Item) WHERE i.popularity <> 0
            RETURN 'item ' + i.id AS name, {weight: i.popularity, updated_at: i.popularity_at} AS r
            UNION ALL MATCH (e:Event) RETURN 'event ' + e.id AS name, {} AS r"""
        ).data()
    )
    found = {row["name"]: row["r"] for row in rows}
    assert len(found) == len(rows)
    half_lives = {
        "CO_OCCURS": settings.co_occurrence.half_life_days,
        "item": settings.ranking.popularity_half_life_days,
        "user": settings.interests.half_life_days,
    }
    for name, values in found.items():
        half_life_days = half_lives.get(name.split()[0])
        if half_life_days is not None:
            # These are kept as of the newest fold; as of one time they have to be equal.
            gap = (values.pop("updated_at") - at) / (half_life_days * MS_PER_DAY)
            values["weight"] *= 2.0**gap
        values.pop("moved", None)
    return found


def same(found: dict[str, Any], expected: dict[str, Any]) -> None:
    for name in [name for name in found if name.startswith(("CO_OCCURS", "item")) and name not in expected]:
        # What is left of a difference of floats.
        assert abs(found.pop(name)["weight"]) < 1e-9
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        assert found[name].keys() == values.keys(), name
        for key, value in values.items():
            wanted = pytest.approx(value, rel=1e-9, abs=1e-9) if isinstance(value, float) else value
            assert found[name][key] == wanted, (name, key)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("folded", [True, False])
def test_the_graph_is_as_if_the_events_had_never_come(
    store: GraphStore, settings: Settings, seed: int, folded: bool
) -> None:
    events = random_events(seed, 30)
    chance = random.Random(seed)
    gone = set(chance.sample([event.id for event in events], 10))
    stay = [event for event in events if event.id not in gone]
    put_items(store)
    apply_events(store, stay, settings=settings)
    fold_waiting(store, settings)
    expected = picture(store, NOW, settings)
    store.write_transaction(lambda tx: tx.run_text("MATCH (n) WHERE NOT n:SchemaMigration DETACH DELETE n").consume())
    put_items(store)
    apply_events(store, events, settings=settings)
    if folded:
        fold_waiting(store, settings)
    for event_id in chance.sample(sorted(gone), len(gone)):
        delete_event(store, event_id, settings=settings)
    fold_waiting(store, settings)
    same(picture(store, NOW, settings), expected)


def test_the_answer_and_the_id_that_is_free_again(store: GraphStore, settings: Settings) -> None:
    put_items(store)
    event = Event("e1", "purchase", "ann", "i1", NOW)
    apply_events(store, [event], settings=settings)
    deleted = delete_event(store, "e1", settings=settings)
    assert (deleted.event_id, deleted.user_id, deleted.at) == ("e1", "ann", NOW)
    assert decode_token(deleted.token).bookmarks == deleted.bookmarks != ()
    with pytest.raises(NotFoundError):
        delete_event(store, "e1", settings=settings)
    assert apply_events(store, [event], settings=settings).outcomes == ("accepted",)


def test_what_an_import_said_of_following_stays(store: GraphStore, settings: Settings) -> None:
    def weights() -> list[Any]:
        text = "MATCH (:User {id: 'ann'})-[r:FOLLOWS]->(:User {id: 'bob'}) RETURN r.weight AS w, r.count AS n"
        return store.read_transaction(lambda tx: [(row["w"], row["n"]) for row in tx.run_text(text)])

    follows = [Event(f"f{n}", "follow", "ann", None, NOW + n, followed_id="bob") for n in range(2)]
    apply_events(store, follows[:1], settings=settings)
    assert weights() == [(1.0, 1)]
    set_follows(store, [Follow("ann", "bob", 0.5)])
    assert weights() == [(1.5, 1)]
    apply_events(store, follows, settings=settings)
    assert weights() == [(2.5, 2)]
    delete_event(store, "f0", settings=settings)
    delete_event(store, "f1", settings=settings)
    assert weights() == [(0.5, None)]


def test_events_written_under_other_half_lives_leave_nothing_behind_when_all_are_gone(
    store: GraphStore, settings: Settings
) -> None:
    put_items(store)
    other = settings.model_copy(update={"interests": settings.interests.model_copy(update={"half_life_days": 5.0})})
    events = [Event(f"e{n}", "purchase", "ann", "i1", NOW + n * MS_PER_DAY) for n in range(3)]
    apply_events(store, events[:2], settings=settings)
    apply_events(store, events[2:], settings=other)
    for event in events:
        delete_event(store, event.id, settings=other)
    assert not [name for name in picture(store, NOW, settings) if not name.startswith(("CO_OCCURS", "item"))]
