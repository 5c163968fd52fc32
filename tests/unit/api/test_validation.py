from __future__ import annotations

import json
from typing import Any

import pytest
from flask import Flask
from pydantic import Field

from api import problems, request_ids
from api.answers import answer
from api.schemas.common import Id, Request
from api.validation import field_path, validated


class Place(Request):
    item_id: Id


class Query(Request):
    n: int = Field(10, ge=1, le=100)
    exclude: list[Id] | None = None


class Part(Request):
    weight: float = Field(ge=0, allow_inf_nan=False)


class Body(Request):
    parts: list[Part] = Field(max_length=3)


@pytest.fixture
def client() -> Any:
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = 1000
    request_ids.register(app)
    problems.register(app)

    @app.get("/items/<item_id>")
    @validated
    def read(path: Place, query: Query) -> Any:
        return answer({"item_id": path.item_id, "n": query.n, "exclude": query.exclude})

    @app.post("/items")
    @validated
    def write(body: Body) -> Any:
        return answer(body.model_dump())

    return app.test_client()


def test_good(client: Any) -> None:
    assert client.get("/items/a?n=3&exclude=b&exclude=c").json == {"item_id": "a", "n": 3, "exclude": ["b", "c"]}
    assert client.post("/items", json={"parts": [{"weight": 1}]}).json == {"parts": [{"weight": 1.0}]}


@pytest.mark.parametrize(
    ("address", "field", "value"),
    [
        ("/items/a?n=0", "n", "0"),
        ("/items/a?n=101", "n", "101"),
        ("/items/a?n=x", "n", "x"),
        ("/items/a?n=1&n=2", "n", "['1', '2']"),
        ("/items/a?nn=1", "nn", "1"),
        ("/items/a?exclude=" + "x" * 513, "exclude[0]", None),
        ("/items/" + "x" * 513, "item_id", None),
        ("/items/a%00b", "item_id", "a\x00b"),
        ("/items/a%0Ab", "item_id", "a\nb"),
    ],
)
def test_bad_address(client: Any, address: str, field: str, value: str | None) -> None:
    answered = client.get(address)
    assert answered.status_code == 422
    assert answered.content_type == "application/problem+json"
    problem = answered.json
    assert (problem["code"], problem["field"]) == ("invalid_input", field)
    if value is not None:
        assert problem["value"] == value
    assert problem["remedy"]
    assert problem["request_id"] == answered.headers["X-Request-ID"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "parts"),
        ([], "body"),
        ("text", "body"),
        (None, "body"),
        ({"parts": [{"weight": -1}]}, "parts[0].weight"),
        ({"parts": [{"weight": 1}, {"weight": "x"}]}, "parts[1].weight"),
        ({"parts": [{"weight": 1, "more": 1}]}, "parts[0].more"),
        ({"parts": [], "more": 1}, "more"),
        ({"parts": [{"weight": 1}] * 4}, "parts"),
    ],
)
def test_bad_body(client: Any, body: Any, field: str) -> None:
    answered = client.post("/items", data=json.dumps(body), content_type="application/json")
    assert answered.status_code == 422
    assert answered.json["field"] == field
    assert answered.json["remedy"]


def test_every_fault_is_listed(client: Any) -> None:
    problem = client.post("/items", json={"parts": [{"weight": -1}, {}], "more": 1}).json
    assert [error["field"] for error in problem["errors"]] == ["parts[0].weight", "parts[1].weight", "more"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({}, 415),
        ({"Content-Type": "application/json; charset=latin-1"}, 415),
        ({"Content-Type": "application/json", "Content-Encoding": "gzip"}, 415),
        ({"Content-Type": "application/json; charset=UTF-8"}, 200),
        ({"Content-Type": "application/merge-patch+json"}, 200),
    ],
)
def test_media_type(client: Any, headers: dict[str, str], status: int) -> None:
    assert client.post("/items", data=b'{"parts": []}', headers=headers).status_code == status


def test_malformed_and_large(client: Any) -> None:
    headers = {"Content-Type": "application/json"}
    malformed = client.post("/items", data=b"{", headers=headers)
    assert (malformed.status_code, malformed.json["code"]) == (400, "malformed_body")
    empty = client.post("/items", data=b"", headers=headers)
    assert (empty.status_code, empty.json["code"]) == (400, "malformed_body")
    large = client.post("/items", data=b" " * 1001, headers=headers)
    assert (large.status_code, large.json["code"]) == (413, "payload_too_large")
    assert large.json["value"] == 1001


def test_field_path() -> None:
    assert field_path(("events", 3, "item_id")) == "events[3].item_id"
    assert field_path(()) == ""
