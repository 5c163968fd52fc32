"""Recommendations that follow a living graph."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from pydantic import SecretStr

from engine.cooccurrence.fold import fold
from engine.domain import MS_PER_DAY, Event, now_ms
from engine.embedded import endpoints
from engine.errors import DatabaseUnavailableError, InvalidInputError
from engine.events.apply import apply_events
from engine.graph.entities import About, Interest, Item, upsert_interests, upsert_items
from engine.graph.store import GraphStore
from engine.graph.versions import activate, create_version, mark_ready
from engine.graph.writeback import Fence, write_vectors
from engine.interests.declared import declare_interests
from engine.pipelines.fold import fold_waiting
from engine.ranking.answers import RecommendationList
from engine.ranking.refresher import Refresher
from engine.ranking.service import Recommender
from engine.settings import ApiSettings, Neo4jSettings, RankingSettings, Settings
from tests.support.model_folder import write_model
from tests.support.proxy import Proxy

NOW = now_ms()
FIRST, SECOND = "v20260101000000", "v20260202000000"
ITEMS = [
    Item("bread", title="Sourdough bread", attributes={"brand": "mill"}, about=[About("category", "Bakery")]),
    Item("butter", title="Butter", about=[About("category", "Dairy")]),
    Item("jam", title="Jam", about=[About("category", "Spreads")]),
    Item("milk", title="Milk", about=[About("category", "Dairy")]),
    Item("soap", title="Soap", about=[About("category", "Household")]),
]
VECTORS = {"bread": (1, 0), "butter": (0.9, 0.1), "jam": (0.8, 0.2), "milk": (0.5, 0.5), "soap": (-1, 0)}


def buys(user: str, *items: str, start: float = 10) -> list[Event]:
    """A purchase a day."""
    return [
        Event(f"{user}-{item}-{start}-{day}", "purchase", user, item, NOW - int((start - day) * MS_PER_DAY))
        for day, item in enumerate(items)
    ]


@pytest.fixture
def settings(neo4j_server: Settings, tmp_path: Path) -> Settings:
    ranking = RankingSettings(refresh_s=0.05, diversity=0)
    found = endpoints(neo4j_server)
    return neo4j_server.model_copy(
        update={
            "home": tmp_path,
            "ranking": ranking,
            # However busy the machine is: the limit has a test of its own.
            "api": ApiSettings(freshness_wait_s=60),
            "neo4j_uri": found.neo4j_uri,
            "neo4j_user": found.neo4j_user,
            "neo4j_password": SecretStr(found.neo4j_password),
        }
    )


@pytest.fixture
def graph(store: GraphStore, settings: Settings) -> GraphStore:
    """Items that three people bought one after the other."""
    upsert_items(store, ITEMS)
    for user in ("ann", "bob", "cem"):
        apply_events(store, buys(user, "bread", "butter"), settings=settings)
    apply_events(store, buys("dan", "milk", "jam"), settings=settings)
    fold(store, settings)
    return store


@pytest.fixture
def recommender(graph: GraphStore, settings: Settings) -> Iterator[Recommender]:
    made = Recommender(graph, settings)
    yield made
    made.close()


def make_version(
    store: GraphStore, settings: Settings, version: str, vectors: Mapping[str, Sequence[float]], *, model: bool = True
) -> None:
    dim = len(next(iter(vectors.values())))
    if model:
        write_model(settings.models_dir, version, dim)
    create_version(store, dim=dim, model="test", version=version)
    put_vectors(store, version, vectors)
    mark_ready(store, version)


def put_vectors(store: GraphStore, version: str, vectors: Mapping[str, Sequence[float]]) -> None:
    write_vectors(
        store, "Item", list(vectors), np.array(list(vectors.values()), np.float32), fence=Fence(version=version)
    )


def ids(found: RecommendationList) -> list[str]:
    return [item.item_id for item in found.items]


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 180
    while not holds():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)


def terms(found: RecommendationList, item: str) -> dict[str, float]:
    return {term.name: term.value for entry in found.items if entry.item_id == item for term in entry.terms}


def test_an_event_changes_the_next_answer(graph: GraphStore, recommender: Recommender, settings: Settings) -> None:
    before = recommender.recommend("eve", 5)
    assert (before.known, before.newcomer, before.version) == (False, True, None)
    assert len(before.items) == 5
    result = apply_events(graph, buys("eve", "bread", start=0), settings=settings)
    after = recommender.recommend("eve", 5, freshness=result.token, explain=True)
    assert (after.known, after.newcomer) == (True, False)
    assert ids(after)[0] == "butter"
    assert "bread" not in ids(after)
    assert after.cut == {"seen": 1}
    assert not after.complete
    assert (
        after.items[0].reason == "Because you bought Sourdough bread today: people who bought it often take this next."
    )
    assert "bread" in ids(recommender.recommend("eve", 5, recommend_seen=True))


def test_interests_move_with_the_event(graph: GraphStore, recommender: Recommender, settings: Settings) -> None:
    result = apply_events(graph, buys("eve", "soap", start=0), settings=settings)
    found = recommender.recommend("eve", 5, freshness=result.token, recommend_seen=True)
    assert terms(found, "soap")["interests"] > 0 == terms(found, "jam")["interests"]
    only = recommender.recommend("eve", 5, interest="category:dairy")
    assert sorted(ids(only)) == ["butter", "milk"]
    assert only.cut == {"interest": 3}


def test_a_dislike_keeps_an_item_out(graph: GraphStore, recommender: Recommender, settings: Settings) -> None:
    events = [*buys("eve", "bread", start=1), Event("no", "dislike", "eve", "butter", NOW)]
    result = apply_events(graph, events, settings=settings)
    found = recommender.recommend("eve", 5, freshness=result.token, recommend_seen=True)
    assert "butter" not in ids(found)
    assert found.cut == {"disliked": 1}


def test_declared_interests_of_a_newcomer(graph: GraphStore, recommender: Recommender) -> None:
    declare_interests(graph, "new", {"category:household": 1.0}, at=NOW)
    found = recommender.recommend("new", 3, explain=True)
    assert (found.known, found.newcomer) == (True, True)
    assert ids(found)[0] == "soap"
    assert found.items[0].reason == "Because you like Household, 100 % of your interests."


def test_bad_arguments_are_named(recommender: Recommender) -> None:
    for field, arguments in [
        ("n", {"n": 0}),
        ("n", {"n": 101}),
        ("freshness", {"freshness": "nonsense"}),
        ("diversity", {"diversity": 1.5}),
        ("interest", {"interest": "category:nothing"}),
    ]:
        with pytest.raises(InvalidInputError) as caught:
            recommender.recommend("ann", **arguments)  # type: ignore[arg-type]
        assert caught.value.field == field


def test_the_active_version_is_followed(graph: GraphStore, recommender: Recommender, settings: Settings) -> None:
    recommender.start(wait_s=180)
    assert recommender.recommend("dan").version is None
    make_version(graph, settings, FIRST, VECTORS)
    activate(graph, FIRST)
    eventually(lambda: recommender.recommend("dan").version == FIRST)
    first = recommender.recommend("dan", explain=True)
    assert "sequence" in terms(first, "butter")
    for item in first.items:
        assert sum(term.value for term in item.terms) == item.score
    make_version(graph, settings, SECOND, {name: (0, *vector) for name, vector in VECTORS.items()})
    activate(graph, SECOND)
    eventually(lambda: recommender.recommend("dan").version == SECOND)
    assert terms(recommender.recommend("dan"), "butter") == pytest.approx(terms(first, "butter"))
    assert recommender.status().items_with_vector == 5


def test_vectors_written_later_are_followed(graph: GraphStore, recommender: Recommender, settings: Settings) -> None:
    make_version(graph, settings, FIRST, {name: VECTORS[name] for name in ("bread", "butter")})
    activate(graph, FIRST)
    recommender.start(wait_s=180)
    eventually(lambda: recommender.status().items_with_vector == 2)
    upsert_items(graph, [Item("tea", title="Tea")])
    put_vectors(graph, FIRST, {"tea": (9, 0), "jam": (0, 1)})
    eventually(lambda: recommender.status().items_with_vector == 4)
    found = recommender.recommend("ann", recommend_seen=True)
    assert terms(found, "tea")["sequence"] == max(terms(found, name)["sequence"] for name in ids(found))


def test_a_missing_model_is_said_and_served_without(
    graph: GraphStore, recommender: Recommender, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.ranking.refresher._RETRY_MODEL_S", 0.05)
    make_version(graph, settings, FIRST, VECTORS, model=False)
    activate(graph, FIRST)
    recommender.start(wait_s=180)
    found = recommender.recommend("ann")
    assert found.version is None
    assert len(found.items) == 3
    problem = recommender.status().problem
    assert problem is not None
    assert FIRST in problem and "Copy the folder" in problem
    write_model(settings.models_dir, FIRST, 3)
    eventually(lambda: "vectors of length 3" in (recommender.status().problem or ""))
    write_model(settings.models_dir, FIRST, 2)
    eventually(lambda: recommender.recommend("ann").version == FIRST)
    assert recommender.status().problem is None
    # A version whose model is missing does not drive out the one that is served.
    make_version(graph, settings, SECOND, VECTORS, model=False)
    activate(graph, SECOND)
    eventually(lambda: SECOND in (recommender.status().problem or ""))
    assert recommender.recommend("ann").version == FIRST


def test_no_answer_mixes_versions(graph: GraphStore, recommender: Recommender, settings: Settings) -> None:
    """Each version gives each item a log-probability of its own; every answer must be of one of them as a whole."""
    make_version(graph, settings, FIRST, VECTORS)
    make_version(graph, settings, SECOND, {name: (x, y, -3 * x) for name, (x, y) in VECTORS.items()})
    expected: dict[str | None, dict[str, float]] = {}
    for version in (FIRST, SECOND):
        activate(graph, version)
        recommender.refresh()
        found = recommender.recommend("dan", recommend_seen=True)
        assert found.version == version
        expected[version] = {name: terms(found, name)["sequence"] for name in VECTORS}
    assert expected[FIRST] != expected[SECOND]
    recommender.start(wait_s=180)
    seen: set[str | None] = set()
    wrong: list[object] = []
    done = threading.Event()

    def hammer() -> None:
        while not done.is_set():
            found = recommender.recommend("dan", recommend_seen=True, explain=True)
            seen.add(found.version)
            if {name: terms(found, name)["sequence"] for name in VECTORS} != expected[found.version]:
                wrong.append(found)

    threads = [threading.Thread(target=hammer) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for round_ in range(8):
            version = (FIRST, SECOND)[round_ % 2]
            activate(graph, version)
            eventually(lambda version=version: recommender.status().version == version)  # type: ignore[misc]
            eventually(lambda version=version: version in seen)  # type: ignore[misc]
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert wrong == []
    assert seen == {FIRST, SECOND}


def test_it_survives_a_database_that_goes_away(graph: GraphStore, settings: Settings) -> None:
    address = urlsplit(settings.neo4j_uri or "")
    with Proxy(address.hostname or "", address.port or 0) as proxy:
        quick = Neo4jSettings(retry_s=0.2, acquire_timeout_s=60)
        away = settings.model_copy(update={"neo4j_uri": f"bolt://127.0.0.1:{proxy.port}", "neo4j": quick})
        with GraphStore.open(away) as store:
            recommender = Recommender(store, away)
            recommender.start(wait_s=180)
            assert ids(recommender.recommend("ann"))
            proxy.cut()
            eventually(lambda: recommender.status().failures > 0)
            with pytest.raises(DatabaseUnavailableError):
                recommender.recommend("ann")
            assert recommender.status().loaded
            assert recommender.status().problem is not None
            apply_events(graph, buys("fay", "soap", "jam", start=0.5), settings=settings)
            fold(graph, settings)
            proxy.mend()
            eventually(lambda: recommender.status().problem is None)
            eventually(lambda: [item.item_id for item in recommender.similar("soap").items] == ["jam"])
            assert recommender.status().full_loads == 1
            recommender.close()


def test_interests_that_nothing_is_about_are_known(graph: GraphStore, recommender: Recommender) -> None:
    recommender.start(wait_s=180)
    upsert_interests(graph, [Interest("topic:tennis", "topic", "Tennis")])
    eventually(lambda: recommender.status().interests == 5)
    assert recommender.recommend("ann", interest="topic:tennis").items == ()


def test_rows_that_are_behind_are_read_when_they_are_needed(
    graph: GraphStore, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.ranking import edges

    # No look reads any row: all are left to the answers.
    monkeypatch.setattr(edges, "ROWS_A_LOOK", 0)
    recommender = Recommender(graph, settings)
    try:
        recommender.refresh()
        assert recommender.similar("bread", 3).items[0].item_id == "butter"
        for user in "vwxyz":
            apply_events(graph, buys(user, "bread", "soap"), settings=settings)
        fold_waiting(graph, settings)
        assert recommender.refresh()
        snapshot = recommender._refresher.snapshot
        assert snapshot is not None
        behind = {snapshot.catalogue.ids[place] for place in snapshot.behind}
        assert behind == {"bread", "soap"}
        token = apply_events(graph, buys("eve", "bread", start=0), settings=settings).token
        found = recommender.recommend("eve", 5, freshness=token)
        assert ids(found)[0] == "soap"
        assert terms(found, "soap")["co_occurrence"] > terms(found, "butter")["co_occurrence"] > 0
        # What an answer read is there for all after the next look.
        assert recommender.refresh()
        snapshot = recommender._refresher.snapshot
        assert snapshot is not None
        assert {snapshot.catalogue.ids[place] for place in snapshot.behind} == {"soap"}
        whole = Refresher(graph, settings)
        whole.refresh()
        assert whole.snapshot is not None
        for name in ("bread", "butter"):
            place, other = snapshot.catalogue.index[name], whole.snapshot.catalogue.index[name]
            mine = {snapshot.catalogue.ids[t]: w for t, w in zip(*snapshot.following(place), strict=True)}
            theirs = {whole.snapshot.catalogue.ids[t]: w for t, w in zip(*whole.snapshot.following(other), strict=True)}
            assert mine == pytest.approx(theirs)
    finally:
        recommender.close()


def test_followed_users_give_a_newcomer_candidates(graph: GraphStore, settings: Settings) -> None:
    apply_events(graph, buys("pia", "soap", start=1), settings=settings)
    follow = Event("f", "follow", "new", None, NOW, followed_id="pia")
    token = apply_events(graph, [follow], settings=settings).token
    recommender = Recommender(graph, settings)
    try:
        found = recommender.recommend("new", 5, freshness=token, explain=True)
        assert found.newcomer
        value = terms(found, "soap")["neighbours"]
        assert value > 0 == terms(found, "jam")["neighbours"]
        [path] = [term.path for item in found.items for term in item.terms if term.value == value]
        assert [step["user_id"] for step in path] == ["pia"]
        off = settings.model_copy(update={"ranking": settings.ranking.model_copy(update={"neighbours": 0.0})})
        without = Recommender(graph, off).recommend("new", 5, freshness=token)
        assert "neighbours" not in terms(without, "soap")
    finally:
        recommender.close()
