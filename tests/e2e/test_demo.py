"""The demo's story, on a slice of the data, with every real part."""

from __future__ import annotations

import json
import re

import httpx
import psutil
import pytest

from tests.e2e.conftest import Stack
from tests.support.celery_worker import wait_until

pytestmark = pytest.mark.timeout(3600)


def _variables(stack: Stack) -> dict[str, str]:
    lines = stack.run("env").stdout.splitlines()
    return dict(line.removeprefix("export ").split("=", 1) for line in lines)


def test_the_story_is_told_to_its_end(stack: Stack) -> None:
    for scene in ("Household", "recommendations", "One event", "A job", "An analyst", "the stack is running"):
        assert scene in stack.output, stack.output
    assert re.search(r"interestgraph[\s│]+0\.\d+", stack.output), "the table of metrics"
    assert "job" in stack.output and "succeeded" in stack.output


def test_recommendations_know_of_an_event_and_say_why(stack: Stack) -> None:
    api = _variables(stack)["INTERESTGRAPH_API_URL"]
    with httpx.Client(base_url=api, timeout=120) as client:
        wait_until(lambda: client.get("/health/ready").json()["status"] == "ready")
        user = client.get("/v1/users", params={"n": 1}).json()["users"][0]["id"]
        path = f"/v1/users/{user}/recommendations"
        before = client.get(path, params={"n": 10, "explain": True}).json()
        assert before["version"] and len(before["items"]) == 10
        for item in before["items"]:
            assert sum(term["value"] for term in item["terms"]) == pytest.approx(item["score"], abs=1e-6)
            assert item["reason"]
        bought = before["items"][0]["item_id"]
        event = {"type": "purchase", "user_id": user, "item_id": bought}
        sent = client.post("/v1/events", json=event).json()
        after = client.get(path, params={"n": 10, "freshness": sent["freshness"]}).json()
        assert bought not in [item["item_id"] for item in after["items"]]


def test_a_newcomer_is_answered_and_said_so(stack: Stack) -> None:
    api = _variables(stack)["INTERESTGRAPH_API_URL"]
    answer = httpx.get(f"{api}/v1/users/nobody/recommendations?n=5", timeout=120).json()
    assert answer["newcomer"] and len(answer["items"]) == 5


def test_vectors_and_attention_are_in_the_graph(stack: Stack) -> None:
    question = (
        "MATCH (s:State {id: 'active_version'}) WITH 'embedding_' + s.version AS e, 'attention_' + s.version AS a "
        "MATCH (i:Item)-[c:CO_OCCURS]->() "
        "RETURN count(DISTINCT i) AS items, count(DISTINCT CASE WHEN i[e] IS NULL THEN null ELSE i END) AS vectors, "
        "count(c[a]) AS attention, count(c['learned_' + right(a, 15)]) AS learned"
    )
    done = stack.run("cypher", "--json", question)
    row = json.loads(done.stdout)
    assert row["items"] == row["vectors"] > 100
    assert row["attention"] == row["learned"] > 0


def test_the_command_lists_jobs_and_versions(stack: Stack) -> None:
    assert "succeeded" in stack.run("jobs", "list").stdout
    assert "active" in stack.run("versions", "list").stdout


def test_doctor_finds_nothing_wrong(stack: Stack) -> None:
    done = stack.run("doctor", "--json")
    findings = json.loads(done.stdout)
    assert done.returncode == 0, findings
    assert {finding["level"] for finding in findings} <= {"ok", "warn"}


def test_a_second_up_starts_nothing(stack: Stack) -> None:
    assert "everything was running" in stack.run("up").stdout


def test_memory_of_the_api_is_without_torch(stack: Stack) -> None:
    rows = {row["part"]: row for row in json.loads(stack.run("status", "--json").stdout)}
    assert all(row["state"] == "running" for row in rows.values())
    process = psutil.Process(rows["api"]["pid"])
    for member in (process, *process.children()):
        assert not any("libtorch" in region.path for region in member.memory_maps())
