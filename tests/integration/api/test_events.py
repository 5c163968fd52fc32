"""Every way in through the API: one event, batches, JSON lines, the stream; what is refused, and what is too much."""

from __future__ import annotations

import json
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import redis

from engine.events.token import decode_token
from engine.graph.store import GraphStore
from engine.settings import Settings
from interestgraph.client import Client, InvalidRequestError
from tests.integration.api.test_bad_input import assert_problem
from tests.support.api_server import ApiServer, address_of, running_api
from tests.support.celery_worker import wait_until, worker_environment
from tests.support.stream_consumer import running_consumer

AT = 1_700_000_000_000
LINES = {"Content-Type": "application/x-ndjson"}


@pytest.fixture(autouse=True)
def items(store: GraphStore) -> None:
    store.write("events/create_items", items=[f"i{number}" for number in range(5)], now=AT)


@pytest.fixture
def broker(valkey_server: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(valkey_server, protocol=2) as client:
        client.flushall()
        yield client


def event(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"e{number}",
        "type": "view",
        "user_id": f"u{number % 17}",
        "item_id": f"i{number % 5}",
        "at": AT + number,
        **more,
    }


def lines(*events: Any) -> bytes:
    return b"".join(each if isinstance(each, bytes) else json.dumps(each).encode() + b"\n" for each in events)


def stored(store: GraphStore) -> set[str]:
    return store.read_transaction(lambda tx: {row["id"] for row in tx.run_text("MATCH (e:Event) RETURN e.id AS id")})


def test_batch_is_taken_in_part(api: httpx.Client, store: GraphStore) -> None:
    batch = [
        event(1),
        event(2, type="stare"),
        event(3, item_id="nowhere"),
        event(1),
        {**event(1), "at": AT},
        event(4, type="rating", value=9),
        7,
        event(5),
    ]
    answered = api.post("/v1/events", json={"events": batch})
    assert answered.status_code == 200, answered.text
    told = answered.json()
    assert (told["accepted"], told["duplicates"], told["refused"]) == (2, 1, 5)
    assert [each["outcome"] for each in told["events"]] == [
        "accepted", "refused", "refused", "duplicate", "refused", "refused", "refused", "accepted",
    ]  # fmt: skip
    problems = {place: each["problem"] for place, each in enumerate(told["events"]) if "problem" in each}
    assert {place: (each["status"], each["code"], each["field"]) for place, each in problems.items()} == {
        1: (422, "invalid_input", "events[1].type"),
        2: (422, "unknown_reference", "events[2].item_id"),
        4: (409, "conflict", "events[4].id"),
        5: (422, "invalid_input", "events[5].value"),
        6: (422, "invalid_input", "events[6]"),
    }
    assert all(each["detail"] and each["remedy"] for each in problems.values())
    assert stored(store) == {"e1", "e5"}
    token = decode_token(told["freshness"])
    assert token.bookmarks and token.at == AT + 5
    again = api.post("/v1/events", json={"events": batch}).json()
    assert (again["accepted"], again["duplicates"], again["refused"]) == (0, 3, 5)


def test_batch_that_is_refused_whole_is_an_answer_too(api: httpx.Client, store: GraphStore) -> None:
    told = api.post("/v1/events", json={"events": [event(1, type="stare")]}).json()
    assert (told["accepted"], told["duplicates"], told["refused"]) == (0, 0, 1)
    assert stored(store) == set()


def test_atomic_batch_is_all_or_nothing(api: httpx.Client, store: GraphStore) -> None:
    bad = {"events": [event(1), event(2, item_id="nowhere")]}
    assert_problem(api.post("/v1/events?atomic=true", json=bad), 422, field="events[1].item_id")
    assert stored(store) == set()
    told = api.post("/v1/events?atomic=true", json={"events": [event(1), event(1)]}).json()
    assert (told["accepted"], told["duplicates"], told["refused"]) == (1, 1, 0)
    for more in ("wait=false", ""):
        content = lines(event(1)) if not more else json.dumps({"events": [event(1)]}).encode()
        headers = {} if more else LINES
        answered = api.post(
            f"/v1/events?atomic=true&{more}", content=content, headers={"Content-Type": "application/json"} | headers
        )
        assert_problem(answered, 422, field="atomic")


def test_lines_are_taken_in_part(api: httpx.Client, store: GraphStore) -> None:
    body = lines(
        event(1),
        b"\n",
        event(2, type="stare"),
        b'{"id": "\xff"}\n',
        event(3),
        b"{nonsense\n",
        event(1),
        event(4, item_id="nowhere"),
        b"[]\n",
        json.dumps(event(5)).encode(),
    )
    told = api.post("/v1/events", content=body, headers=LINES).json()
    assert (told["lines"], told["accepted"], told["duplicates"], told["refused"]) == (9, 3, 1, 5)
    # Those that are no event are told first, but for a batch that a slow machine wrote before it was full.
    assert sorted((each["line"], each["problem"]["field"]) for each in told["refusals"]) == [
        (3, "event.type"), (4, "line"), (6, "line"), (8, "event.item_id"), (9, "line"),
    ]  # fmt: skip
    assert stored(store) == {"e1", "e3", "e5"}
    token = decode_token(told["freshness"])
    assert token.bookmarks and token.at == AT + 5
    nothing = api.post("/v1/events", content=b"", headers=LINES).json()
    assert (nothing["lines"], nothing["accepted"]) == (0, 0)


def test_long_streams_in_chunks_and_beyond_the_limit_of_a_body(api: httpx.Client, store: GraphStore) -> None:
    def body() -> Iterator[bytes]:
        for start in range(0, 5000, 100):
            # A field of many bytes, so that all of it is above what another body may have.
            yield lines(*(event(number, recommendation_id="r" * 400) for number in range(start, start + 100)))

    told = api.post("/v1/events", content=body(), headers=LINES).json()
    assert (told["lines"], told["accepted"], told["refused"]) == (5000, 5000, 0)
    whole = b"".join(body())
    assert len(whole) > 2_000_000
    told = api.post("/v1/events", content=whole, headers=LINES).json()
    assert (told["accepted"], told["duplicates"]) == (0, 5000)
    assert len(stored(store)) == 5000


@pytest.mark.parametrize("chunked", [True, False])
def test_line_of_50_mb_is_refused_and_never_held(api_server: ApiServer, api: httpx.Client, chunked: bool) -> None:
    size, piece = 50_000_000, b"x" * 1_000_000

    def body() -> Iterator[bytes]:
        yield lines(event(1))
        for _ in range(size // len(piece)):
            yield piece
        yield b"\n" + lines(event(2))

    memory = [psutil.Process(pid) for pid in api_server.worker_pids()]
    before = max(process.memory_info().rss for process in memory)
    headers = dict(LINES)
    if not chunked:
        headers["Content-Length"] = str(len(lines(event(1))) + size + 1 + len(lines(event(2))))
    told = api.post("/v1/events", content=body(), headers=headers).json()
    assert (told["lines"], told["accepted"], told["refused"]) == (3, 2, 1)
    assert told["refusals"][0]["line"] == 2 and told["refusals"][0]["problem"]["code"] == "payload_too_large"
    assert max(process.memory_info().rss for process in memory) - before < 25_000_000


def raw_request(url: str, head: bytes) -> socket.socket:
    address = httpx.URL(url)
    connection = socket.create_connection((address.host, address.port), timeout=180)
    connection.sendall(
        b"POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-ndjson\r\n" + head + b"\r\n"
    )
    return connection


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


@pytest.mark.parametrize("chunked", [True, False])
def test_client_that_goes_away_leaves_whole_events_and_a_server_that_works(
    api_server: ApiServer, api: httpx.Client, store: GraphStore, chunked: bool
) -> None:
    first = lines(*(event(number) for number in range(4000)))
    rest = json.dumps(event(4000)).encode()
    name = uuid.uuid4().hex
    length = b"Transfer-Encoding: chunked\r\n" if chunked else b"Content-Length: 100000000\r\n"
    connection = raw_request(api_server.url, length + b"X-Request-ID: " + name.encode() + b"\r\n")
    with connection:
        connection.sendall(chunk(first) + b"%x\r\n%s" % (len(rest) + 100, rest) if chunked else first + rest)
    wait_until(lambda: len(stored(store)) >= 2000, why=api_server.log)
    # Then its place is free again, and sending all of it again completes it; nothing of the last line was there.
    told: dict[str, Any] = {}

    def again() -> bool:
        answered = api.post("/v1/events", content=first + rest, headers=LINES)
        if answered.status_code == 429:
            return False
        told.update(answered.json())
        return True

    wait_until(again)
    assert told["accepted"] >= 1 and told["accepted"] + told["duplicates"] == 4001
    # The process that served the one who went away may still have its last batch in hand.
    wait_until(lambda: name in api_server.log(), why=api_server.log)
    assert len(stored(store)) == 4001


def test_wrong_chunks_are_a_problem(api_server: ApiServer, api: httpx.Client, store: GraphStore) -> None:
    with raw_request(api_server.url, b"Transfer-Encoding: chunked\r\n") as connection:
        connection.sendall(chunk(lines(event(1))) + b"nonsense\r\n")
        answer = b""
        # Head and body may come in two pieces.
        while b"malformed_body" not in answer and (piece := connection.recv(65536)):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 400") and b"malformed_body" in answer
    assert stored(store) == set()


def test_lines_need_the_right_type_and_no_coding(api: httpx.Client) -> None:
    assert_problem(api.post("/v1/events", content=b"x", headers=LINES | {"Content-Encoding": "gzip"}), 415)
    assert_problem(api.post("/v1/items/i/nowhere", content=b"x", headers=LINES), 404)
    assert_problem(api.put("/v1/items/i1", content=b"{}", headers=LINES), 415)


def wait_for_metrics(api: httpx.Client, *lines: str) -> None:
    """Wait until a scrape says all of it: what does not answer a scrape in a moment is left out of it."""
    wait_until(lambda: set(lines) <= set(api.get("/metrics").text.splitlines()), why=lambda: api.get("/metrics").text)


def test_into_the_stream_and_through_it(
    api_server: ApiServer,
    api: httpx.Client,
    store: GraphStore,
    broker: redis.Redis,
    neo4j_server: Settings,
    valkey_server: str,
    tmp_path: Path,
) -> None:
    answered = api.post("/v1/events?wait=false", json=event(1))
    assert answered.status_code == 202
    assert answered.json() == {"queued": 1, "refused": 0, "events": [{"id": "e1", "outcome": "queued"}]}
    told = api.post("/v1/events?wait=false", json={"events": [event(2), event(3, type="stare"), event(4)]}).json()
    assert (told["queued"], told["refused"]) == (2, 1)
    assert told["events"][1]["problem"]["field"] == "events[1].type"
    told = api.post("/v1/events?wait=false", content=lines(event(5), b"{\n", event(6)), headers=LINES).json()
    assert (told["queued"], told["refused"], told["refusals"][0]["line"]) == (2, 1, 2)
    assert_problem(api.post("/v1/events?wait=false", json=event(7, type="stare")), 422, field="event.type")
    api.post("/v1/events?wait=false", json=event(8, item_id="nowhere"))
    assert stored(store) == set()
    wait_for_metrics(api, "interestgraph_stream_length 6.0", "interestgraph_events_unfolded 0.0")
    with running_consumer(worker_environment(neo4j_server, valkey_server, tmp_path), tmp_path / "c.log"):
        wait_for_metrics(api, "interestgraph_stream_length 0.0")
    assert stored(store) == {"e1", "e2", "e4", "e5", "e6"}
    wait_for_metrics(
        api,
        "interestgraph_stream_accepted_total 5.0",
        "interestgraph_stream_dead_letters 1.0",
        "interestgraph_events_unfolded 5.0",
    )
    # Through the stream or not, an event is the same one.
    assert api.post("/v1/events", json=event(1)).json()["duplicates"] == 1


def test_event_is_taken_back(api_server: ApiServer, api: httpx.Client, store: GraphStore) -> None:
    api.post("/v1/events", json={"events": [event(1), event(18)]})
    answered = api.delete("/v1/events/e18")
    assert answered.status_code == 200, answered.text
    told = answered.json()
    assert (told["id"], told["user_id"], told["at"]) == ("e18", "u1", AT + 18)
    assert decode_token(told["freshness"]).bookmarks
    assert stored(store) == {"e1"}
    assert_problem(api.delete("/v1/events/e18"), 404, code="not_found")
    assert api.post("/v1/events", json=event(18)).json()["accepted"] == 1
    with Client(api_server.url, timeout_s=120) as client:
        assert client.delete_event("e18")
    assert stored(store) == {"e1"}


def test_client_library(api_server: ApiServer, store: GraphStore, broker: redis.Redis) -> None:
    with Client(api_server.url, timeout_s=120) as client:
        sent = client.send_events([event(1), event(2, type="stare")])
        assert (sent.accepted, sent.refused, sent.outcomes[1].outcome) == (1, 1, "refused")
        with pytest.raises(InvalidRequestError) as caught:
            sent.raise_refused()
        assert caught.value.field == "events[1].type"
        with pytest.raises(InvalidRequestError):
            client.send_event("stare", "u", "i1")
        with pytest.raises(InvalidRequestError):
            client.send_events([event(3), event(2, type="stare")], atomic=True)
        assert client.send_event("view", "u", "i1", stream=True).queued == 1
        found = client.send_lines((event(number, item_id=f"i{number % 6}") for number in range(60)), piece=25)
        assert (found.lines, found.accepted, found.duplicates, found.refused) == (60, 49, 1, 10)
        assert [number for number, _ in found.refusals] == list(range(6, 61, 6))
        assert found.freshness is not None and decode_token(found.freshness).at == AT + 58
    assert broker.xlen("interestgraph:events") == 1


def test_too_much_is_429_with_retry_after(
    neo4j_server: Settings, valkey_server: str, broker: redis.Redis, store: GraphStore, tmp_path: Path
) -> None:
    environment = address_of(neo4j_server, valkey_server) | {
        "INTERESTGRAPH_API__PROCESSES": "1",
        "INTERESTGRAPH_API__WRITE_SLOTS": "1",
        "INTERESTGRAPH_API__WRITE_QUEUE": "0",
        "INTERESTGRAPH_STREAM__MAX_LENGTH": "10",
    }
    with running_api(environment, tmp_path) as server:
        server.wait_ready()
        with server.client() as api:
            assert api.post("/v1/events?wait=false", json={"events": [event(n) for n in range(8)]}).status_code == 202
            full = api.post("/v1/events?wait=false", json={"events": [event(n) for n in range(8, 12)]})
            assert_problem(full, 429, code="stream_full")
            assert int(full.headers["Retry-After"]) >= 1
            assert broker.xlen("interestgraph:events") == 8
            assert api.post("/v1/events?wait=false", json=event(9)).status_code == 202
        answers: list[httpx.Response] = []
        end = time.monotonic() + 180

        def hammer() -> None:
            with server.client() as own:
                while time.monotonic() < end and not any(each.status_code == 429 for each in answers):
                    answers.append(
                        own.post("/v1/events", json={"events": [event(n, user_id=f"v{n}") for n in range(300)]})
                    )

        threads = [threading.Thread(target=hammer) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        busy = [each for each in answers if each.status_code == 429]
        assert busy and {each.status_code for each in answers} <= {200, 429}
        assert_problem(busy[0], 429, code="busy")
        assert int(busy[0].headers["Retry-After"]) >= 1
        with raw_request(server.url, b"Transfer-Encoding: chunked\r\n") as slow, server.client() as api:
            slow.sendall(chunk(lines(event(1))))
            wait_until(lambda: api.post("/v1/events", content=lines(event(2)), headers=LINES).status_code == 429)
            assert api.get("/health/live").status_code == 200
            slow.sendall(b"0\r\n\r\n")
            assert slow.recv(65536).startswith(b"HTTP/1.1 200")
            assert api.post("/v1/events", content=lines(event(2)), headers=LINES).status_code == 200
