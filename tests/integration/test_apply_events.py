"""Batches of events into a real graph: once each, in any order, all or nothing."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from engine.domain import MS_PER_DAY, Event
from engine.errors import ConflictError, UnknownReferenceError
from engine.events.apply import apply_events
from engine.events.history import history
from engine.events.token import decode_token
from engine.graph.store import GraphStore
from engine.interests.decay import days_ms, merge, value_at
from engine.interests.history import InterestState, interest_mass, interests_at
from engine.interests.signals import half_life_ms, strength
from engine.settings import EventSettings, Settings

DAY = MS_PER_DAY
NOW = 20_000 * DAY
ABOUT = {"i1": {"dairy": 0.75, "oat": 0.25}, "i2": {"dairy": 1.0}, "i3": {}}


def ask(store: GraphStore, text: str, **parameters: Any) -> list[dict[str, Any]]:
    return store.read_transaction(lambda tx: tx.run_text(text, **parameters).data())


def put_items(store: GraphStore) -> None:
    store.write_transaction(
        lambda tx: tx.run_text(
            """UNWIND $items AS item MERGE (i:Item {id: item.id})
            WITH i, item UNWIND item.about AS about MERGE (x:Interest {id: 'category:' + about[0]})
            SET x.kind = 'category', x.name = about[0]
            MERGE (i)-[r:ABOUT]->(x) SET r.weight = about[1]""",
            items=[{"id": item, "about": [[k, v] for k, v in about.items()]} for item, about in ABOUT.items()],
        ).consume()
    )


def event(
    number: int | str, user: str = "u1", item: str = "i1", day: float = 0, kind: str = "purchase", **more: Any
) -> Event:
    return Event(f"e{number}", kind, user, item, NOW + int(day * DAY), **more)


def interacted(store: GraphStore) -> dict[tuple[str, str, str], dict[str, Any]]:
    rows = ask(store, "MATCH (u:User)-[r:INTERACTED]->(i:Item) RETURN u.id AS u, i.id AS i, properties(r) AS r")
    found = {(row["u"], row["i"], row["r"]["event"]): row["r"] for row in rows}
    assert len(found) == len(rows), "one relationship for each user, item and type"
    return found


def interested(store: GraphStore) -> dict[tuple[str, str], dict[str, Any]]:
    rows = ask(
        store,
        "MATCH (u:User)-[r:INTERESTED_IN {source: 'behaviour'}]->(x) RETURN u.id AS u, x.name AS x, properties(r) AS r",
    )
    found = {(row["u"], row["x"]): row["r"] for row in rows}
    assert len(found) == len(rows), "one relationship for each user, interest and source"
    return found


def expected(events: list[Event], settings: Settings) -> dict[Any, Any]:
    """The INTERACTED relationships by the Python formula, event by event."""
    edges: dict[tuple[str, str, str], dict[str, Any]] = {}
    for e in events:
        assert e.item_id is not None
        signal = strength(e.type, e.value, settings.events)
        edge = edges.setdefault(
            (e.user_id, e.item_id, e.type), {"count": 0, "times": [], "weight": 0.0, "updated_at": e.at}
        )
        edge["count"] += 1
        edge["times"] = sorted([*edge["times"], e.at])[-settings.events.times_kept :]
        edge["weight"], edge["updated_at"] = merge(
            edge["weight"], edge["updated_at"], signal, e.at, half_life_ms(e.type, settings.events)
        )
    return edges


def check(store: GraphStore, events: list[Event], settings: Settings) -> None:
    edges = expected(events, settings)
    found = interacted(store)
    assert found.keys() == edges.keys()
    for key, edge in edges.items():
        assert found[key]["count"] == edge["count"]
        assert found[key]["times"] == edge["times"]
        assert found[key]["last_at"] == found[key]["updated_at"] == edge["updated_at"]
        assert found[key]["weight"] == pytest.approx(edge["weight"], rel=1e-9, abs=1e-12)
    about = {item: list(parts.items()) for item, parts in ABOUT.items()}
    masses = interested(store)
    for user in {e.user_id for e in events}:
        states = interests_at([e for e in events if e.user_id == user], about, settings)
        assert {name for owner, name in masses if owner == user} == states.keys()
        for interest, state in states.items():
            edge = masses[user, interest]
            assert (edge["updated_at"], edge["count"]) == (state.updated_at, state.count)
            assert edge.get("mass", edge["weight"]) == pytest.approx(state.mass, rel=1e-9, abs=1e-12)
            assert edge.get("mass", -1.0) < 0, "kept only where it is below zero"
            assert edge["weight"] == max(0.0, edge.get("mass", edge["weight"]))
        check_mass(store, user, states, settings)


def check_mass(store: GraphStore, user: str, states: dict[str, InterestState], settings: Settings) -> None:
    """The sum on the node is the sum of the weights, so shares made with it sum to 1, none negative."""
    [row] = ask(
        store,
        """MATCH (u:User {id: $id}) OPTIONAL MATCH (u)-[r:INTERESTED_IN {source: 'behaviour'}]->()
        RETURN u.interest_mass AS mass, u.interest_mass_at AS at,
          collect(r.weight * 2.0 ^ ((r.updated_at - u.interest_mass_at) / $half_life_ms)) AS weights""",
        id=user,
        half_life_ms=days_ms(settings.interests.half_life_days),
    )
    if not states:
        assert not row["mass"]
        return
    assert row["mass"] == pytest.approx(interest_mass(states, row["at"], settings), rel=1e-9, abs=1e-12)
    assert row["mass"] >= 0
    if row["mass"] > 1e-9:
        shares = [weight / row["mass"] for weight in row["weights"]]
        assert sum(shares) == pytest.approx(1.0, abs=1e-9)
        assert min(shares) >= 0.0


def stored_events(store: GraphStore) -> int:
    return int(ask(store, "MATCH (e:Event) RETURN count(e) AS n")[0]["n"])


@pytest.fixture
def settings(neo4j_server: Settings) -> Settings:
    return neo4j_server


@pytest.fixture(autouse=True)
def _items(store: GraphStore) -> None:
    put_items(store)


def test_one_event_moves_the_graph(store: GraphStore, settings: Settings) -> None:
    result = apply_events(store, [event(1)], settings=settings)
    assert (result.accepted, result.duplicates, result.outcomes, result.latest_at) == (1, 0, ("accepted",), NOW)
    assert decode_token(result.token).bookmarks == result.bookmarks != ()
    assert interacted(store)["u1", "i1", "purchase"] == {
        "event": "purchase",
        "count": 1,
        "times": [NOW],
        "last_at": NOW,
        "weight": 1.0,
        "updated_at": NOW,
    }
    assert interested(store)["u1", "dairy"] == {
        "source": "behaviour",
        "weight": 0.75,
        "count": 1,
        "updated_at": NOW,
    }
    [stored] = ask(store, "MATCH (e:Event) RETURN labels(e) AS labels, properties(e) AS e")
    assert sorted(stored["labels"]) == ["Event", "Unfolded"]
    assert {k: stored["e"][k] for k in ("id", "type", "user_id", "item_id", "at")} == {
        "id": "e1",
        "type": "purchase",
        "user_id": "u1",
        "item_id": "i1",
        "at": NOW,
    }
    [user] = ask(store, "MATCH (u:User) RETURN u.events_at = u.created_at AS same")
    assert user["same"]


def test_the_same_again_changes_nothing(store: GraphStore, settings: Settings) -> None:
    events = [event(1), event(2, day=3), event(1)]
    first = apply_events(store, events, settings=settings)
    assert first.outcomes == ("accepted", "accepted", "duplicate")
    before = ask(
        store, "MATCH (n) OPTIONAL MATCH (n)-[r]->(m) RETURN n, properties(r) AS r, m.id AS m ORDER BY n.id, m"
    )
    again = apply_events(store, events, settings=settings)
    assert again.outcomes == ("duplicate",) * 3
    assert again.bookmarks
    assert before == ask(
        store, "MATCH (n) OPTIONAL MATCH (n)-[r]->(m) RETURN n, properties(r) AS r, m.id AS m ORDER BY n.id, m"
    )
    check(store, events[:2], settings)


def test_types_without_a_step_do_not_wait_for_the_fold(store: GraphStore, settings: Settings) -> None:
    search = Event("e2", "search", "u1", None, NOW, query="dairy")
    apply_events(store, [event(1, kind="dislike"), search], settings=settings)
    assert ask(store, "MATCH (e:Unfolded) RETURN count(e) AS n") == [{"n": 0}]


def test_an_interest_never_falls_below_zero_but_the_order_does_not_matter(
    store: GraphStore, settings: Settings
) -> None:
    apply_events(store, [event(1, kind="dislike", item="i2")], settings=settings)
    assert interested(store)["u1", "dairy"]["weight"] == 0.0
    apply_events(store, [event(2, item="i2"), event(3, item="i2", user="u2")], settings=settings)
    apply_events(store, [event(4, kind="dislike", item="i2", user="u2")], settings=settings)
    found = interested(store)
    assert found["u1", "dairy"]["weight"] == found["u2", "dairy"]["weight"] == 0.0


def test_a_search_moves_the_interests_it_names(store: GraphStore, settings: Settings) -> None:
    search = Event("s1", "search", "u1", None, NOW, query='"Dairy products" AND (')
    apply_events(store, [search, search], settings=settings)
    assert interested(store)["u1", "dairy"]["weight"] == pytest.approx(0.3)
    assert ("u1", "oat") not in interested(store)
    apply_events(store, [Event("s2", "search", "u1", None, NOW, query="?")], settings=settings)
    assert stored_events(store) == 2


def test_an_unknown_item_refuses_the_whole_batch(store: GraphStore, settings: Settings) -> None:
    events = [event(1, user="new"), event(2, user="new", item="nowhere")]
    with pytest.raises(UnknownReferenceError) as caught:
        apply_events(store, events, settings=settings)
    assert (caught.value.field, caught.value.value) == ("events[1].item_id", "nowhere")
    assert ask(store, "MATCH (n) WHERE n:User OR n:Event RETURN count(n) AS n") == [{"n": 0}]
    assert apply_events(store, events, settings=settings, create_missing=True).accepted == 2
    assert ask(store, "MATCH (i:Item {id: 'nowhere'}) RETURN i.available AS a") == [{"a": True}]


def test_an_id_with_other_content_is_a_conflict(store: GraphStore, settings: Settings) -> None:
    apply_events(store, [event(1)], settings=settings)
    for other in (event(1, item="i2"), event(1, user="u2"), event(1, day=1)):
        with pytest.raises(ConflictError) as caught:
            apply_events(store, [event(2), other], settings=settings)
        assert (caught.value.field, caught.value.value) == ("events[1].id", "e1")
    with pytest.raises(ConflictError):
        apply_events(store, [event(3), event(3, item="i2")], settings=settings)
    check(store, [event(1)], settings)
    assert stored_events(store) == 1


def test_a_retry_without_a_time_is_a_duplicate(store: GraphStore, settings: Settings) -> None:
    apply_events(store, [event(1, at_given=False)], settings=settings)
    again = apply_events(store, [event(1, day=0.001, at_given=False)], settings=settings)
    assert again.outcomes == ("duplicate",)


def test_an_empty_batch_does_nothing(store: GraphStore, settings: Settings) -> None:
    assert apply_events(store, [], settings=settings).outcomes == ()


def random_events(seed: int, number: int, users: int = 3) -> list[Event]:
    chance = random.Random(seed)
    kinds = ["view", "purchase", "dislike", "rating"]
    events = []
    for n in range(number):
        kind = chance.choice(kinds)
        value = float(chance.randint(1, 5)) if kind == "rating" else None
        day = chance.choice([chance.uniform(-400, 0), -1.0])
        user = f"u{chance.randrange(users)}"
        events.append(event(f"{seed}-{n}", user, chance.choice(list(ABOUT)), day, kind, value=value))
    return events


@pytest.mark.parametrize("seed", range(4))
def test_any_order_and_batching_gives_the_formula(store: GraphStore, settings: Settings, seed: int) -> None:
    few_times = settings.model_copy(update={"events": EventSettings(times_kept=3)})
    events = random_events(seed, 60)
    chance = random.Random(seed)
    left = [*events, *events[:10]]
    chance.shuffle(left)
    while left:
        size = chance.choice([1, 2, 7, 20])
        apply_events(store, left[:size], settings=few_times)
        left = left[size:]
    check(store, events, few_times)


@pytest.mark.parametrize("seed", range(2))
def test_a_bulk_import_gives_the_formula_too(store: GraphStore, settings: Settings, seed: int) -> None:
    about = {item: [(f"category:{name}", part) for name, part in parts.items()] for item, parts in ABOUT.items()}
    few_times = settings.model_copy(update={"events": EventSettings(times_kept=3)})
    events = random_events(seed, 60, users=5)
    for batch in (events[:25], events[20:], events[:60]):
        apply_events(store, batch, settings=few_times, mark_unfolded=False, about=about)
    check(store, events, few_times)
    assert stored_events(store) == 60
    assert ask(store, "MATCH (e:Unfolded) RETURN count(e) AS n") == [{"n": 0}]


def test_the_same_batches_at_the_same_time_count_once(store: GraphStore, settings: Settings) -> None:
    events = random_events(9, 80, users=6)
    batches = [events[:50], events[30:], list(reversed(events)), events[:50], events[70:]]
    with ThreadPoolExecutor(5) as pool:
        results = list(pool.map(lambda batch: apply_events(store, batch, settings=settings), batches))
    assert sum(result.accepted for result in results) == 80
    assert stored_events(store) == 80
    check(store, events, settings)


def test_the_same_id_for_two_users_at_the_same_time_is_one_event_and_one_conflict(
    store: GraphStore, settings: Settings
) -> None:
    def send(user: str) -> str:
        try:
            apply_events(store, [event(1, user=user)], settings=settings)
        except ConflictError:
            return "conflict"
        return "accepted"

    for _ in range(5):
        store_wipe = "MATCH (n) WHERE n:Event OR n:User DETACH DELETE n"
        store.write_transaction(lambda tx: tx.run_text(store_wipe).consume())  # noqa: B023
        with ThreadPoolExecutor(4) as pool:
            outcomes = sorted(pool.map(send, ["a", "b", "c", "d"]))
        assert outcomes == ["accepted", "conflict", "conflict", "conflict"]
        assert stored_events(store) == 1
        assert len(interacted(store)) == 1


def test_history_is_the_latest_first(store: GraphStore, settings: Settings) -> None:
    events = [
        event("a", item="i1", day=1),
        event("b", item="i2", day=2, kind="view"),
        event("c", item="i3", day=2),
        event("d", item="i1", day=0, kind="dislike"),
        event("z", user="u2"),
        Event("s", "search", "u1", None, NOW + 9 * DAY, query="oat"),
    ]
    result = apply_events(store, events, settings=settings)
    found = history(store, "u1", limit=10, bookmarks=result.bookmarks)
    assert [(entry.item_id, entry.type) for entry in found] == [
        ("i3", "purchase"),
        ("i2", "view"),
        ("i1", "purchase"),
        ("i1", "dislike"),
    ]
    assert history(store, "u1", limit=2) == found[:2]
    assert [entry.item_id for entry in history(store, "u1", limit=2, types=["purchase"])] == ["i3", "i1"]
    assert history(store, "nobody", limit=2) == []


def test_weights_read_in_cypher_and_python_are_equal(store: GraphStore, settings: Settings) -> None:
    apply_events(store, random_events(3, 30), settings=settings)
    half_life = days_ms(settings.interests.half_life_days)
    rows = ask(
        store,
        "MATCH (:User)-[r:INTERESTED_IN]->() RETURN r.weight AS weight, r.updated_at AS updated_at, "
        "r.weight * 2 ^ (-($at - r.updated_at) / $half_life) AS value",
        at=NOW + 77 * DAY,
        half_life=half_life,
    )
    assert rows
    for row in rows:
        assert row["value"] == pytest.approx(
            value_at(row["weight"], row["updated_at"], NOW + 77 * DAY, half_life), rel=1e-9
        )
