"""Everything that cannot be accepted: a problem that names it, and nothing half-written."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx
import pytest

from engine.graph.store import GraphStore

pytestmark = pytest.mark.usefixtures("store")

JSON = {"Content-Type": "application/json"}
GOOD = {"type": "view", "user_id": "u", "item_id": "i"}
SEARCH = {"type": "search", "user_id": "u", "query": "milk"}


def count_all(store: GraphStore) -> int:
    def count(tx: Any) -> int:
        nodes = tx.run_text("MATCH (n) RETURN count(n) AS n").single()["n"]
        edges = tx.run_text("MATCH ()-[r]->() RETURN count(r) AS n").single()["n"]
        return int(nodes + edges)

    return store.read_transaction(count)


def assert_problem(answered: httpx.Response, status: int, *, code: str | None = None, field: str | None = None) -> None:
    assert answered.status_code == status, answered.text
    assert answered.headers["Content-Type"] == "application/problem+json"
    problem = answered.json()
    assert problem["status"] == status
    assert problem["detail"].strip()
    assert {"type", "title", "code", "field", "value", "remedy", "request_id"} <= set(problem)
    assert problem["request_id"] == answered.headers["X-Request-ID"]
    if code is not None:
        assert problem["code"] == code
    if field is not None:
        assert problem["field"] == field, problem


FUTURE_MS = int(time.time() * 1000) + 86_400_000

BAD_EVENTS: list[tuple[str, Any, int, str]] = [
    ("no fields", {}, 422, "event.type"),
    ("no list", [GOOD], 422, "body"),
    ("a text", "view", 422, "body"),
    ("null", None, 422, "body"),
    ("a number", 1, 422, "body"),
    ("empty list", {"events": []}, 422, "events"),
    ("list is an object", {"events": {}}, 422, "events"),
    ("beside the list", {"events": [GOOD], "more": 1}, 422, "more"),
    ("no event", {"events": [GOOD, 1]}, 422, "events[1]"),
    ("unknown type", GOOD | {"type": "stare"}, 422, "event.type"),
    ("type is a number", GOOD | {"type": 1}, 422, "event.type"),
    ("user is a number", GOOD | {"user_id": 1}, 422, "event.user_id"),
    ("user is empty", GOOD | {"user_id": ""}, 422, "event.user_id"),
    ("user is long", GOOD | {"user_id": "u" * 10_000}, 422, "event.user_id"),
    ("user has a control character", GOOD | {"user_id": "u\x00"}, 422, "event.user_id"),
    ("item has a line break", GOOD | {"item_id": "i\n"}, 422, "event.item_id"),
    ("no item", {"type": "view", "user_id": "u"}, 422, "event.item_id"),
    ("id is long", GOOD | {"id": "e" * 10_000}, 422, "event.id"),
    ("id is a list", GOOD | {"id": ["e"]}, 422, "event.id"),
    ("time in the future", GOOD | {"at": FUTURE_MS}, 422, "event.at"),
    ("time before 1970", GOOD | {"at": -1}, 422, "event.at"),
    ("time before 1970 as text", GOOD | {"at": "1969-12-31T23:59:59Z"}, 422, "event.at"),
    ("time in seconds with a fraction", GOOD | {"at": 1.5}, 422, "event.at"),
    ("time without a zone", GOOD | {"at": "2026-01-31T12:00:00"}, 422, "event.at"),
    ("time is no time", GOOD | {"at": "yesterday"}, 422, "event.at"),
    ("time is true", GOOD | {"at": True}, 422, "event.at"),
    ("time above 64 bits", GOOD | {"at": 2**70}, 422, "event.at"),
    ("value is text", GOOD | {"type": "rating", "value": "5"}, 422, "event.value"),
    ("rating too high", GOOD | {"type": "rating", "value": 6}, 422, "event.value"),
    ("rating negative", GOOD | {"type": "rating", "value": -1}, 422, "event.value"),
    ("rating without a value", GOOD | {"type": "rating"}, 422, "event.value"),
    ("unknown field", GOOD | {"weight": 1}, 422, "event.weight"),
    ("nested far", GOOD | {"value": [[[[1]]]]}, 422, "event.value"),
    ("unknown item", GOOD, 422, "event.item_id"),
    ("second item unknown", {"events": [SEARCH, GOOD]}, 422, "events[1].item_id"),
    ("third is bad", {"events": [GOOD, GOOD, GOOD | {"at": -5}]}, 422, "events[2].at"),
    (
        "one id twice with different content",
        {"events": [GOOD | {"id": "e", "at": 1000}, GOOD | {"id": "e", "at": 2000}]},
        409,
        "events[1].id",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("body", "status", "field"), [case[1:] for case in BAD_EVENTS], ids=[c[0] for c in BAD_EVENTS])
def test_bad_event(api: httpx.Client, store: GraphStore, body: Any, status: int, field: str) -> None:
    before = count_all(store)
    is_batch = isinstance(body, dict) and isinstance(body.get("events"), list)
    for address in ("/v1/events?atomic=true", *([] if is_batch else ["/v1/events", "/v1/events?wait=false"])):
        if address.endswith("wait=false") and body == GOOD:
            # Whether an item is there, only the graph knows.
            continue
        answered = api.post(address, content=json.dumps(body), headers=JSON)
        assert_problem(answered, status, field=field)
        assert answered.json()["remedy"]
    assert count_all(store) == before


RAW_BODIES: list[tuple[str, bytes, dict[str, str], int, str]] = [
    ("empty", b"", JSON, 400, "malformed_body"),
    ("cut off", b'{"type": "view"', JSON, 400, "malformed_body"),
    ("NaN", b'{"type":"rating","user_id":"u","item_id":"i","value":NaN}', JSON, 400, "malformed_body"),
    ("infinite", b'{"type":"rating","user_id":"u","item_id":"i","value":1e999}', JSON, 400, "malformed_body"),
    ("half a character", b'{"type":"view","user_id":"\\ud800","item_id":"i"}', JSON, 400, "malformed_body"),
    ("not UTF-8", b'{"type":"view","user_id":"\xff","item_id":"i"}', JSON, 400, "malformed_body"),
    ("name twice", b'{"type":"view","type":"cart","user_id":"u","item_id":"i"}', JSON, 400, "malformed_body"),
    ("bottomless", b"[" * 500_000, JSON, 400, "malformed_body"),
    ("form", b"type=view", {"Content-Type": "application/x-www-form-urlencoded"}, 415, "unsupported_media_type"),
    ("no type", b"{}", {}, 415, "unsupported_media_type"),
    ("compressed", b"\x1f\x8b", JSON | {"Content-Encoding": "gzip"}, 415, "unsupported_media_type"),
    ("2 MB", b" " * 2_000_001, JSON, 413, "payload_too_large"),
]


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"), [case[1:] for case in RAW_BODIES], ids=[case[0] for case in RAW_BODIES]
)
def test_bad_body(
    api: httpx.Client, store: GraphStore, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    before = count_all(store)
    assert_problem(api.post("/v1/events", content=body, headers=headers), status, code=code)
    assert count_all(store) == before


@pytest.mark.parametrize("chunked", [False, True])
def test_body_of_100_mb(api: httpx.Client, chunked: bool) -> None:
    size, piece = 100_000_000, b" " * 100_000

    def pieces() -> Any:
        for _ in range(size // len(piece)):
            yield piece

    headers = JSON if chunked else JSON | {"Content-Length": str(size)}
    assert_problem(api.post("/v1/events", content=pieces(), headers=headers), 413, code="payload_too_large")
    assert api.get("/health/live").status_code == 200


def test_batch_above_the_limit(api: httpx.Client, store: GraphStore) -> None:
    before = count_all(store)
    answered = api.post("/v1/events?create_missing=true", json={"events": [GOOD] * 1001})
    assert_problem(answered, 413, code="payload_too_large", field="events")
    assert count_all(store) == before


def test_id_stored_with_other_content(api: httpx.Client, store: GraphStore) -> None:
    first = api.post("/v1/events?create_missing=true", json=GOOD | {"id": "e", "at": 1000})
    assert first.status_code == 200
    before = count_all(store)
    again = api.post("/v1/events", json=GOOD | {"id": "e", "at": 1000})
    assert (again.json()["accepted"], again.json()["duplicates"]) == (0, 1)
    both = {"events": [GOOD | {"id": "new", "at": 1}, GOOD | {"id": "e", "at": 2000}]}
    other = api.post("/v1/events?atomic=true", json=both)
    assert_problem(other, 409, code="conflict", field="events[1].id")
    assert_problem(api.post("/v1/events", json=both["events"][1]), 409, code="conflict", field="event.id")
    assert count_all(store) == before
    told = api.post("/v1/events", json=both).json()
    assert [each["outcome"] for each in told["events"]] == ["accepted", "refused"]
    assert told["events"][1]["problem"]["status"] == 409


@pytest.mark.parametrize(
    ("method", "address", "status", "code"),
    [
        ("GET", "/v1/nowhere", 404, "no_such_address"),
        ("GET", "/", 302, None),
        ("DELETE", "/v1/events", 405, "method_not_allowed"),
        ("POST", "/v1/users/u/interests", 405, "method_not_allowed"),
        ("GET", "/v1/jobs/none", 404, "not_found"),
        ("POST", "/v1/jobs/none/cancel", 404, "not_found"),
        ("GET", "/v1/jobs?n=0", 422, "invalid_input"),
        ("GET", "/v1/jobs?n=many", 422, "invalid_input"),
        ("GET", "/v1/jobs?state=asleep", 422, "invalid_input"),
        ("GET", "/v1/jobs?cursor=abc", 422, "invalid_input"),
        ("GET", "/v1/jobs?limit=1", 422, "invalid_input"),
        ("GET", "/v1/jobs?n=1&n=2", 422, "invalid_input"),
        ("GET", "/v1/users/%00/interests", 422, "invalid_input"),
        ("GET", "/v1/users/%FF/interests", 422, "invalid_input"),
        ("GET", f"/v1/users/{'x' * 513}/interests", 422, "invalid_input"),
        ("GET", f"/v1/users/{'x' * 10_000}/interests", 414, "uri_too_long"),
        ("GET", "/v1/users/u/events?cursor=WzFd", 422, "invalid_input"),
    ],
)
def test_bad_address(api: httpx.Client, method: str, address: str, status: int, code: str | None) -> None:
    answered = api.request(method, address)
    if code is None:
        assert answered.status_code == status
    else:
        assert_problem(answered, status, code=code)
    if status == 405:
        assert answered.headers["Allow"]


def test_headers_too_large(api: httpx.Client) -> None:
    assert_problem(api.get("/health/live", headers={"X-Big": "x" * 20_000}), 431)


def test_other_host_name_is_refused_while_keys_are_off(api: httpx.Client) -> None:
    assert_problem(api.get("/v1/jobs", headers={"Host": "rebound.example"}), 400, field="Host")
