"""Events a second, sustained, until the graph has moved and folded all of them."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

import httpx

from benchmarks.ingest.result import Result, percentile
from benchmarks.ingest.stack import Stack, wait_until_moved, waiting
from engine.graph.store import GraphStore
from engine.stream.producer import EventProducer

STREAM: Final = "stream"
REST: Final = "rest"
_STREAM_CHUNK: Final = 500
_STREAM_AHEAD: Final = 10_000
"""Events that the generator keeps waiting in the stream: enough to keep the consumer busy, few enough to end soon."""
_REST_BATCH: Final = 500
_REST_CLIENTS: Final = 2
_SAMPLE_S: Final = 5.0
_DRAIN_S: Final = 300.0

Say = Callable[[str], None]


@dataclass
class Sent:
    """What a generator has sent.

    Attributes:
        events: Events acknowledged.
        refusals: Times that it was told to wait.
        samples: Seconds, events worked in by then, events that waited, at regular times.
    """

    events: int = 0
    refusals: int = 0
    samples: list[tuple[float, int, int]] = field(default_factory=list)


def stream_rate(stack: Stack, store: GraphStore, events: Iterator[dict[str, Any]], minutes: float, say: Say) -> Result:
    """Send through the stream for some minutes as fast as it takes them, and wait until all of it is in the graph."""
    sent = Sent()

    def generate(until: float) -> None:
        with EventProducer(stack.settings) as producer:
            while time.monotonic() < until and (chunk := list(islice(events, _STREAM_CHUNK))):
                payloads = [json.dumps(event, separators=(",", ":")).encode() for event in chunk]
                while producer.length() > _STREAM_AHEAD and time.monotonic() < until:
                    time.sleep(0.02)
                producer.send(payloads, wait_s=120)
                sent.events += len(chunk)

    return _sustain(STREAM, "events a second, sustained, through the stream", generate, (2000, 5000), stack, store,
                    sent, minutes, say)  # fmt: skip


def rest_rate(stack: Stack, store: GraphStore, events: Iterator[dict[str, Any]], minutes: float, say: Say) -> Result:
    """Send REST batches of 500 for some minutes, and wait until all of it is in the graph."""
    sent = Sent()
    lock = threading.Lock()

    def client(until: float) -> None:
        with httpx.Client(base_url=stack.url(), timeout=60) as http:
            while time.monotonic() < until:
                with lock:
                    chunk = list(islice(events, _REST_BATCH))
                if not chunk:
                    return
                while True:
                    answered = http.post("/v1/events", json={"events": chunk})
                    if answered.status_code not in (429, 503):
                        break
                    with lock:
                        sent.refusals += 1
                    time.sleep(float(answered.headers.get("Retry-After", 1)))
                answered.raise_for_status()
                answer = answered.json()
                if answer["accepted"] != len(chunk):
                    raise RuntimeError(f"{answer['accepted']} of {len(chunk)} accepted: {answered.text[:500]}")
                with lock:
                    sent.events += len(chunk)

    def generate(until: float) -> None:
        failures: list[BaseException] = []

        def run() -> None:
            try:
                client(until)
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=run) for _ in range(_REST_CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]

    return _sustain(REST, f"events a second, sustained, by REST batches of {_REST_BATCH}", generate, (1500, 4000),
                    stack, store, sent, minutes, say)  # fmt: skip


def _sustain(
    name: str,
    what: str,
    generate: Callable[[float], None],
    bars: tuple[float, float],
    stack: Stack,
    store: GraphStore,
    sent: Sent,
    minutes: float,
    say: Say,
) -> Result:
    before, cpu = _stored(store), stack.cpu_s()
    began = time.monotonic()
    done = threading.Event()
    watcher = threading.Thread(target=_watch, args=(stack, store, sent, began, before, done, say), daemon=True)
    watcher.start()
    try:
        generate(began + 60 * minutes)
        sending_s = time.monotonic() - began
        drain_s = wait_until_moved(
            stack, store, timeout_s=_DRAIN_S, tell=lambda left: say(f"{name}: {sent.events:,} sent, {left:,} wait")
        )
    finally:
        done.set()
        watcher.join()
    seconds = time.monotonic() - began
    stored = _stored(store) - before
    if stored != sent.events:
        raise RuntimeError(f"{sent.events} events were acknowledged, {stored} are in the graph")
    used = stack.cpu_s()
    rates = _rates(sent.samples)
    return Result(
        name, what, "1/s", *bars, round(sent.events / seconds, 1), more_is_better=True,
        details={
            "events": sent.events,
            "sending_s": round(sending_s, 1),
            "until_all_folded_s": round(drain_s, 1),
            "told_to_wait": sent.refusals,
            "slowest_30_s": round(min(rates), 1) if rates else None,
            "median_30_s": round(percentile(rates, 50), 1) if rates else None,
            "most_unfolded": max((waits for _, _, waits in sent.samples), default=0),
            "cpu_ms_per_event": {
                part: round(1000 * (used[part] - cpu.get(part, 0.0)) / max(sent.events, 1), 4) for part in used
            },
        },
    )  # fmt: skip


def _watch(
    stack: Stack, store: GraphStore, sent: Sent, began: float, before: int, done: threading.Event, say: Say
) -> None:
    while not done.wait(_SAMPLE_S):
        with contextlib.suppress(Exception):
            left = waiting(store)
            waits = left["unfolded"] + left["moves"]
            seconds = time.monotonic() - began
            stored = _stored(store) - before
            sent.samples.append((seconds, stored - left["unfolded"], waits))
            rate = f"{stored:,} stored, {stored / seconds:,.0f}/s"
            say(f"{seconds:.0f} s: {sent.events:,} sent, {rate}, {waits:,} unfolded")


def _rates(samples: list[tuple[float, int, int]]) -> list[float]:
    """Give the rate at which events were folded, over stretches of 30 seconds."""
    rates = []
    for place, (seconds, events, _) in enumerate(samples):
        later = next(((s, e) for s, e, _ in samples[place:] if s - seconds >= 30), None)
        if later is not None:
            rates.append((later[1] - events) / (later[0] - seconds))
    return rates


def _stored(store: GraphStore) -> int:
    [row] = store.read_transaction(lambda tx: tx.run_text("MATCH (e:Event) RETURN count(e) AS events").data())
    return int(row["events"])
