"""API keys and their scopes, on a server that requires them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from api.keys import create_key, revoke_key
from engine.graph.store import GraphStore
from engine.settings import Settings
from tests.support.api_server import ApiServer, address_of, running_api
from tests.support.celery_worker import wait_until

EVENT = {"type": "view", "user_id": "u", "item_id": "i"}


@pytest.fixture(scope="module")
def locked(neo4j_server: Settings, valkey_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """A server that requires keys."""
    environment = address_of(neo4j_server, valkey_server) | {"INTERESTGRAPH_API__REQUIRE_KEYS": "true"}
    with running_api(environment, tmp_path_factory.mktemp("locked")) as server:
        server.wait_ready()
        yield server


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_scopes(locked: ApiServer, store: GraphStore) -> None:
    keys = {
        name: create_key(store, name, scopes)[1]
        for name, scopes in {"r": ["read"], "w": ["write"], "rw": ["read", "write"], "a": ["admin"]}.items()
    }
    calls = {
        "read": lambda client, headers: client.get("/v1/jobs", headers=headers),
        "write": lambda client, headers: client.post("/v1/events?create_missing=true", json=EVENT, headers=headers),
        "admin": lambda client, headers: client.post("/v1/jobs/none/cancel", headers=headers),
    }
    allowed = {"r": {"read"}, "w": {"write"}, "rw": {"read", "write"}, "a": {"read", "write", "admin"}}
    with locked.client() as client:
        for name, key in keys.items():
            for scope, call in calls.items():
                answered = call(client, bearer(key))
                if scope in allowed[name]:
                    assert answered.status_code in (200, 404), (name, scope, answered.text)
                else:
                    assert answered.status_code == 403
                    problem = answered.json()
                    assert (problem["code"], problem["value"]) == ("permission_denied", scope)
                    assert f"--scope {scope}" in problem["remedy"]
        assert client.get("/v1/jobs", headers={"X-API-Key": keys["r"]}).status_code == 200
    log = locked.log()
    assert all(key not in log and key.split("_", 2)[2] not in log for key in keys.values())


def test_without_a_valid_key(locked: ApiServer, store: GraphStore) -> None:
    _, key = create_key(store, "a", ["admin"])
    wrong = key[:-2] + ("AA" if not key.endswith("AA") else "BB")
    with locked.client() as client:
        for headers in ({}, bearer("x"), bearer(wrong), {"X-API-Key": wrong}, {"Authorization": f"Basic {key}"}):
            answered = client.get("/v1/jobs", headers=headers)
            assert answered.status_code == 401, headers
            assert answered.headers["Content-Type"] == "application/problem+json"
            assert answered.headers["WWW-Authenticate"].startswith("Bearer")
            assert answered.json()["code"] == "unauthorized"
            assert wrong not in answered.text
        # This process may still be loading, where another one was ready.
        wait_until(lambda: client.get("/health/ready").status_code == 200)
        for open_to_all in ("/health/live", "/openapi/openapi.json", "/openapi/swagger"):
            assert client.get(open_to_all).status_code == 200
        assert client.get("/v1/nowhere").status_code == 404
        assert client.get("/metrics").status_code == 401
        assert client.get("/metrics", headers=bearer(key)).status_code == 200


def test_revoked_key_stops_working(locked: ApiServer, store: GraphStore) -> None:
    made, key = create_key(store, "a", ["read"])
    with locked.client() as client:
        assert client.get("/v1/jobs", headers=bearer(key)).status_code == 200
        revoke_key(store, made.id)
        end = time.monotonic() + 180
        while client.get("/v1/jobs", headers=bearer(key)).status_code != 401:
            assert time.monotonic() < end, "a revoked key still works"
            time.sleep(0.2)


def test_guessing_runs_into_a_limit(locked: ApiServer, store: GraphStore) -> None:
    _, good = create_key(store, "a", ["read"])
    with locked.client() as client:
        answers: list[httpx.Response] = []
        end = time.monotonic() + 180
        # A slow machine makes fewer than the limit in one minute, and begins anew in the next.
        while not any(answered.status_code == 429 for answered in answers) and time.monotonic() < end:
            answers += [
                client.get("/v1/jobs", headers=bearer(f"ig_{len(answers) + n:012x}_{'x' * 43}")) for n in range(200)
            ]
        assert {answered.status_code for answered in answers} == {401, 429}
        refused = next(answered for answered in answers if answered.status_code == 429)
        assert int(refused.headers["Retry-After"]) > 0
        assert refused.json()["code"] == "rate_limited"
        # Whoever has a key is not locked out by somebody else's guessing.
        assert client.get("/v1/jobs", headers=bearer(good)).status_code == 200


def test_keys_are_not_off_on_an_open_address(neo4j_server: Settings, valkey_server: str, tmp_path: Path) -> None:
    environment = address_of(neo4j_server, valkey_server) | {
        "INTERESTGRAPH_API__HOST": "0.0.0.0",
        "INTERESTGRAPH_API__REQUIRE_KEYS": "false",
    }
    with pytest.raises(RuntimeError, match="only on a loopback address"):
        ApiServer(environment, tmp_path / "open").start()


def test_limit_of_requests(
    neo4j_server: Settings, valkey_server: str, tmp_path_factory: pytest.TempPathFactory, store: GraphStore
) -> None:
    environment = address_of(neo4j_server, valkey_server) | {
        "INTERESTGRAPH_API__RATE_LIMIT": "20 per hour",
        "INTERESTGRAPH_API__REQUIRE_KEYS": "true",
    }
    _, first = create_key(store, "first", ["read"])
    _, second = create_key(store, "second", ["read"])
    with running_api(environment, tmp_path_factory.mktemp("limited")) as server, server.client() as client:
        statuses = [client.get("/v1/jobs", headers=bearer(first)).status_code for _ in range(25)]
        assert statuses == [200] * 20 + [429] * 5
        limited = client.get("/v1/jobs?n=1", headers=bearer(first))
        assert 0 < int(limited.headers["Retry-After"]) <= 3601  # whole seconds, rounded up
        assert limited.json()["code"] == "rate_limited"
        assert client.get("/v1/jobs", headers=bearer(second)).status_code == 200
        assert client.get("/health/live").status_code == 200
