"""A live graph against its events, on every supported server."""

from __future__ import annotations

import random
from typing import Any

import pytest

from engine.cooccurrence.rebuild import rebuild
from engine.cooccurrence.withdraw import withdraw_events
from engine.domain import MS_PER_DAY, Event
from engine.errors import ConflictError
from engine.events.apply import apply_events
from engine.events.ingest import ingest
from engine.graph.store import GraphStore
from engine.pipelines.fold import fold_waiting
from engine.settings import Settings
from engine.verification.compare import ABOUT_CHANGED, LOG_GAP
from engine.verification.repair import repair_users
from engine.verification.report import Report
from engine.verification.rows import LOST, PRUNED
from engine.verification.verify import Part, verify
from tests.integration.test_cooccurrence import ask, tell

DAY = MS_PER_DAY
NOW = 20_000 * DAY
ITEMS = [f"i{n}" for n in range(8)]


@pytest.fixture
def settings() -> Settings:
    return Settings(_env_file=None)


@pytest.fixture
def graph(store: GraphStore, settings: Settings) -> GraphStore:
    """Four users, eight items about four interests, 160 events of every kind, folded."""
    tell(
        store,
        "UNWIND range(0, 3) AS n CREATE (:Interest {id: 'x' + n, kind: 'tag', name: 'word' + n}) "
        "WITH count(*) AS made UNWIND range(0, 7) AS n CREATE (i:Item {id: 'i' + n}) WITH i, n "
        "MATCH (x:Interest {id: 'x' + (n % 4)}), (y:Interest {id: 'x' + ((n + 1) % 4)}) "
        "CREATE (i)-[:ABOUT {weight: 0.7}]->(x), (i)-[:ABOUT {weight: 0.3}]->(y)",
    )
    for part in parts(random_events(1, 160), 23):
        assert ingest(store, part, settings=settings).refused == 0
        fold_waiting(store, settings)
    return store


def random_events(seed: int, number: int) -> list[dict[str, Any]]:
    chance = random.Random(seed)
    events = []
    for n in range(number):
        kind = chance.choice(["purchase", "view", "view", "dislike", "rating"])
        event: dict[str, Any] = {
            "id": f"e{seed}-{n}",
            "type": kind,
            "user_id": f"u{chance.randrange(4)}",
            "item_id": chance.choice(ITEMS),
            "at": NOW - int(chance.uniform(0, 200) * DAY),
        }
        if kind == "rating":
            event["value"] = chance.choice([1.0, 2.0, 3.0, 5.0])
        events.append(event)
    return events


def parts(events: list[dict[str, Any]], size: int) -> list[list[dict[str, Any]]]:
    return [events[start : start + size] for start in range(0, len(events), size)]


def differences(report: Report) -> dict[str, dict[str, int]]:
    return {check.name: check.kinds for check in report.checks if check.kinds}


def test_a_graph_made_by_events_is_what_they_say(graph: GraphStore, settings: Settings) -> None:
    told: list[tuple[str, int, int]] = []
    report = verify(graph, settings, progress=lambda *step: told.append(step))
    assert differences(report) == {}
    assert report.ok
    assert report.events == 160
    compared = {check.name: check.compared for check in report.checks}
    [counted] = ask(
        graph,
        "RETURN COUNT { ()-[:INTERACTED]->() } AS interacted, COUNT { ()-[:INTERESTED_IN]->() } AS interests, "
        "COUNT { ()-[:CO_OCCURS]->() } AS co_occurrence",
    )
    assert compared["interacted"] == counted["interacted"] > 50
    assert compared["interests"] == counted["interests"] == 16
    assert compared["co_occurrence"] == counted["co_occurrence"] > 50
    assert compared["popularity"] == 8
    assert {check.name: check.apart for check in report.checks if check.apart} == {}
    assert {stage for stage, _, _ in told} == {"integrity", "users", "events", "rows", "edges"}
    assert told[-1] == ("edges", 8, 8)


RELATIONSHIPS = (
    "MATCH (u:User)-[r:INTERACTED|INTERESTED_IN]->(x) RETURN u.id AS u, x.id AS x, type(r) AS t, properties(r) AS p "
    "ORDER BY u, t, x, p.event"
)
DAMAGE = {
    "count": (
        "MATCH (:User {id: 'u1'})-[r:INTERACTED]->() WITH r LIMIT 1 SET r.count = r.count + 1",
        "interacted",
        "count",
    ),
    "weight": (
        "MATCH (:User {id: 'u1'})-[r:INTERACTED {event: 'purchase'}]->() WITH r LIMIT 1 "
        "SET r.weight = r.weight * 1.00000001",
        "interacted",
        "weight",
    ),
    "times": (
        "MATCH (:User {id: 'u1'})-[r:INTERACTED]->() WHERE r.count > 1 WITH r LIMIT 1 SET r.times = r.times[1..]",
        "interacted",
        "times",
    ),
    "last_at": (
        "MATCH (:User {id: 'u1'})-[r:INTERACTED]->() WITH r LIMIT 1 SET r.last_at = r.last_at + 1",
        "interacted",
        "last_at",
    ),
    "no interaction": ("MATCH (:User {id: 'u2'})-[r:INTERACTED]->() WITH r LIMIT 1 DELETE r", "interacted", "missing"),
    "interaction of nothing": (
        "MATCH (u:User {id: 'u2'}), (i:Item {id: 'i0'}) CREATE (u)-[:INTERACTED {event: 'like', count: 1, times: [5], "
        "last_at: 5, weight: 0.8, updated_at: 5}]->(i)",
        "interacted",
        "surplus",
    ),
    "interaction twice": (
        "MATCH (u:User {id: 'u2'})-[r:INTERACTED]->(i) WITH u, r, i LIMIT 1 CREATE (u)-[s:INTERACTED]->(i) "
        "SET s = properties(r)",
        "interacted",
        "doubled",
    ),
    "negative count": (
        "MATCH (:User {id: 'u1'})-[r:INTERACTED]->() WITH r LIMIT 1 SET r.count = -1",
        "interacted",
        "impossible",
    ),
    "mass": (
        "MATCH (:User {id: 'u3'})-[r:INTERESTED_IN]->(:Interest {id: 'x1'}) "
        "WITH r, coalesce(r.mass, r.weight) + 0.000001 AS mass "
        "SET r.mass = CASE WHEN mass < 0 THEN mass END, r.weight = CASE WHEN mass > 0 THEN mass ELSE 0.0 END",
        "interests",
        "mass",
    ),
    "interest count": (
        "MATCH (:User {id: 'u3'})-[r:INTERESTED_IN]->(:Interest {id: 'x1'}) SET r.count = r.count - 1",
        "interests",
        "count",
    ),
    "no interest": (
        "MATCH (:User {id: 'u3'})-[r:INTERESTED_IN]->(:Interest {id: 'x1'}) DELETE r",
        "interests",
        "missing",
    ),
    "sum of interests": (
        "MATCH (u:User {id: 'u0'}) SET u.interest_mass = u.interest_mass * 1.01",
        "interest_mass",
        "interest_mass",
    ),
    "edge count": (
        "MATCH (:Item {id: 'i1'})-[r:CO_OCCURS]->(:Item {id: 'i2'}) SET r.count = r.count + 1",
        "co_occurrence",
        "count",
    ),
    "edge weight": (
        "MATCH (:Item {id: 'i1'})-[r:CO_OCCURS]->(:Item {id: 'i2'}) SET r.weight = r.weight * 0.99999999",
        "co_occurrence",
        "weight",
    ),
    "no edge": ("MATCH (:Item {id: 'i1'})-[r:CO_OCCURS]->(:Item {id: 'i2'}) DELETE r", "co_occurrence", "missing"),
    "edge of nothing": (
        "MATCH (i:Item {id: 'i1'}) CREATE (j:Item {id: 'i9'}) CREATE (i)-[:CO_OCCURS {count: 1, weight: 0.1, "
        "updated_at: 5}]->(j)",
        "co_occurrence",
        "surplus",
    ),
    "edge to itself": (
        "MATCH (i:Item {id: 'i1'}) CREATE (i)-[:CO_OCCURS {count: 1, weight: 0.1, updated_at: 5}]->(i)",
        "integrity",
        "CO_OCCURS with itself",
    ),
    "popularity": ("MATCH (i:Item {id: 'i3'}) SET i.popularity = i.popularity + 0.001", "popularity", "popularity"),
    "event without user": (
        "CREATE (:Event {id: 'lost', type: 'view', user_id: 'nobody', item_id: 'i1', at: 5})",
        "integrity",
        "event without its user",
    ),
    "event without item": (
        "CREATE (:Event {id: 'lost', type: 'view', user_id: 'u1', item_id: 'nothing', at: 5})",
        "integrity",
        "event without its item",
    ),
    # One of several: were it the only one, nothing should be there, and the difference had another name.
    "lost event": (
        "MATCH (:User {id: 'u1'})-[r:INTERACTED]->(i) WHERE r.count > 1 WITH r.event AS type, i.id AS item "
        "ORDER BY item, type LIMIT 1 MATCH (e:Event {user_id: 'u1', type: type, item_id: item}) "
        "WITH e ORDER BY e.id LIMIT 1 DELETE e",
        "interacted",
        "count",
    ),
}


def test_each_damage_is_found_and_named(graph: GraphStore, settings: Settings) -> None:
    for name, (damage, check, kind) in DAMAGE.items():
        with Undone(graph):
            tell(graph, damage)
            report = verify(graph, settings)
            assert not report.ok, name
            assert report.check(check).kinds.get(kind, 0) >= 1, (name, differences(report))
            example = next(entry for entry in report.check(check).examples if entry.kind == kind)
            assert example.where, name
    assert verify(graph, settings).ok


def rounded(properties: dict[str, Any]) -> dict[str, Any]:
    return {name: float(f"{value:.9g}") if isinstance(value, float) else value for name, value in properties.items()}


class Undone:
    """Keeps the whole graph and puts it back."""

    def __init__(self, store: GraphStore) -> None:
        self._store = store

    def __enter__(self) -> None:
        self._nodes = ask(
            self._store,
            "MATCH (n) WHERE NOT n:Migration AND NOT n:Lease RETURN labels(n) AS l, "
            "properties(n) AS p, elementId(n) AS id",
        )
        self._edges = ask(
            self._store,
            "MATCH (a)-[r]->(b) RETURN elementId(a) AS a, elementId(b) AS b, type(r) AS t, properties(r) AS p",
        )

    def __exit__(self, *_: object) -> None:
        from tests.conftest import wipe

        wipe(self._store)
        tell(
            self._store,
            "UNWIND $nodes AS node CALL (node) { CREATE (n:$(node.l)) SET n = node.p, n.was = node.id }",
            nodes=self._nodes,
        )
        tell(
            self._store,
            "MATCH (n) WHERE n.was IS NOT NULL WITH collect([n.was, n]) AS all "
            "UNWIND $edges AS edge "
            "WITH edge, [p IN all WHERE p[0] = edge.a][0][1] AS a, [p IN all WHERE p[0] = edge.b][0][1] AS b "
            "CREATE (a)-[r:$(edge.t)]->(b) SET r = edge.p",
            edges=self._edges,
        )
        tell(self._store, "MATCH (n) WHERE n.was IS NOT NULL REMOVE n.was")


def test_events_that_wait_are_not_counted_in_rows_and_damage_nothing(graph: GraphStore, settings: Settings) -> None:
    ingest(graph, random_events(2, 40), settings=settings)
    assert ask(graph, "MATCH (e:Unfolded) RETURN count(e) AS n")[0]["n"] > 0
    assert differences(verify(graph, settings)) == {}
    assert ask(graph, "MATCH (e:Unfolded) RETURN count(e) AS n")[0]["n"] > 0, "it has folded nothing"
    fold_waiting(graph, settings)
    assert differences(verify(graph, settings)) == {}


def test_a_changed_item_does_not_raise_an_alarm_but_damage_beyond_it_does(
    graph: GraphStore, settings: Settings
) -> None:
    tell(
        graph,
        "MATCH (i:Item {id: 'i1'})-[r:ABOUT]->() DELETE r WITH DISTINCT i MATCH (x:Interest {id: 'x3'}) "
        "CREATE (i)-[:ABOUT {weight: 1.0}]->(x) SET i.about_at = timestamp() + 1000",
    )
    report = verify(graph, settings, what=[Part.INTERESTS])
    assert report.ok
    assert report.check("interests").apart[ABOUT_CHANGED] > 0
    tell(
        graph,
        "MATCH (:User {id: 'u3'})-[r:INTERESTED_IN]->(:Interest {id: 'x1'}) SET r.mass = 1000.0, r.weight = 1000.0",
    )
    assert verify(graph, settings, what=[Part.INTERESTS]).check("interests").kinds == {"mass": 1}


def test_a_gap_of_the_log_is_told_apart(graph: GraphStore, settings: Settings) -> None:
    tell(
        graph,
        "MATCH (u:User {id: 'u3'})-[r:INTERESTED_IN]->(:Interest {id: 'x1'}) "
        "SET r.mass = 9.0, r.weight = 9.0, u.log_gap_at = 1",
    )
    report = verify(graph, settings, what=[Part.INTERESTS])
    assert report.check("interests").apart == {LOG_GAP: 1}


def test_pruned_rows_are_reported_apart(store: GraphStore) -> None:
    settings = Settings(_env_file=None, co_occurrence={"max_edges_per_item": 2})
    chance = random.Random(3)
    tell(store, "UNWIND range(0, 7) AS n CREATE (:Item {id: 'i' + n})")
    for n in range(30):
        events = [
            Event(f"e{n}-{m}", "view", f"u{chance.randrange(5)}", chance.choice(ITEMS), NOW + n * DAY + m)
            for m in range(6)
        ]
        apply_events(store, events, settings=settings)
        fold_waiting(store, settings)
    report = verify(store, settings, what=[Part.CO_OCCURRENCE, Part.POPULARITY])
    assert differences(report) == {}
    assert report.check("co_occurrence").apart[PRUNED] > 0
    rebuild(store, settings)
    report = verify(store, settings, what=[Part.CO_OCCURRENCE, Part.POPULARITY])
    assert (differences(report), report.check("co_occurrence").apart) == ({}, {})
    tell(store, "MATCH (i:Item {id: 'i1'})-[r:CO_OCCURS]->() WITH r LIMIT 1 DELETE r")
    assert verify(store, settings, what=[Part.CO_OCCURRENCE]).check("co_occurrence").apart == {LOST: 1}
    tell(store, "MATCH (i:Item {id: 'i2'})-[r:CO_OCCURS]->() SET r.count = r.count + 1")
    assert verify(store, settings, what=[Part.CO_OCCURRENCE]).check("co_occurrence").kinds == {"count": 2}


def test_a_row_that_was_cut_once_is_known_after_its_events_are_gone(store: GraphStore) -> None:
    settings = Settings(_env_file=None, co_occurrence={"max_edges_per_item": 2, "slack": 0.0, "window": 1})
    tell(store, "UNWIND range(0, 7) AS n CREATE (:Item {id: 'i' + n})")
    weak, strong = ["i0", "i5"], ["i0", "i1", "i0", "i2", "i0", "i1", "i0", "i2"]
    for number, items in enumerate([weak, strong]):
        for place, item in enumerate(items):
            apply_events(
                store, [Event(f"e{number}-{place}", "view", f"u{number}", item, NOW + place)], settings=settings
            )
        fold_waiting(store, settings)
    assert verify(store, settings, what=[Part.CO_OCCURRENCE]).ok
    # i0 lost its edge to i5 to stronger ones; now these lose their events, and two edges would fit again.
    assert withdraw_events(store, settings, "u1") == len(strong)
    fold_waiting(store, settings)
    report = verify(store, settings, what=[Part.CO_OCCURRENCE])
    assert (report.ok, report.check("co_occurrence").apart) == (True, {LOST: 1})
    rebuild(store, settings)
    report = verify(store, settings, what=[Part.CO_OCCURRENCE])
    assert (report.ok, report.check("co_occurrence").apart) == (True, {})


def test_a_recount_that_is_due_is_no_verdict(graph: GraphStore, settings: Settings) -> None:
    graph.write("cooccurrence/mark_stale")
    with pytest.raises(ConflictError):
        verify(graph, settings)
    assert verify(graph, settings, what=[Part.INTERACTED, Part.INTERESTS]).ok
    [state] = ask(graph, "MATCH (s:State {id: 'co_occurrence'}) RETURN s.paused_until AS until")
    assert state["until"] is None


def test_the_fold_stands_still_while_it_is_paused(graph: GraphStore, settings: Settings) -> None:
    ingest(graph, random_events(2, 40), settings=settings)
    tell(graph, "MATCH (s:State {id: 'co_occurrence'}) SET s.paused_until = timestamp() + 60000, s.paused_by = 'me'")
    assert fold_waiting(graph, settings).events == 0
    with pytest.raises(ConflictError):
        verify(graph, settings, what=[Part.CO_OCCURRENCE])
    tell(graph, "MATCH (s:State {id: 'co_occurrence'}) SET s.paused_until = timestamp() - 1")
    assert fold_waiting(graph, settings).events > 0


def test_a_sample_compares_fewer(graph: GraphStore, settings: Settings) -> None:
    whole, drawn = verify(graph, settings), verify(graph, settings, sample=1)
    for name in ("interacted", "interests", "co_occurrence", "popularity"):
        assert 0 < drawn.check(name).compared < whole.check(name).compared


def test_repair_sets_what_events_say_and_nothing_else(graph: GraphStore, settings: Settings) -> None:
    tell(graph, "MATCH (u:User {id: 'u2'}) SET u.nickname = 'b'")
    before = ask(
        graph,
        RELATIONSHIPS,
    )
    for damage, check, _ in DAMAGE.values():
        if check in ("interacted", "interests", "interest_mass") and "(e:Event" not in damage:
            tell(graph, damage)
    assert not verify(graph, settings, what=[Part.INTERACTED, Part.INTERESTS]).ok
    repaired = repair_users(graph, settings)
    assert repaired.users == 4 and repaired.changed >= 2
    assert differences(verify(graph, settings, what=[Part.INTERACTED, Part.INTERESTS])) == {}
    after = ask(
        graph,
        RELATIONSHIPS,
    )
    assert [(row["u"], row["x"], row["t"]) for row in after] == [(row["u"], row["x"], row["t"]) for row in before]
    for old, new in zip(before, after, strict=True):
        assert rounded(old["p"]) == rounded(new["p"])
    assert ask(graph, "MATCH (u:User {id: 'u2'}) RETURN u.nickname AS n") == [{"n": "b"}]
    assert repair_users(graph, settings).changed == 0
