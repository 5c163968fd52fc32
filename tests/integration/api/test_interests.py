"""Interests, their relations and course, profiles and neighbours over REST."""

from __future__ import annotations

from urllib.parse import quote

import httpx
import pytest

from engine.domain import MS_PER_DAY, now_ms
from engine.graph.store import GraphStore
from engine.pipelines.relations import relate_interests
from engine.settings import load_settings
from tests.integration.api.test_bad_input import assert_problem

pytestmark = pytest.mark.usefixtures("store")

ABOUT = {
    "tea": [{"kind": "category", "name": "Tea"}, {"kind": "brand", "name": "Own"}],
    "honey": [{"kind": "category", "name": "Honey"}],
    "beer": [{"kind": "category", "name": "Beer"}],
    "crisps": [{"kind": "category", "name": "Crisps"}],
}


@pytest.fixture
def now(api: httpx.Client) -> int:
    """A shop with behaviour until this time: a and b take tea and honey, x and y take beer and crisps."""
    now = now_ms()
    for item, about in ABOUT.items():
        body = {"title": item.title(), "about": about, "attributes": {"price": 2.0}}
        assert api.put(f"/v1/items/{item}", json=body).status_code == 201
    taken = [
        ("a", "tea"),
        ("a", "honey"),
        ("b", "tea"),
        ("b", "honey"),
        *[(u, i) for u in "xy" for i in ("beer", "crisps")],
    ]
    events = [
        {"id": f"{user}-{item}", "type": "purchase", "user_id": user, "item_id": item, "at": now - place * MS_PER_DAY}
        for place, (user, item) in enumerate(taken)
    ]
    assert api.post("/v1/events", json={"events": events}).status_code == 200
    return now


def test_interests_now_then_and_why(api: httpx.Client, now: int) -> None:
    found = api.get("/v1/users/a/interests", params={"evidence": 3}).json()
    assert sum(entry["share"] for entry in found["interests"]) == pytest.approx(1)
    by_id = {entry["id"]: entry for entry in found["interests"]}
    assert [entry["item_id"] for entry in by_id["category:tea"]["evidence"]] == ["tea"]
    assert by_id["category:tea"]["evidence"][0]["title"] == "Tea"
    assert by_id["category:tea"]["count"] == 1
    then = api.get("/v1/users/a/interests", params={"at": now - MS_PER_DAY}).json()
    assert [entry["id"] for entry in then["interests"]] == ["category:honey"]
    assert (then["at"], then["past"], then["complete"]) == (now - MS_PER_DAY, True, True)
    assert_problem(api.get("/v1/users/a/interests?evidence=21"), 422, field="evidence")


def test_interests_by_themselves(api: httpx.Client, now: int, store: GraphStore) -> None:
    assert [entry["id"] for entry in api.get("/v1/interests").json()["interests"]] == [
        "brand:own",
        "category:beer",
        "category:crisps",
        "category:honey",
        "category:tea",
    ]
    address = f"/v1/interests/{quote('category:tea', safe='')}"
    tea = api.get(address).json()
    assert (tea["kind"], tea["name"], tea["items"], tea["users"], tea["part_of"]) == ("category", "Tea", 1, 2, [])
    settings = load_settings(relations={"min_users": 2})
    relate_interests(store, settings, run="test", at=now)
    related = api.get(f"{address}/related").json()
    assert {entry["id"] for entry in related["related"]} == {"category:honey", "brand:own"}
    assert {entry["users"] for entry in related["related"]} == {2}
    assert (related["version"], related["alike"]) == (None, [])
    trend = api.get(f"{address}/trend", params={"bucket": "day", "number": 3, "at": now}).json()
    assert [bucket["events"] for bucket in trend["buckets"]] == [1, 0, 1]
    assert trend["mass"] == pytest.approx(0.5 + 0.5 * 2 ** (-2 / 60))
    assert trend["momentum"] > 1
    for part in ("", "/related", "/trend"):
        assert_problem(api.get(f"/v1/interests/nothing{part}"), 404, code="not_found", field="interest_id")
    assert_problem(api.get(f"{address}/trend?number=121"), 422, field="number")
    assert_problem(api.get(f"{address}/trend?bucket=year"), 422, field="bucket")


def test_a_profile(api: httpx.Client, now: int) -> None:
    found = api.get("/v1/users/a/profile", params={"offset_minutes": 120, "since": now - MS_PER_DAY, "at": now}).json()
    assert (found["known"], found["events"], found["novelty"]) == (True, 2, 1.0)
    assert sum(found["rhythm"]["hours"]) == pytest.approx(1)
    assert found["rhythm"]["offset_minutes"] == 120
    assert found["loyalty"]["strongest"] == "brand:own"
    assert found["price"] == {"events": 2, "mean": 2.0, "median": 2.0}
    assert found["breadth"]["effective"] > 2
    # Then there was honey alone.
    assert 0 < found["drift"]["distance"] < 1
    assert {entry["id"] for entry in found["drift"]["moved"]} == {"category:honey", "category:tea", "brand:own"}
    nobody = api.get("/v1/users/nobody/profile").json()
    assert (nobody["known"], nobody["events"], nobody["loyalty"]) == (False, 0, None)
    assert_problem(api.get(f"/v1/users/a/profile?since={now}&at={now}"), 422, field="since")
    assert_problem(api.get("/v1/users/a/profile?offset_minutes=1000"), 422, field="offset_minutes")


def test_neighbours(api: httpx.Client, now: int, store: GraphStore) -> None:
    text = (
        "MATCH (a:User {id: 'a'}), (b:User {id: 'b'}), (x:User {id: 'x'}) "
        "CREATE (a)-[:SIMILAR_TO {similarity: 0.9}]->(b), (b)-[:FOLLOWS {weight: 1.0}]->(x)"
    )
    store.write_transaction(lambda tx: tx.run_text(text).consume())
    found = api.get("/v1/users/a/neighbours", params={"depth": 2}).json()["neighbours"]
    assert [(entry["id"], entry["hops"], entry["via"], entry["path"]) for entry in found] == [
        ("b", 1, "similar", ["b"]),
        ("x", 2, "follows", ["b", "x"]),
    ]
    assert found[1]["weight"] == pytest.approx(0.9 * 0.5 * load_settings().social.hop_decay)
    assert len(api.get("/v1/users/a/neighbours").json()["neighbours"]) == 1
    assert len(api.get("/v1/users/a/neighbours?depth=2&follows=false").json()["neighbours"]) == 1
    assert api.get("/v1/users/nobody/neighbours").json()["neighbours"] == []
    assert_problem(api.get("/v1/users/a/neighbours?depth=9"), 422, field="depth")


def test_times_as_text(api: httpx.Client, now: int) -> None:
    milliseconds = api.get("/v1/users/a/interests?at=1767225600000").json()
    assert api.get("/v1/users/a/interests", params={"at": "2026-01-01T01:00:00+01:00"}).json() == milliseconds
    for wrong in ("yesterday", "2026-01-01T00:00:00", "-1"):
        assert_problem(api.get("/v1/users/a/interests", params={"at": wrong}), 422, field="at")


@pytest.mark.parametrize("kind", ["relate_interests", "discover_topics", "find_similar_users", "count_demographics"])
def test_jobs_are_asked_for(api: httpx.Client, store: GraphStore, kind: str) -> None:
    made = api.post(f"/v1/jobs/{kind}", json={})
    assert (made.status_code, made.json()["kind"], made.json()["state"]) == (202, kind, "queued")
    assert_problem(api.post(f"/v1/jobs/{kind}", json={"number": 0, "everyone": 1, "x": 1}), 422)
