"""What operators see: metrics over all processes, request ids, log lines, the OpenAPI page."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import httpx
import pytest

from engine.graph.store import GraphStore
from tests.support.api_server import ApiServer

pytestmark = pytest.mark.usefixtures("store")


def metric(text: str, name: str, **labels: str) -> float:
    total = 0.0
    for line in text.splitlines():
        match = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
        if match and match.group(1) == name:
            found = dict(re.findall(r'(\w+)="([^"]*)"', match.group(2) or ""))
            if labels.items() <= found.items():
                total += float(match.group(3))
    return total


def test_metrics_are_summed_over_the_processes(api_server: ApiServer) -> None:
    route = {"method": "GET", "route": "/v1/users/<id:user_id>/events", "status": "200"}
    with api_server.client() as client:
        before = metric(client.get("/metrics").text, "interestgraph_http_requests_total", **route)
    # A connection each, so that both processes get some.
    for number in range(24):
        with api_server.client() as client:
            assert client.get(f"/v1/users/u{number}/events").status_code == 200
    with api_server.client() as client:
        for _ in range(4):
            text = client.get("/metrics").text
            assert metric(text, "interestgraph_http_requests_total", **route) == before + 24
    assert metric(text, "interestgraph_http_request_seconds_count", **route) == before + 24
    assert "/v1/users/u1/events" not in text


def test_events_are_counted(api: httpx.Client) -> None:
    before = api.get("/metrics").text
    event = {"id": "e", "type": "view", "user_id": "u", "item_id": "i", "at": 1000}
    for _ in range(2):
        assert api.post("/v1/events?create_missing=true", json=event).status_code == 200
    after = api.get("/metrics").text
    for name in ("interestgraph_events_accepted_total", "interestgraph_events_duplicate_total"):
        assert metric(after, name) == metric(before, name) + 1


def test_parts_and_state_are_of_a_living_process(api: httpx.Client) -> None:
    assert api.put("/v1/items/i", json={}).status_code == 201
    api.get("/health/ready")
    end = time.monotonic() + 180
    while metric(api.get("/metrics").text, "interestgraph_state_items") != 1:
        assert time.monotonic() < end, api.get("/metrics").text
        time.sleep(0.2)
    text = api.get("/metrics").text
    assert metric(text, "interestgraph_part_up", part="database") == 1
    assert metric(text, "interestgraph_part_up", part="model") == 0


def test_made_up_addresses_make_no_series(api: httpx.Client) -> None:
    for number in range(5):
        api.request("BREW", f"/made-up-{number}")
    text = api.get("/metrics").text
    assert "made-up" not in text
    assert "BREW" not in text
    assert metric(text, "interestgraph_http_requests_total", route="(none)", method="(any)") >= 5


def test_request_id_is_in_answer_and_log(api_server: ApiServer, api: httpx.Client) -> None:
    answered = api.get("/v1/jobs/none", headers={"X-Request-ID": "trace-4711"})
    assert answered.headers["X-Request-ID"] == answered.json()["request_id"] == "trace-4711"
    lines: list[dict[str, Any]] = [json.loads(line) for line in api_server.log().splitlines() if "trace-4711" in line]
    line = next(line for line in lines if line["event"] == "request")
    assert (line["method"], line["route"], line["status"]) == ("GET", "/v1/jobs/<id:job_id>", 404)
    assert line["duration_ms"] > 0
    made = {api.get("/health/live", headers={"X-Request-ID": "bad id!"}).headers["X-Request-ID"] for _ in range(3)}
    assert len(made) == 3
    assert "bad id!" not in made


def test_every_log_line_is_json(api_server: ApiServer, api: httpx.Client, store: GraphStore) -> None:
    api.get("/v1/nowhere")
    for line in api_server.log().splitlines():
        assert {"event", "level", "timestamp"} <= set(json.loads(line)), line


def test_openapi_page_needs_no_network(api: httpx.Client) -> None:
    page = api.get("/openapi", follow_redirects=True)
    assert page.status_code == 200
    swagger = api.get("/openapi/swagger")
    loaded = re.findall(r'(?:src|href)="([^"]+)"', swagger.text)
    assert loaded
    for address in loaded:
        assert not address.startswith(("http:", "https:", "//")), address
        assert api.get(f"/openapi/{address}").status_code == 200
    assert api.get("/openapi/openapi.json").json()["openapi"].startswith("3.1")
    assert api.get("/", follow_redirects=True).status_code == 200
