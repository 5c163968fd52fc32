"""Producers that send until they are answered: two by REST, two through the stream."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import httpx

from engine.errors import InterestGraphError
from engine.stream.producer import EventProducer
from tests.faults.parts import Parts

Event = dict[str, Any]


class Producers:
    """Four threads, each with its share of the sends, spread over a stretch of time.

    Args:
        parts: The stack.
        sends: What is sent, in this order.
        seconds: Over how long.
        seed: Of the sizes of batches.
    """

    def __init__(self, parts: Parts, sends: Sequence[Event], *, seconds: float, seed: int) -> None:
        self.acknowledged: set[str] = set()
        self.refused: list[str] = []
        self.counts: Counter[str] = Counter()
        self._parts = parts
        self._seconds = seconds
        self._lock = threading.Lock()
        self._give_up_at = float("inf")
        self._failures: list[BaseException] = []
        ways: list[Callable[[Sequence[Event]], None]] = [self._rest, self._stream, self._rest, self._stream]
        self._threads = [
            threading.Thread(target=self._run, args=(way, sends[place::4], random.Random(10 * seed + place)))
            for place, way in enumerate(ways)
        ]

    def run(self, *, patience_s: float = 300, say: Callable[[str], None] | None = None) -> None:
        """Send everything; a failure of one of them is raised.

        Args:
            patience_s: Seconds after the stretch until which everything must be acknowledged.
            say: Told every ten seconds how far they are.
        """
        self._began = time.monotonic()
        self._give_up_at = self._began + self._seconds + patience_s
        for thread in self._threads:
            thread.start()
        for thread in self._threads:
            while thread.is_alive():
                thread.join(10)
                if say is not None:
                    seconds = time.monotonic() - self._began
                    say(f"{seconds:.0f} s: {len(self.acknowledged):,} acknowledged, {dict(self.counts)}")
        if self._failures:
            raise self._failures[0]

    def _run(self, way: Callable[[Sequence[Event]], None], sends: Sequence[Event], choose: random.Random) -> None:
        place = 0
        try:
            while place < len(sends):
                size = choose.choice((1, 1, 5, 20, 100))
                due = self._began + self._seconds * place / len(sends)
                time.sleep(max(0.0, due - time.monotonic()))
                if time.monotonic() > due + 2:
                    # After an outage there is much to be made up for.
                    size = 200
                way(sends[place : place + size])
                place += size
        except BaseException as error:
            self._failures.append(error)

    def _rest(self, batch: Sequence[Event]) -> None:
        while True:
            self._count("rest requests")
            try:
                answered = httpx.post(f"{self._parts.url}/v1/events", json={"events": list(batch)}, timeout=20)
            except httpx.HTTPError:
                self._again("rest")
                continue
            if answered.status_code in (429, 502, 503, 504):
                self._again("rest")
                continue
            assert answered.status_code == 200, f"{answered.status_code}: {answered.text[:1000]}"
            outcomes = answered.json()["events"]
            assert len(outcomes) == len(batch)
            with self._lock:
                self.refused += [str(outcome) for outcome in outcomes if outcome["outcome"] == "refused"]
                self.acknowledged |= {outcome["id"] for outcome in outcomes if outcome["outcome"] != "refused"}
            return

    def _stream(self, batch: Sequence[Event]) -> None:
        while True:
            self._count("stream sends")
            try:
                with EventProducer(self._parts.settings) as producer:
                    producer.send(batch, wait_s=10)
            except InterestGraphError:
                self._again("stream")
                continue
            with self._lock:
                self.acknowledged |= {event["id"] for event in batch}
            return

    def _again(self, way: str) -> None:
        self._count(f"{way} sent again")
        if time.monotonic() > self._give_up_at:
            raise AssertionError("it was not acknowledged in time")
        time.sleep(0.3)

    def _count(self, what: str) -> None:
        with self._lock:
            self.counts[what] += 1
