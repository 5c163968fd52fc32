"""Newcomers get what people with the same attributes take: from the graph, by the job, to the answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from engine.domain import MS_PER_DAY, Event, JobState, now_ms
from engine.errors import FencedError
from engine.events.apply import apply_events
from engine.graph.entities import Item, User, upsert_items, upsert_users
from engine.graph.store import GraphStore
from engine.jobs import create_job, get_job
from engine.jobs.job import Job
from engine.jobs.run import run_job
from engine.pipelines.demographics import count_demographics, demographics_due
from engine.pipelines.handlers import handler
from engine.ranking.service import Recommender
from engine.settings import Settings

NEWCOMERS = {
    "girl": {"gender": "F", "age": 20},
    "man": {"gender": "M", "age": 60},
    "rare": {"gender": "X", "age": "unknown"},
    "nobody": {},
}


def with_ranking(settings: Settings, **changes: Any) -> Settings:
    ranking = settings.ranking.model_copy(
        update={"demographics": ("gender", "age"), "demographics_pseudo_events": 10.0, "diversity": 0.0, **changes}
    )
    return settings.model_copy(update={"ranking": ranking})


@pytest.fixture
def settings(neo4j_server: Settings) -> Settings:
    return with_ranking(neo4j_server)


@pytest.fixture
def people(store: GraphStore, settings: Settings) -> None:
    """Thirty women who take w-items and thirty men who take m-items; both take `all` most; five are of a third kind."""
    upsert_items(store, [Item(name) for name in ("all", "w1", "w2", "m1", "m2")])
    kinds = ["F"] * 30 + ["M"] * 30 + ["X"] * 5
    users = [User(f"u{n:02}", {"gender": kind, "age": 20 + n % 2 * 40}) for n, kind in enumerate(kinds)]
    upsert_users(store, [*users, *(User(name, had) for name, had in NEWCOMERS.items())])
    start = now_ms() - MS_PER_DAY
    events = []
    for number, kind in enumerate(kinds):
        own = {"F": ["w1", "w2"], "M": ["m1", "m2"], "X": ["m1"]}[kind]
        for step, name in enumerate(["all", *own[: 1 + number % 2], "all"]):
            events.append(Event(f"e{number}-{step}", "purchase", f"u{number:02}", name, start + number * 10 + step))
    events.append(Event("disliked", "dislike", "u00", "m2", start))
    apply_events(store, events, settings=settings, create_missing=True)


@pytest.fixture
def recommender(store: GraphStore, settings: Settings) -> Iterator[Recommender]:
    made = Recommender(store, settings)
    yield made
    made.close()


def ran(store: GraphStore, settings: Settings) -> Job:
    job = create_job(store, "count_demographics", {})
    run_job(store, settings, job.id, handler(job.kind, settings, lambda other: None))
    return get_job(store, job.id)


def nodes(store: GraphStore) -> dict[str, Any]:
    text = "MATCH (d:Demographic) RETURN d.attribute + '=' + d.label, d {.users, .items, .run} ORDER BY d.id"
    return dict(store.read_transaction(lambda tx: tx.run_text(text).values()))


@pytest.mark.usefixtures("people")
def test_newcomers_get_what_people_alike_take(store: GraphStore, settings: Settings, recommender: Recommender) -> None:
    before = recommender.recommend("girl", 5, explain=True)
    assert all(term.name != "demographics" for entry in before.items for term in entry.terms)
    assert demographics_due(store, settings)
    done = ran(store, settings)
    assert done.state is JobState.SUCCEEDED, done.error
    # Those of the third kind and the newcomers have attributes too, but too few of them took anything.
    assert done.result == {"attributes": 2, "users": 68, "groups": 4}
    found = nodes(store)
    assert {name: node["users"] for name, node in found.items()} == {
        "gender=F": 30,
        "gender=M": 30,
        "age=20": 33,
        "age=60": 32,
    }
    assert found["gender=F"]["items"] == ["all", "w1", "w2"]
    assert not demographics_due(store, settings)
    assert demographics_due(store, settings, now=now_ms() + 2 * 3_600_000) is False  # nothing happened since

    assert recommender.refresh()
    girl = recommender.recommend("girl", 5, explain=True)
    man = recommender.recommend("man", 5, explain=True)
    assert {entry.item_id for entry in girl.items[:3]} == {"all", "w1", "w2"}
    assert {entry.item_id for entry in man.items[:3]} == {"all", "m1", "m2"}
    for entry in (*girl.items, *man.items):
        assert sum(term.value for term in entry.terms) == entry.score
        [term] = [term for term in entry.terms if term.name == "demographics"]
        assert sum(step["value"] for step in term.path) == pytest.approx(term.value)  # type: ignore[misc]
    reasons = {entry.item_id: entry.reason for entry in girl.items}
    assert reasons["w1"] == "Because people with the same gender as you (F) take it more often than others."
    for name in ("rare", "nobody", "stranger", "u00"):
        answer = recommender.recommend(name, 5, recommend_seen=True)
        assert all(term.name != "demographics" for entry in answer.items for term in entry.terms), name

    # A new event and an hour: it is counted again; without attributes in the settings what was counted goes.
    apply_events(store, [Event("late", "purchase", "u01", "m1", now_ms())], settings=settings)
    assert demographics_due(store, settings, now=now_ms() + 2 * 3_600_000)
    off = with_ranking(settings, demographics=())
    assert demographics_due(store, off)
    assert ran(store, off).result == {"attributes": 0, "users": 0, "groups": 0}
    assert nodes(store) == {}
    assert not demographics_due(store, off)
    assert recommender.refresh()
    after = recommender.recommend("girl", 5)
    assert all(term.name != "demographics" for entry in after.items for term in entry.terms)


@pytest.mark.usefixtures("people")
def test_an_attribute_taken_off_the_list_is_not_served_at_once(store: GraphStore, settings: Settings) -> None:
    ran(store, settings)
    fewer = Recommender(store, with_ranking(settings, demographics=("age",)))
    fewer.refresh()
    [entry, *_] = fewer.recommend("girl", 1, explain=True).items
    [term] = [term for term in entry.terms if term.name == "demographics"]
    assert [step["attribute"] for step in term.path] == ["age"]
    fewer.close()


@pytest.mark.usefixtures("people")
def test_a_count_that_another_one_overtook_writes_nothing(store: GraphStore, settings: Settings) -> None:
    ran(store, settings)
    before = nodes(store)

    def overtake(done: int, total: int) -> None:
        store.write("demographics/begin", run="other", at=now_ms(), names=["gender", "age"])

    with pytest.raises(FencedError):
        count_demographics(store, settings, run="slow", progress=overtake)
    # What was whole stays what readers see.
    assert nodes(store) == before


def test_a_name_that_no_attribute_has_fails_with_what_to_do(store: GraphStore, settings: Settings) -> None:
    wrong = with_ranking(settings, demographics=("interest_mass",))
    upsert_users(store, [User("u", {"age": 1})])
    done = ran(store, wrong)
    assert done.state is JobState.FAILED
    assert done.error is not None
    assert "INTERESTGRAPH_RANKING__DEMOGRAPHICS" in done.error["field"]
