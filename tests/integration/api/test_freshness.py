"""An answer knows of the event whose token comes with the question, and of what the user made of earlier answers."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine.embedded import EmbeddedStack
from engine.embedded.stack import NEO4J
from engine.graph.migrations import migrate
from engine.graph.store import GraphStore
from engine.pipelines.fold import fold_waiting
from engine.settings import Settings
from tests.integration.api.test_bad_input import assert_problem
from tests.integration.api.test_recommendations import ITEMS, ids
from tests.integration.api.test_recommendations import shop as shop
from tests.support.api_server import ApiServer, address_of, running_api
from tests.support.servers import running


def sent(server: ApiServer, *events: dict[str, Any]) -> str:
    """Send events over a connection of its own; give the token."""
    with server.client() as client:
        answered = client.post("/v1/events", json={"events": list(events)})
    assert answered.status_code == 200, answered.text
    assert answered.json()["refused"] == 0, answered.text
    return str(answered.json()["freshness"])


def asked(server: ApiServer, user: str, token: str | None = None, **query: Any) -> dict[str, Any]:
    """Ask over a connection of its own, so that any process may answer."""
    query |= {} if token is None else {"freshness": token}
    with server.client() as client:
        answered = client.get(f"/v1/users/{user}/recommendations", params={"n": 100, **query})
    assert answered.status_code == 200, answered.text
    return dict(answered.json())


def event(kind: str, user: str, item: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "user_id": user, "item_id": item, **more}


def term(answer: dict[str, Any], item: str, name: str) -> dict[str, Any] | None:
    [found] = [each for each in answer["items"] if each["item_id"] == item]
    return next((each for each in found["terms"] if each["name"] == name), None)


def test_what_was_shown_and_passed_by_fades_at_once_and_a_click_takes_it_back(shop: ApiServer) -> None:
    first = asked(shop, "fay", explain=True)
    best = first["items"][0]["item_id"]
    said = first["recommendation_id"]
    token = sent(shop, *(event("impression", "fay", best, recommendation_id=said, id=f"fay-{n}") for n in range(4)))
    for _ in range(4):
        after = asked(shop, "fay", token, explain=True, diversity=0)
        fading = term(after, best, "fatigue")
        assert fading is not None
        assert -0.3 * 1.6095 < fading["value"] < -0.3 * 1.6  # log(1 + 4) = 1.60944, a moment later
        assert fading["path"][0]["count"] == 4
        assert after["items"][-1]["item_id"] == best
        [found] = [item for item in after["items"] if item["item_id"] == best]
        assert found["reason"].endswith("It was shown 4 times in the last day and fades.")
        assert abs(sum(each["value"] for each in found["terms"]) - found["score"]) < 1e-9
        # Being shown something is not dealing with it.
        assert "seen" not in after["cut"]
        assert after["newcomer"]
    with shop.client() as client:
        token = client.delete("/v1/events/fay-0").json()["freshness"]
    fading = term(asked(shop, "fay", token, explain=True), best, "fatigue")
    assert fading is not None
    assert fading["path"][0]["count"] == 3
    token = sent(shop, event("click", "fay", best, recommendation_id=said))
    back = asked(shop, "fay", token, seen=True)
    assert term(back, best, "fatigue") is None
    assert not back["newcomer"]


def test_what_was_hidden_stays_away_until_it_is_wanted_again(shop: ApiServer) -> None:
    token = sent(shop, event("hide", "hal", "tea-1"))
    for _ in range(4):
        gone = asked(shop, "hal", token)
        assert gone["cut"] == {"hidden": 1}
        assert ids(gone) == set(ITEMS) - {"tea-1"}
    month_ago = int(time.time() * 1000) - 31 * 86_400_000
    token = sent(shop, event("hide", "ida", "tea-1", at=month_ago))
    assert ids(asked(shop, "ida", token)) == set(ITEMS)
    token = sent(shop, event("purchase", "hal", "tea-1"))
    assert "tea-1" in ids(asked(shop, "hal", token, seen=True))


def test_every_part_of_the_answer_knows_of_the_event(
    shop: ApiServer, store: GraphStore, neo4j_server: Settings
) -> None:
    # What others took one after the other, folded and seen by every process.
    sent(shop, *(event(kind, user, item) for user in "xyz" for kind, item in [("view", "milk-0"), ("view", "bread-0")]))
    fold_waiting(store, neo4j_server)
    shop.wait_caught_up()
    for number in range(6):
        token = sent(shop, event("view", f"new-{number}", "milk-0"))
        found = asked(shop, f"new-{number}", token, explain=True, diversity=0)
        assert found["cut"] == {"seen": 1}
        with shop.client() as client:
            interests = client.get(f"/v1/users/new-{number}/interests", params={"freshness": token}).json()["interests"]
            wrong = client.get(f"/v1/users/new-{number}/interests", params={"freshness": "no token"})
        assert [(interest["id"], interest["share"]) for interest in interests] == [("category:milk", 1.0)]
        assert (wrong.status_code, wrong.json()["field"]) == (422, "freshness")
        follows = term(found, "bread-0", "co_occurrence")
        assert follows is not None
        assert follows["value"] > 0
        assert follows["path"][0]["item_id"] == "milk-0"
        likes = term(found, "milk-1", "interests")
        assert likes is not None
        assert likes["value"] > 0
        meta = found["meta"]
        assert meta["staleness_s"] >= 0
        assert meta["events_waiting"] >= 0
        assert meta["moves_waiting"] >= 0
        assert meta["recounting"] is False
    waiting = asked(shop, "new-0")["meta"]
    end = time.monotonic() + 180
    while waiting["events_waiting"] < 6:
        assert time.monotonic() < end
        waiting = asked(shop, "new-0")["meta"]
    assert waiting["fold_lag_s"] > 0
    fold_waiting(store, neo4j_server)
    while asked(shop, "new-0")["meta"]["events_waiting"]:
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_killed_process_leaves_the_other_answering_with_the_event(shop: ApiServer) -> None:
    before = shop.worker_pids()
    assert len(before) == 2
    answered = 0
    for number, item in enumerate(ITEMS):
        user = f"killed-{number}"
        while True:
            try:
                token = sent(shop, event("purchase", user, item, id=f"{user}-{item}"))
                if number == 8:
                    # Here again where the question went down with it.
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(before[0], signal.SIGKILL)
                # The new process may still be loading: then it says so.
                found = asked_until_answered(shop, user, token, n=100)
            except httpx.TransportError:
                continue
            break
        assert item not in ids(found)
        assert found["cut"]["seen"] == 1
        answered += 1
    assert answered == len(ITEMS)
    end = time.monotonic() + 180
    while before[0] in shop.worker_pids() or len(shop.worker_pids()) < 2:
        assert time.monotonic() < end
        time.sleep(0.1)
    shop.wait_ready()


@pytest.fixture
def brief(neo4j_server: Settings, valkey_server: str, store: GraphStore, tmp_path: Path) -> Iterator[ApiServer]:
    """An API that waits for tokens three seconds: the database waits five."""
    store.write("events/create_items", items=["tea-1"], now=1)
    environment = address_of(neo4j_server, valkey_server) | {
        "INTERESTGRAPH_API__FRESHNESS_WAIT_S": "3",
        "INTERESTGRAPH_API__PROCESSES": "1",
    }
    with running_api(environment, tmp_path) as server:
        server.wait_ready()
        yield server


def test_a_token_of_the_future_is_waited_for_no_longer_than_it_may(brief: ApiServer) -> None:
    token = sent(brief, event("view", "u", "tea-1"))
    plain = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    [mark] = plain["b"]
    raw = bytearray(base64.b64decode(mark.partition(":")[2]))
    # The number of the transaction stands before the empty list at the end: make it one that is long in coming.
    for width, head in ((8, 0xCB), (4, 0xCA), (2, 0xC9)):
        if raw[-1 - width - 1] == head:
            ahead = bytes(raw[: -1 - width]) + (2 ** (8 * width - 2)).to_bytes(width, "big") + bytes(raw[-1:])
            break
    else:
        ahead = bytes(raw[:-2]) + bytes([0xCA]) + (2**30).to_bytes(4, "big") + bytes(raw[-1:])
    plain["b"] = ["FB:" + base64.b64encode(ahead).decode()]
    forged = base64.urlsafe_b64encode(json.dumps(plain).encode()).decode().rstrip("=")
    with brief.client() as client:
        late = client.get("/v1/users/u/recommendations", params={"freshness": forged})
        assert_problem(late, 503, code="freshness_timeout", field="freshness")
        assert "within 3 s" in late.json()["detail"]
        assert int(late.headers["Retry-After"]) >= 1
        # Others are answered meanwhile, with tokens and without.
        assert asked_until_answered(brief, "u", token)["known"]
        assert client.get("/v1/users/u/recommendations").status_code == 200


def test_a_token_that_the_database_cannot_read_is_named(shop: ApiServer) -> None:
    token = sent(shop, event("view", "u", "tea-1"))
    plain = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    plain["b"] = ["FB:zzzz"]
    broken = base64.urlsafe_b64encode(json.dumps(plain).encode()).decode().rstrip("=")
    with shop.client() as client:
        assert_problem(client.get("/v1/users/u/recommendations", params={"freshness": broken}), 422, field="freshness")


def test_follow_ups_are_counted_by_version(shop: ApiServer) -> None:
    said = asked(shop, "una", n=3)["recommendation_id"]
    assert said.startswith("none.")
    sent(
        shop,
        *(event("impression", "una", f"tea-{n}", recommendation_id=said) for n in range(3)),
        event("click", "una", "tea-1", recommendation_id=said),
    )
    with shop.client() as client:
        text = client.get("/metrics").text
    assert number_of(text, 'interestgraph_follow_ups_total{type="impression",version="none"}') >= 3
    assert number_of(text, 'interestgraph_follow_ups_total{type="click",version="none"}') >= 1
    assert number_of(text, 'interestgraph_recommended_items_total{version="none"}') >= 3
    assert "interestgraph_fold_lag_seconds" in text


def number_of(text: str, name: str) -> float:
    [line] = [line for line in text.splitlines() if line.startswith(name)]
    return float(line.rsplit(" ", 1)[1])


@pytest.fixture
def own_server(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Iterator[tuple[ApiServer, Settings]]:
    """An API over servers that this test may kill."""
    with running(tmp_path_factory.mktemp("own")) as settings:
        with GraphStore.open(settings) as store:
            migrate(store)
        environment = address_of(settings, EmbeddedStack(settings).endpoints().redis_url)
        with running_api(environment, tmp_path / "api") as server:
            server.wait_ready()
            yield server, settings


@pytest.mark.slow
def test_tokens_outlive_a_crash_of_the_database(own_server: tuple[ApiServer, Settings]) -> None:
    server, settings = own_server
    with server.client() as client:
        for item in ("a", "b", "c"):
            client.put(f"/v1/items/{item}", json={"title": item})
    tokens = {f"u{n}": sent(server, event("purchase", f"u{n}", "a", id=uuid.uuid4().hex)) for n in range(3)}
    stack = EmbeddedStack(settings)
    process = stack.child(NEO4J).process()
    assert process is not None
    process.send_signal(signal.SIGKILL)
    process.wait(60)
    stack.up(only=(NEO4J,))
    server.wait_ready()
    for user, token in tokens.items():
        for _ in range(2):
            found = asked_until_answered(server, user, token)
            assert found["cut"].get("seen") == 1
            assert "a" not in ids(found)


def asked_until_answered(server: ApiServer, user: str, token: str, **query: Any) -> dict[str, Any]:
    """Ask as a client does: again as long as the answer is to come back later."""
    end = time.monotonic() + 120
    while True:
        with server.client() as client:
            answered = client.get(f"/v1/users/{user}/recommendations", params={"freshness": token, **query})
        if answered.status_code == 200:
            return dict(answered.json())
        assert answered.status_code == 503, answered.text
        assert "Retry-After" in answered.headers
        assert time.monotonic() < end, answered.text
        time.sleep(0.2)
