"""Latency of the REST API on the running stack: `python -m benchmarks.api_latency [--json FILE]`.

One connection that is kept open, one request after the other, so that the numbers are the time of an answer and not
of a queue. The floor is `/health/live`: what HTTP, Flask and the checks before a route cost. `python -m
benchmarks.tables` makes the table of docs/benchmarks.md from benchmarks/results/api-latency.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

PERCENTILES = (50, 90, 99)
_FRESH = "GET recommendations n=10 with a freshness token"


def measure(call: Callable[[int], httpx.Response], requests: int, warm_up: int) -> tuple[list[float], float]:
    """Time a call.

    Returns:
        Milliseconds of each request, and bytes of an answer on average.
    """
    durations_ms, sizes = [], []
    for number in range(warm_up + requests):
        start = time.perf_counter()
        answered = call(number)
        duration_ms = 1000 * (time.perf_counter() - start)
        answered.raise_for_status()
        if number >= warm_up:
            durations_ms.append(duration_ms)
            sizes.append(len(answered.content))
    return durations_ms, statistics.fmean(sizes)


def percentile(values: list[float], percent: int) -> float:
    """Give the value that `percent` of them do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(percent / 100 * (len(ordered) - 1)))]


def first_ids(client: httpx.Client, noun: str, limit: int) -> list[str]:
    """Give ids of users or items, page by page."""
    ids: list[str] = []
    cursor: str | None = None
    while len(ids) < limit:
        page: dict[str, Any] = client.get(
            f"/v1/{noun}", params={"n": 500, **({"cursor": cursor} if cursor else {})}
        ).json()
        ids.extend(entry["id"] for entry in page[noun])
        cursor = page["next"]
        if cursor is None:
            break
    return ids[:limit]


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--key")
    parser.add_argument("--requests", type=int, default=500)
    parser.add_argument("--users", type=int, default=500, help="different users that are asked for")
    parser.add_argument("--write", action="store_true", help="also send events: they stay in the graph")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", type=Path, help="file for the numbers")
    options = parser.parse_args()
    headers = {"Authorization": f"Bearer {options.key}"} if options.key else {}
    choose = random.Random(options.seed)
    with httpx.Client(base_url=options.url, headers=headers, timeout=30) as client:
        users = first_ids(client, "users", options.users)
        items = first_ids(client, "items", options.users)
        if not users or not items:
            raise SystemExit("There are no users or items: run `make demo` first.")
        choose.shuffle(users)
        choose.shuffle(items)
        user, item = (lambda number: users[number % len(users)]), (lambda number: items[number % len(items)])
        token = ""

        def send(number: int) -> httpx.Response:
            return client.post("/v1/events", json={"type": "view", "user_id": user(number), "item_id": item(number)})

        calls: dict[str, Callable[[int], httpx.Response]] = {
            "GET /health/live": lambda _: client.get("/health/live"),
            "GET recommendations n=10, explained": lambda number: client.get(
                f"/v1/users/{user(number)}/recommendations", params={"n": 10, "explain": True}
            ),
            "GET recommendations n=10": lambda number: client.get(
                f"/v1/users/{user(number)}/recommendations", params={"n": 10, "explain": False}
            ),
            _FRESH: lambda number: client.get(
                f"/v1/users/{user(number)}/recommendations", params={"n": 10, "freshness": token}
            ),
            "GET recommendations of a newcomer": lambda number: client.get(
                f"/v1/users/nobody-{number}/recommendations", params={"n": 10}
            ),
            "GET similar n=10": lambda number: client.get(f"/v1/items/{item(number)}/similar", params={"n": 10}),
            "GET interests": lambda number: client.get(f"/v1/users/{user(number)}/interests"),
        }
        if options.write:
            calls["POST one event"] = send
        else:
            del calls[_FRESH]
        rows: dict[str, dict[str, float]] = {}
        table = Table(
            "call", *(f"p{percent} ms" for percent in PERCENTILES), "bytes", title=f"{options.requests} requests each"
        )
        for name, call in calls.items():
            if name == _FRESH:
                token = send(0).json()["freshness"]
            durations_ms, size = measure(call, options.requests, warm_up=20)
            found = {f"p{percent}": percentile(durations_ms, percent) for percent in PERCENTILES}
            rows[name] = {**found, "bytes": size}
            table.add_row(name, *(f"{value:.1f}" for value in found.values()), f"{size:.0f}")
        status = client.get("/health/ready").json()
    Console().print(table)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(_report(options.requests, rows, status), indent=1) + "\n", encoding="utf-8")


def _report(requests: int, rows: dict[str, dict[str, float]], status: dict[str, Any]) -> dict[str, Any]:
    versions = {name: metadata.version(name) for name in ("interestgraph", "flask", "gunicorn", "neo4j")}
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "requests": requests,
        "state": next(part["detail"] for part in status["parts"] if part["name"] == "state"),
        "cores": os.cpu_count(),
        "load_1_min": os.getloadavg()[0],
        "versions": {"python": platform.python_version(), **versions},
        "calls": rows,
    }


if __name__ == "__main__":
    main()
