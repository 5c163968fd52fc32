"""Items and users over REST."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx
import pytest

from engine.graph.store import GraphStore
from tests.integration.api.test_bad_input import assert_problem, count_all

pytestmark = pytest.mark.usefixtures("store")

MILK = {
    "title": "Milk",
    "attributes": {"price": 2.5, "sizes": [1, 2], "organic": True, "note": "fresh"},
    "about": [{"kind": "category", "name": "Fluid Milk", "weight": 3}, {"kind": "brand", "name": "Own", "weight": 1}],
}


def test_item_from_birth_to_death(api: httpx.Client, store: GraphStore) -> None:
    made = api.put("/v1/items/milk", json=MILK)
    assert made.status_code == 201
    item = made.json()
    assert (item["id"], item["title"], item["attributes"], item["available"]) == (
        "milk", "Milk", MILK["attributes"], True,
    )  # fmt: skip
    assert {about["id"]: about["weight"] for about in item["about"]} == {
        "category:fluid milk": 0.75,
        "brand:own": 0.25,
    }
    again = api.put("/v1/items/milk", json=MILK)
    assert (again.status_code, again.json()) == (200, item)
    assert api.get("/v1/items/milk").json() == item

    changed = api.patch("/v1/items/milk", json={"available": False, "attributes": {"price": None, "new": "yes"}}).json()
    assert (changed["available"], changed["title"], changed["about"]) == (False, "Milk", item["about"])
    assert changed["attributes"] == {"sizes": [1, 2], "organic": True, "note": "fresh", "new": "yes"}
    assert api.patch("/v1/items/milk", json={"title": None}).json()["title"] is None

    replaced = api.put("/v1/items/milk", json={"title": "Other"}).json()
    assert (replaced["attributes"], replaced["about"], replaced["available"]) == ({}, [], True)

    assert api.delete("/v1/items/milk").status_code == 204
    for answered in (
        api.get("/v1/items/milk"),
        api.delete("/v1/items/milk"),
        api.patch("/v1/items/milk", json={"title": "x"}),
    ):
        assert_problem(answered, 404, code="not_found", field="item_id")


def test_user_from_birth_to_death(api: httpx.Client, store: GraphStore) -> None:
    made = api.put("/v1/users/u", json={"attributes": {"age": "35-44"}})
    assert (made.status_code, made.json()["attributes"]) == (201, {"age": "35-44"})
    assert api.put("/v1/users/u", json={"attributes": {"age": "35-44"}}).status_code == 200
    assert api.patch("/v1/users/u", json={"attributes": {"size": 3}}).json()["attributes"] == {
        "age": "35-44",
        "size": 3,
    }
    api.put("/v1/items/milk", json=MILK)
    assert api.post("/v1/events", json={"type": "purchase", "user_id": "u", "item_id": "milk"}).status_code == 200
    assert api.get("/v1/users/u").json()["events_at"] is not None
    assert api.delete("/v1/users/u").status_code == 204
    assert api.get("/v1/users/u/events").json()["events"] == []
    assert api.get("/v1/users/u/interests").json()["known"] is False
    for answered in (
        api.get("/v1/users/u"),
        api.delete("/v1/users/u"),
        api.patch("/v1/users/u", json={"attributes": {}}),
    ):
        assert_problem(answered, 404, code="not_found", field="user_id")


@pytest.mark.parametrize("name", ["a/b", "a b", "ü€😀", "a?b#c", "a%2Fb", "..x", "a+b", "/", "x" * 512])
def test_ids_of_every_kind(api: httpx.Client, name: str) -> None:
    address = f"/v1/items/{quote(name, safe='')}"
    assert api.put(address, json={"title": name}).json()["id"] == name
    assert api.get(address).json()["id"] == name
    assert [item["id"] for item in api.get("/v1/items").json()["items"]] == [name]
    event = {"type": "view", "user_id": name, "item_id": name}
    assert api.post("/v1/events", json=event).status_code == 200
    assert [e["item_id"] for e in api.get(f"/v1/users/{quote(name, safe='')}/events").json()["events"]] == [name]


@pytest.mark.parametrize("noun", ["items", "users"])
def test_every_entry_is_listed_once(api: httpx.Client, noun: str) -> None:
    names = sorted(f"n{number:02}" for number in range(11))
    for name in names:
        assert api.put(f"/v1/{noun}/{name}", json={}).status_code == 201
    for size in (1, 3, 11, 100):
        seen: list[str] = []
        cursor: str | None = None
        while True:
            page = api.get(f"/v1/{noun}", params={"n": size, **({"cursor": cursor} if cursor else {})}).json()
            assert len(page[noun]) <= size
            seen.extend(entry["id"] for entry in page[noun])
            cursor = page["next"]
            if cursor is None:
                break
        assert seen == names


def test_events_are_listed_once_newest_first(api: httpx.Client) -> None:
    events = [
        {"id": f"e{number}", "type": "view", "user_id": "u", "item_id": "i", "at": 1000 + number // 3}
        for number in range(10)
    ]
    assert api.post("/v1/events?create_missing=true", json={"events": events}).json()["accepted"] == 10
    seen: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        page = api.get("/v1/users/u/events", params={"n": 4, **({"cursor": cursor} if cursor else {})}).json()
        seen.extend(page["events"])
        cursor = page["next"]
        if cursor is None:
            break
    assert [(event["at"], event["id"]) for event in seen] == sorted(
        ((event["at"], event["id"]) for event in events), reverse=True
    )


BAD_ITEMS: list[tuple[dict[str, Any], str]] = [
    ({"title": 1}, "title"),
    ({"title": "t" * 2001}, "title"),
    ({"titel": "x"}, "titel"),
    ({"available": "yes"}, "available"),
    ({"available": 1}, "available"),
    ({"created_at": -1}, "created_at"),
    ({"created_at": 2**63}, "created_at"),
    ({"attributes": []}, "attributes"),
    ({"attributes": {"id": "x"}}, "attributes.id"),
    ({"attributes": {"embedding_v1": 1}}, "attributes.embedding_v1"),
    ({"attributes": {"no good": 1}}, "attributes"),
    ({"attributes": {"a": {"b": 1}}}, "attributes.a"),
    ({"attributes": {"a": [[1]]}}, "attributes.a[0]"),
    ({"attributes": {"a": [1, "x"]}}, "attributes.a"),
    ({"attributes": {"a": 2**64}}, "attributes.a"),
    ({"attributes": {"a": "x\x00"}}, "attributes.a"),
    ({"about": [{"kind": "category"}]}, "about[0].name"),
    ({"about": [{"kind": "category", "name": ""}]}, "about[0].name"),
    ({"about": [{"kind": "category", "name": "x", "weight": -1}]}, "about[0].weight"),
    ({"about": [{"kind": "category", "name": "x", "weight": 0}]}, "about[0].weight"),
    ({"about": [{"kind": "category", "name": "x", "weight": "1"}]}, "about[0].weight"),
    ({"about": [{"kind": "category", "name": "x"}] * 201}, "about"),
]


@pytest.mark.parametrize(("body", "field"), BAD_ITEMS, ids=[field + str(n) for n, (_, field) in enumerate(BAD_ITEMS)])
def test_bad_item(api: httpx.Client, store: GraphStore, body: dict[str, Any], field: str) -> None:
    before = count_all(store)
    assert_problem(api.put("/v1/items/i", json=body), 422, field=field)
    assert count_all(store) == before


def test_declared_interests(api: httpx.Client, store: GraphStore) -> None:
    api.put("/v1/items/milk", json=MILK)
    declared = api.put(
        "/v1/users/u/interests", json={"interests": [{"id": "brand:own"}, {"id": "category:fluid milk", "weight": 3}]}
    )
    assert declared.json() == {"user_id": "u", "declared": 2}
    interests = api.get("/v1/users/u/interests").json()["interests"]
    assert {entry["id"]: entry["share"] for entry in interests} == {"category:fluid milk": 0.75, "brand:own": 0.25}
    assert [entry["id"] for entry in api.get("/v1/users/u/interests?n=1").json()["interests"]] == [
        "category:fluid milk"
    ]
    before = count_all(store)
    for body, field in [
        ({"interests": [{"id": "brand:own"}, {"id": "brand:own"}]}, "interests[1].id"),
        ({"interests": [{"id": "brand:own", "weight": -1}]}, "interests[0].weight"),
        ({"interests": [{"id": "brand:own", "weight": 0}]}, "interests[0].weight"),
        ({"interests": [{"id": "brand:none"}]}, "interests"),
        ({"interests": {}}, "interests"),
    ]:
        assert_problem(api.put("/v1/users/u/interests", json=body), 422, field=field)
    assert count_all(store) == before
    assert api.put("/v1/users/u/interests", json={"interests": []}).json()["declared"] == 0
    assert api.get("/v1/users/u/interests").json()["interests"] == []
