"""Recommendations over REST, without a model: edges, interests and popularity."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from engine.graph.store import GraphStore
from tests.integration.api.test_bad_input import assert_problem
from tests.support.api_server import ApiServer

KINDS = ("milk", "bread", "tea")
ITEMS = [f"{kind}-{number}" for kind in KINDS for number in range(8)]


@pytest.fixture
def shop(api_server: ApiServer, store: GraphStore) -> Iterator[ApiServer]:
    """A server that knows a few items in each of its processes."""
    with api_server.client() as client:
        for item in ITEMS:
            kind = item.split("-")[0]
            body = {"title": item.title(), "about": [{"kind": "category", "name": kind}]}
            assert client.put(f"/v1/items/{item}", json=body).status_code in (200, 201)
    api_server.wait_caught_up()
    yield api_server


def ids(answer: dict[str, Any]) -> set[str]:
    return {item["item_id"] for item in answer["items"]}


def test_any_process_knows_of_the_event_whose_token_comes_with_the_question(shop: ApiServer) -> None:
    for number, item in enumerate(ITEMS):
        user = f"reader-{number}"
        with shop.client() as client:
            sent = client.post("/v1/events", json={"type": "purchase", "user_id": user, "item_id": item}).json()
        for _ in range(3):
            with shop.client() as client:
                query = {"freshness": sent["freshness"], "n": 100}
                answer = client.get(f"/v1/users/{user}/recommendations", params=query).json()
            assert answer["known"]
            assert not answer["newcomer"]
            assert answer["cut"].get("seen") == 1
            assert ids(answer) == set(ITEMS) - {item}
            # What was bought says what is liked: the same kind comes first.
            kind = item.split("-")[0]
            assert answer["items"][0]["item_id"].startswith(kind)


def test_terms_sum_to_the_score_and_name_their_path(shop: ApiServer) -> None:
    with shop.client() as client:
        sent = client.post("/v1/events", json={"type": "purchase", "user_id": "u", "item_id": "tea-1"}).json()
        query = {"freshness": sent["freshness"], "explain": "true", "n": 5}
        answer = client.get("/v1/users/u/recommendations", params=query).json()
        plain = client.get("/v1/users/u/recommendations", params=query | {"explain": "false"}).json()
    assert [item["rank"] for item in answer["items"]] == [1, 2, 3, 4, 5]
    for item in answer["items"]:
        assert math.isclose(math.fsum(term["value"] for term in item["terms"]), item["score"], abs_tol=1e-9)
        assert item["reason"]
    interests = next(term for term in answer["items"][0]["terms"] if term["name"] == "interests")
    assert [step["interest_id"] for step in interests["path"]] == ["category:tea"]
    assert math.isclose(math.fsum(step["share"] for step in interests["path"]), 1)
    assert all(not term["path"] for item in plain["items"] for term in item["terms"])
    assert [item["item_id"] for item in plain["items"]] == [item["item_id"] for item in answer["items"]]


def test_filters(shop: ApiServer) -> None:
    with shop.client() as client:
        client.post("/v1/events", json={"type": "purchase", "user_id": "u", "item_id": "tea-1"})
        address = "/v1/users/u/recommendations"
        only = client.get(address, params={"n": 100, "interest": "category:milk"}).json()
        assert ids(only) == {item for item in ITEMS if item.startswith("milk")}
        assert (only["asked"], only["complete"]) == (100, False)
        assert only["cut"]["interest"] == len(ITEMS) - 8
        without = client.get(address, params={"n": 100, "exclude": ["milk-1", "milk-2"]}).json()
        assert not ids(without) & {"milk-1", "milk-2", "tea-1"}
        seen = client.get(address, params={"n": 100, "seen": "true"}).json()
        assert "tea-1" in ids(seen)
        full = client.get(address, params={"n": 3}).json()
        assert (full["complete"], len(full["items"])) == (True, 3)


def test_newcomer_is_no_error(shop: ApiServer) -> None:
    with shop.client() as client:
        answer = client.get("/v1/users/somebody new/recommendations").json()
    assert (answer["known"], answer["newcomer"], len(answer["items"])) == (False, True, 10)


def test_similar(shop: ApiServer) -> None:
    with shop.client() as client:
        similar = client.get("/v1/items/milk-1/similar", params={"n": 7}).json()
        assert ids(similar) == {item for item in ITEMS if item.startswith("milk")} - {"milk-1"}
        for item in similar["items"]:
            assert math.isclose(math.fsum(item["parts"].values()), item["score"], abs_tol=1e-9)
        assert_problem(client.get("/v1/items/none/similar"), 404, code="not_found", field="item_id")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"n": 0}, "n"),
        ({"n": -1}, "n"),
        ({"n": 101}, "n"),
        ({"n": 10**30}, "n"),
        ({"n": "ten"}, "n"),
        ({"freshness": "made-up"}, "freshness"),
        ({"freshness": ""}, "freshness"),
        ({"freshness": "x" * 5000}, "freshness"),
        ({"explain": "perhaps"}, "explain"),
        ({"exclude": "x" * 513}, "exclude[0]"),
        ({"exclude": ""}, "exclude[0]"),
        ({"interest": "category:none"}, "interest"),
        ({"diversity": "nan"}, "diversity"),
        ({"diversity": 2}, "diversity"),
        ({"more": 1}, "more"),
    ],
)
def test_bad_question(api: httpx.Client, query: dict[str, Any], field: str) -> None:
    assert_problem(api.get("/v1/users/u/recommendations", params=query), 422, field=field)


def test_client_sees_it_all(shop: ApiServer) -> None:
    from interestgraph.client import Client, InvalidRequestError

    with Client(shop.url, timeout_s=120) as client:
        sent = client.send_event("purchase", "cli", "bread-1")
        got = client.recommendations("cli", 3, freshness=sent.freshness)
        assert len(got.items) == 3
        assert all(math.isclose(sum(t.value for t in item.terms), item.score, abs_tol=1e-9) for item in got.items)
        assert client.similar("bread-1", 2)[0].parts
        assert client.interests("cli")[0].name == "bread"
        assert [event["item_id"] for event in client.user_events("cli")] == ["bread-1"]
        assert len(list(client.items())) == len(ITEMS)
        with pytest.raises(InvalidRequestError) as caught:
            client.send_event("stare", "cli", "bread-1")
        assert caught.value.field == "events[0].type"
        job = client.retrain()
        assert client.cancel(job.id).state == "cancelled"
        assert client.wait(job.id).is_final
        assert client.ready()["status"] in ("ready", "degraded")
        assert client.versions() == []
        client.delete_user("cli")
        assert isinstance(client.recommendations("cli").newcomer, bool)


def test_state_shows_in_metrics(shop: ApiServer, api: httpx.Client) -> None:
    text = api.get("/metrics").text
    age = next(line for line in text.splitlines() if line.startswith("interestgraph_state_age_seconds"))
    assert float(age.rsplit(" ", 1)[1]) < 60
    items = next(line for line in text.splitlines() if line.startswith("interestgraph_state_items"))
    assert float(items.rsplit(" ", 1)[1]) >= 0
