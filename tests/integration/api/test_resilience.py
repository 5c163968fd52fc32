"""Parts that die under a running API: it says which, answers what it can, and goes on when they are back."""

from __future__ import annotations

import os
import signal
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from engine.embedded import EmbeddedStack
from engine.embedded.stack import NEO4J, VALKEY
from engine.graph.migrations import migrate
from engine.graph.store import GraphStore
from engine.settings import Settings
from tests.support.api_server import ApiServer, address_of, running_api
from tests.support.celery_worker import wait_until
from tests.support.servers import running

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def own_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Servers that these tests may kill."""
    with running(tmp_path_factory.mktemp("own")) as settings:
        with GraphStore.open(settings) as store:
            migrate(store)
        yield settings


@pytest.fixture
def server(own_servers: Settings, tmp_path: Path) -> Iterator[ApiServer]:
    environment = address_of(own_servers, EmbeddedStack(own_servers).endpoints().redis_url)
    with running_api(environment, tmp_path / "api") as server:
        server.wait_ready()
        yield server


def kill(stack: EmbeddedStack, part: str) -> None:
    process = stack.child(part).process()
    assert process is not None
    process.send_signal(signal.SIGKILL)
    process.wait(60)


def event(**more: Any) -> dict[str, Any]:
    return {"type": "view", "user_id": "u", "item_id": "i", "id": uuid.uuid4().hex, **more}


def part(answer: dict[str, Any], name: str) -> dict[str, Any]:
    return next(part for part in answer["parts"] if part["name"] == name)


def answered_again(client: httpx.Client, method: str, address: str, content: Any = None) -> httpx.Response:
    """Ask until it is no 503: each process notices by itself, a moment later, that a part is back."""
    last: list[httpx.Response] = []

    def answered() -> bool:
        last[:] = [client.request(method, address, json=content)]
        return last[0].status_code != 503

    wait_until(answered, why=lambda: last[0].text)
    return last[0]


def test_killed_worker_is_replaced_and_nothing_is_lost_or_doubled(server: ApiServer, own_servers: Settings) -> None:
    sent: list[str] = []
    stop = threading.Event()

    def send() -> None:
        with server.client() as client:
            while not stop.is_set():
                body = event(user_id="killed")
                # The same event until somebody says that it is there.
                while True:
                    try:
                        answered = client.post("/v1/events?create_missing=true", json=body)
                    except httpx.TransportError:
                        continue
                    if answered.status_code == 503 and "Retry-After" in answered.headers:
                        continue
                    assert answered.status_code == 200, answered.text
                    sent.append(body["id"])
                    break

    senders = [threading.Thread(target=send) for _ in range(2)]
    for sender in senders:
        sender.start()
    before = server.worker_pids()
    for pid in before:
        time.sleep(0.7)
        os.kill(pid, signal.SIGKILL)
    end = time.monotonic() + 180
    while set(server.worker_pids()) & set(before) or len(server.worker_pids()) < len(before):
        assert time.monotonic() < end
        time.sleep(0.1)
    time.sleep(0.5)
    stop.set()
    for sender in senders:
        sender.join()
    assert server.wait_ready()["status"] in ("ready", "degraded")
    with GraphStore.open(own_servers) as store:
        stored = store.read("events/page_of_user", user_id="killed", before_at=2**63 - 1, before_id="", limit=100_000)
        counted = store.read_transaction(
            lambda tx: tx.run_text("MATCH (:User {id: 'killed'})-[r:INTERACTED]->() RETURN r.count AS n").data()
        )
    assert sorted(row["id"] for row in stored) == sorted(sent)
    assert [row["n"] for row in counted] == [len(sent)]


def test_valkey_away_and_back(server: ApiServer, own_servers: Settings) -> None:
    stack = EmbeddedStack(own_servers)
    with server.client() as client:
        kill(stack, VALKEY)
        try:
            answer = server.wait_for(lambda answered: not part(answered.json(), "broker")["up"])
            assert answer["status"] == "degraded"
            assert "broker" in answer["down"]
            for _ in range(4):
                answered = client.post("/v1/events?create_missing=true", json=event())
                assert answered.status_code == 200, answered.text
            job = client.post("/v1/jobs/retrain", json={})
            assert job.status_code == 202, job.text
            assert job.json()["delivery"] == "waiting"
            assert client.get(job.headers["Location"]).json()["state"] == "queued"
        finally:
            stack.up(only=(VALKEY,))
        server.wait_for(lambda answered: part(answered.json(), "broker")["up"])
        # The other process may hear of it a moment later.
        wait_until(lambda: client.post("/v1/jobs/retrain", json={}).json()["delivery"] == "sent")


def test_neo4j_away_and_back(server: ApiServer, own_servers: Settings) -> None:
    stack = EmbeddedStack(own_servers)
    body = event(user_id="away")
    with server.client() as client:
        assert client.post("/v1/events?create_missing=true", json=body).json()["accepted"] == 1
        kill(stack, NEO4J)
        try:
            answer = server.wait_for(lambda answered: answered.status_code == 503)
            assert answer["status"] == "down"
            assert {"database", "schema"} <= set(answer["down"])
            for method, address, content in [
                ("POST", "/v1/events", body),
                ("GET", "/v1/users/away/events", None),
                ("GET", "/v1/users/away/recommendations", None),
                ("GET", "/v1/users/away/interests", None),
                ("GET", "/v1/jobs", None),
                ("POST", "/v1/jobs/retrain", {}),
            ]:
                answered = client.request(method, address, json=content)
                assert answered.status_code == 503, (address, answered.text)
                assert answered.headers["Content-Type"] == "application/problem+json"
                assert int(answered.headers["Retry-After"]) >= 1
                assert answered.json()["code"] == "database_unavailable"
            assert client.get("/health/live").status_code == 200
        finally:
            stack.up(only=(NEO4J,))
        server.wait_ready()
        again = answered_again(client, "POST", "/v1/events", body).json()
        assert (again["accepted"], again["duplicates"]) == (0, 1)
        assert answered_again(client, "GET", "/v1/users/away/recommendations").json()["known"] is True


def test_starts_while_everything_is_away(tmp_path: Path) -> None:
    environment = {
        "NEO4J_URI": "bolt://127.0.0.1:1",
        "NEO4J_PASSWORD": "x",
        "REDIS_URL": "redis://127.0.0.1:1/0",
    }
    with running_api(environment, tmp_path) as server, server.client() as client:
        answered = client.get("/health/ready")
        assert answered.status_code == 503
        assert {"database", "broker"} <= set(answered.json()["down"])
        refused = client.get("/v1/jobs")
        assert (refused.status_code, refused.json()["code"]) == (503, "database_unavailable")


def test_wrong_password_is_the_operators_matter(own_servers: Settings, tmp_path: Path) -> None:
    environment = address_of(own_servers, EmbeddedStack(own_servers).endpoints().redis_url)
    environment["NEO4J_PASSWORD"] = "wrong-password"
    with running_api(environment, tmp_path) as server, server.client() as client:
        ready = client.get("/health/ready")
        assert ready.status_code == 503
        assert "NEO4J_PASSWORD" in part(ready.json(), "database")["detail"]
        assert "wrong-password" not in ready.text
        refused = client.get("/v1/jobs")
        assert refused.status_code == 503
        assert "WWW-Authenticate" not in refused.headers
        assert "wrong-password" not in server.log()


def test_stops_gracefully_and_leaves_nothing(own_servers: Settings, tmp_path: Path) -> None:
    environment = address_of(own_servers, EmbeddedStack(own_servers).endpoints().redis_url)
    with running_api(environment, tmp_path) as server:
        server.wait_ready()
        pids = [server.pid, *server.worker_pids()]
        server.stop()
        # One that had to be killed goes a moment after its parent.
        wait_until(lambda: not any(psutil.pid_exists(pid) for pid in pids))
    assert "Traceback" not in server.log()
