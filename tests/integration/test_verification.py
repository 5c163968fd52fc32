"""Verification of a graph that moves meanwhile."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import count

from engine.events.ingest import ingest
from engine.events.undo import delete_event
from engine.graph.store import GraphStore
from engine.pipelines.fold import fold_waiting
from engine.settings import Settings
from engine.verification.repair import repair_users
from engine.verification.verify import verify
from tests.contract.test_verification import graph, random_events, settings  # noqa: F401 - fixtures

ROUNDS = 5
BATCHES = 10


def test_events_that_come_in_are_no_differences(graph: GraphStore, settings: Settings) -> None:  # noqa: F811
    stop = threading.Event()
    sent: list[str] = []
    batches: list[int] = []

    def send() -> None:
        for seed in count(100):
            if stop.is_set():
                return
            events = random_events(seed, 5)
            ingest(graph, events, settings=settings)
            sent.extend(event["id"] for event in events)
            batches.append(seed)

    def fold() -> None:
        while not stop.is_set():
            fold_waiting(graph, settings)

    def undo() -> int:
        undone = 0
        while not stop.wait(0.05):
            if sent:
                delete_event(graph, sent.pop(), settings=settings)
                undone += 1
        return undone

    with ThreadPoolExecutor(3) as pool:
        sending, folding, undoing = pool.submit(send), pool.submit(fold), pool.submit(undo)
        try:
            reports = [verify(graph, settings)]
            while len(reports) < ROUNDS or (len(batches) < BATCHES and not sending.done()):
                reports.append(verify(graph, settings))
            repaired = repair_users(graph, settings)
        finally:
            stop.set()
        sending.result()
        folding.result()
        assert undoing.result() > 0
    for report in reports:
        assert {check.name: (check.kinds, check.examples) for check in report.checks if check.kinds} == {}
    assert [report.events for report in reports] != [reports[0].events] * len(reports)
    assert repaired.changed == 0
    fold_waiting(graph, settings)
    assert verify(graph, settings).ok
