from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from interestgraph.client import (
    Client,
    ConflictError,
    ConnectionFailedError,
    InvalidRequestError,
    JobTimeoutError,
    NotAllowedError,
    NotFoundError,
    ProblemError,
    RateLimitedError,
    UnavailableError,
    http,
)

PROBLEM = {"code": "some", "detail": "Wrong.", "field": "n", "value": 0, "remedy": "Do it.", "request_id": "r"}


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that would have been waited."""
    waited: list[float] = []
    monkeypatch.setattr(http.time, "sleep", waited.append)
    return waited


def client_of(handler: Callable[[httpx.Request], httpx.Response], **options: Any) -> Client:
    return Client("http://server", transport=httpx.MockTransport(handler), **options)


def script(*steps: httpx.Response | Exception) -> tuple[Callable[[httpx.Request], httpx.Response], list[httpx.Request]]:
    """Give a server that answers by a script, and the requests it gets."""
    remaining, requests = list(steps), []

    def handle(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        step = remaining.pop(0)
        if isinstance(step, Exception):
            raise step
        return step

    return handle, requests


def sent(request: httpx.Request) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = json.loads(request.content)["events"]
    return events


ACCEPTED = {"accepted": 1, "duplicates": 0, "freshness": "token", "events": [{"id": "e", "outcome": "accepted"}]}


def test_event_is_repeated_with_the_same_id(waits: list[float]) -> None:
    handle, requests = script(
        httpx.Response(503, json=PROBLEM, headers={"Retry-After": "3"}),
        httpx.Response(429, json=PROBLEM, headers={"Retry-After": "7"}),
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
        httpx.Response(200, json=ACCEPTED),
    )
    result = client_of(handle).send_event("view", "u", "i", value=None)
    assert (result.accepted, result.freshness, result.ids) == (1, "token", ("e",))
    ids = {sent(request)[0]["id"] for request in requests}
    assert len(ids) == 1
    assert sent(requests[0])[0] == {"id": ids.pop(), "type": "view", "user_id": "u", "item_id": "i"}
    assert waits[0] >= 3
    assert waits[1] >= 7
    assert len(waits) == 4


def test_given_id_stays() -> None:
    handle, requests = script(httpx.Response(200, json=ACCEPTED))
    client_of(handle).send_events([{"id": "mine", "type": "view", "user_id": "u", "item_id": "i"}], create_missing=True)
    assert sent(requests[0])[0]["id"] == "mine"
    assert requests[0].url.params["create_missing"] == "true"


REFUSED = {"status": 409, "code": "conflict", "detail": "Wrong.", "field": "events[0].id", "value": "x", "remedy": "R."}
IN_PART = {
    "accepted": 1,
    "duplicates": 0,
    "refused": 1,
    "freshness": "token",
    "events": [{"id": "x", "outcome": "refused", "problem": REFUSED}, {"id": "e", "outcome": "accepted", "more": 1}],
}


def test_refused_events_stand_in_the_answer() -> None:
    handle, requests = script(httpx.Response(200, json=IN_PART), httpx.Response(200, json=IN_PART))
    client = client_of(handle)
    found = client.send_events([{"type": "view"}, {"type": "view"}], atomic=True)
    assert (found.accepted, found.refused, found.ids) == (1, 1, ("x", "e"))
    assert [outcome.outcome for outcome in found.outcomes] == ["refused", "accepted"]
    assert dict(requests[0].url.params) == {"atomic": "true"}
    with pytest.raises(ConflictError, match="Wrong"):
        found.raise_refused()
    with pytest.raises(ConflictError):
        client.send_event("view", "u", "i")


def test_stream_does_not_wait() -> None:
    answer = {"queued": 1, "refused": 0, "events": [{"id": "e", "outcome": "queued"}]}
    handle, requests = script(httpx.Response(202, json=answer))
    found = client_of(handle).send_event("view", "u", "i", stream=True)
    assert (found.queued, found.accepted, found.freshness, found.ids) == (1, 0, None, ("e",))
    assert dict(requests[0].url.params) == {"wait": "false"}


def test_lines_go_in_pieces_that_are_sent_again_whole(waits: list[float]) -> None:
    def told(line: int) -> dict[str, Any]:
        return {"accepted": 1, "duplicates": 0, "refused": 1, "freshness": f"t{line}", "lines": 2,
                "refusals": [{"line": line, "problem": REFUSED}]}  # fmt: skip

    handle, requests = script(
        httpx.Response(429, json=PROBLEM, headers={"Retry-After": "1"}),
        httpx.Response(200, json=told(2)),
        httpx.ConnectError("refused"),
        httpx.Response(200, json=told(1)),
    )
    events = ({"type": "view", "user_id": "ü", "item_id": None, "value": number} for number in range(3))
    found = client_of(handle).send_lines(events, piece=2)
    assert (found.lines, found.accepted, found.refused, found.freshness) == (3, 2, 2, "t1")
    assert [number for number, _ in found.refusals] == [2, 3]
    bodies = [request.content for request in requests]
    assert bodies[0] == bodies[1] and bodies[2] == bodies[3] and len(bodies[0].splitlines()) == 2
    first = json.loads(bodies[0].splitlines()[0])
    assert len(first.pop("id")) == 32 and first == {"type": "view", "user_id": "ü", "value": 0}
    assert all(request.headers["Content-Type"] == "application/x-ndjson" for request in requests)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidRequestError),
        (401, NotAllowedError),
        (403, NotAllowedError),
        (404, NotFoundError),
        (409, ConflictError),
        (413, InvalidRequestError),
        (422, InvalidRequestError),
        (500, ProblemError),
    ],
)
def test_problem_becomes_an_exception_at_once(waits: list[float], status: int, kind: type[ProblemError]) -> None:
    handle, requests = script(httpx.Response(status, json=PROBLEM))
    with pytest.raises(kind) as caught:
        client_of(handle).user("u")
    error = caught.value
    assert (error.status, error.code, error.field, error.value, error.remedy, error.request_id) == (
        status, "some", "n", 0, "Do it.", "r",
    )  # fmt: skip
    assert str(error) == f"{status} some: Wrong. [n=0] Do it."
    assert (len(requests), waits) == (1, [])


def test_gives_up(waits: list[float]) -> None:
    handle, requests = script(*[httpx.Response(503, json=PROBLEM, headers={"Retry-After": "1"})] * 3)
    with pytest.raises(UnavailableError) as caught:
        client_of(handle, attempts=3).user("u")
    assert caught.value.retry_after_s == 1
    assert (len(requests), len(waits)) == (3, 2)


def test_does_not_wait_for_longer_than_it_may(waits: list[float]) -> None:
    handle, requests = script(httpx.Response(429, json=PROBLEM, headers={"Retry-After": "3600"}))
    with pytest.raises(RateLimitedError):
        client_of(handle).user("u")
    assert (len(requests), waits) == (1, [])


def test_job_is_not_made_twice(waits: list[float]) -> None:
    for step in (httpx.ReadTimeout("lost"), httpx.Response(503, json=PROBLEM)):
        handle, requests = script(step)
        with pytest.raises((ConnectionFailedError, UnavailableError)):
            client_of(handle).retrain()
        assert len(requests) == 1
    handle, requests = script(
        httpx.Response(429, json=PROBLEM, headers={"Retry-After": "1"}),
        httpx.Response(202, json={"id": "j", "kind": "retrain", "state": "queued", "new_member": 1}),
    )
    job = client_of(handle).retrain(training={"epochs": 1})
    assert (job.id, job.is_final, job.answer["new_member"]) == ("j", False, 1)


def test_answer_that_is_no_problem(waits: list[float]) -> None:
    handle, _ = script(httpx.Response(502, text="<html>proxy</html>"))
    with pytest.raises(ProblemError) as caught:
        client_of(handle).user("u")
    assert (caught.value.status, caught.value.code) == (502, "http_error")


def test_ids_are_encoded() -> None:
    handle, requests = script(httpx.Response(200, json={"id": "a/b ü"}))
    client_of(handle).item("a/b ü?#%")
    assert requests[0].url.raw_path == b"/v1/items/a%2Fb%20%C3%BC%3F%23%25"


def test_recommendations() -> None:
    answer = {
        "user_id": "u",
        "recommendation_id": "r1",
        "newcomer": False,
        "version": "v20260131120000",
        "complete": False,
        "cut": {"seen": 3},
        "items": [
            {
                "item_id": "i",
                "rank": 1,
                "score": -1.5,
                "title": "Milk",
                "attributes": {"price": 2},
                "terms": [{"name": "sequence", "value": -1.5, "path": [], "more": 1}],
                "more": 1,
            }
        ],
    }
    handle, requests = script(httpx.Response(200, json=answer))
    got = client_of(handle, api_key="k").recommendations("u", 5, freshness="t", exclude=["a", "b"], seen=True)
    assert (got.recommendation_id, got.newcomer, got.version) == ("r1", False, "v20260131120000")
    assert (got.complete, got.cut) == (False, {"seen": 3})
    assert [(item.item_id, item.score, item.terms[0].name) for item in got.items] == [("i", -1.5, "sequence")]
    query = requests[0].url.params
    assert (query["n"], query["freshness"], query["explain"], query["seen"]) == ("5", "t", "true", "true")
    assert query.get_list("exclude") == ["a", "b"]
    assert "interest" not in query
    assert requests[0].headers["Authorization"] == "Bearer k"


def test_pages() -> None:
    handle, requests = script(
        httpx.Response(200, json={"items": [{"id": "a"}, {"id": "b"}], "next": "c1"}),
        httpx.Response(200, json={"items": [{"id": "c"}], "next": None}),
    )
    assert [item["id"] for item in client_of(handle).items()] == ["a", "b", "c"]
    assert requests[1].url.params["cursor"] == "c1"


def test_waiting_for_a_job(waits: list[float]) -> None:
    states = [httpx.Response(200, json={"id": "j", "kind": "k", "state": s}) for s in ("queued", "running", "failed")]
    handle, requests = script(*states)
    assert client_of(handle).wait("j", poll_s=0.25).state == "failed"
    assert (len(requests), waits) == (3, [0.25, 0.25])
    handle, _ = script(httpx.Response(200, json={"id": "j", "kind": "k", "state": "running"}))
    with pytest.raises(JobTimeoutError, match="still running"):
        client_of(handle).wait("j", timeout_s=0)


def test_stands_alone() -> None:
    program = (
        "import sys, interestgraph.client\n"
        "print([m for m in sys.modules if m.split('.')[0] in ('api', 'engine', 'cypher', 'workers', 'flask', 'neo4j')])"
    )
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, timeout=180)
    assert done.stdout.strip() == "[]", done.stderr
