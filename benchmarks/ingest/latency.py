"""Time of one event by REST, and of an event until the answer has changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import httpx

from benchmarks.ingest.result import Result, percentile, spread
from benchmarks.ingest.stack import Stack

SINGLE: Final = "single"
ANSWER: Final = "answer"
_PAUSE_S: Final = 0.03
"""Between two requests: the machine is otherwise idle, and the fold has its second of work in between."""
_WARM_UP: Final = 150
_COMPILED: Final = 1_000
"""Events after which the server has compiled what they run: after 150 the median was 16.3 ms, after 1,000 14.9."""


def single_event(
    stack: Stack, events: Iterator[dict[str, Any]], requests: int, say: Callable[[str], None]
) -> list[Result]:
    """Send one event after the other."""
    durations_ms = []
    with httpx.Client(base_url=stack.url(), timeout=30) as http:
        for number in range(_COMPILED + requests):
            event = next(events)
            began = time.perf_counter()
            answered = http.post("/v1/events", json=event)
            duration_ms = 1000 * (time.perf_counter() - began)
            _accepted(answered)
            if number >= _COMPILED:
                durations_ms.append(duration_ms)
            if number % 50 == 0:
                say(f"{number}/{_COMPILED + requests}")
            time.sleep(_PAUSE_S)
    return _results(SINGLE, "one event by REST", durations_ms, (15, 60), (6, 25))


def changed_answer(stack: Stack, users: list[str], requests: int, say: Callable[[str], None]) -> list[Result]:
    """Send the purchase of the best recommended item, and ask again with its token: the item must be gone."""
    durations_ms, posts_ms, gets_ms = [], [], []
    with httpx.Client(base_url=stack.url(), timeout=30) as http:
        for number in range(_WARM_UP + requests):
            user = users[number % len(users)]
            path = f"/v1/users/{user}/recommendations"
            [best] = _items(http.get(path, params={"n": 1}))
            event = {"id": f"answer-{time.time_ns()}", "type": "purchase", "user_id": user, "item_id": best}
            began = time.perf_counter()
            posted = http.post("/v1/events", json=event)
            between = time.perf_counter()
            answered = http.get(path, params={"n": 10, "freshness": posted.json()["freshness"]})
            ended = time.perf_counter()
            _accepted(posted)
            if best in _items(answered):
                raise RuntimeError(f"the answer does not know of the event: {best} for {user}")
            if number >= _WARM_UP:
                durations_ms.append(1000 * (ended - began))
                posts_ms.append(1000 * (between - began))
                gets_ms.append(1000 * (ended - between))
            if number % 50 == 0:
                say(f"{number}/{_WARM_UP + requests}")
            time.sleep(_PAUSE_S)
    more = {"post": spread(posts_ms), "get": spread(gets_ms)}
    return _results(ANSWER, "event to changed answer", durations_ms, (40, 150), (15, 50), **more)


def _results(
    name: str, what: str, durations_ms: list[float], must: tuple[float, float], aim: tuple[float, float], **more: Any
) -> list[Result]:
    details = {"requests": len(durations_ms), **spread(durations_ms), **more}
    return [
        Result(name, f"{what}, p{percent}", "ms", must[place], aim[place], round(percentile(durations_ms, percent), 2),
               details=details)
        for place, percent in enumerate((50, 99))
    ]  # fmt: skip


def _accepted(answered: httpx.Response) -> None:
    answered.raise_for_status()
    if answered.json()["accepted"] != 1:
        raise RuntimeError(f"not accepted: {answered.text[:500]}")


def _items(answered: httpx.Response) -> list[str]:
    answered.raise_for_status()
    return [item["item_id"] for item in answered.json()["items"]]
