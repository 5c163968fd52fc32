"""Valkey loses everything it holds, in the middle of the traffic."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from engine.graph.store import GraphStore
from tests.faults import report, snapshot
from tests.faults.parts import running
from tests.faults.producers import Producers
from tests.faults.traffic import traffic
from tests.faults.undisturbed import put_items, write


@pytest.mark.faults
@pytest.mark.timeout(900)
def test_valkey_emptied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: GraphStore) -> None:
    """What was only in the stream is lost with it, so producers send again; nothing else is lost, and all goes on."""
    with running(tmp_path, monkeypatch) as parts:
        sent = traffic(4_000, items=60, seed=2, settings=parts.settings.events)
        sends = sent.sends(2)
        with parts.store() as disturbed_store:
            put_items(disturbed_store, sent.items)

            def empty() -> None:
                for _ in range(4):
                    time.sleep(2)
                    with parts.redis() as client:
                        client.flushall()

            emptier = threading.Thread(target=empty)
            emptier.start()
            producers = Producers(parts, sends, seconds=10, seed=2)
            producers.run()
            emptier.join()
            # Nothing tells a producer that the stream has gone: after such a fault everything of late is sent again.
            late = Producers(parts, sends, seconds=2, seed=3)
            late.run()
            parts.wait_until_moved(timeout_s=120)
            disturbed = snapshot.take(disturbed_store)
        settings = parts.settings
    put_items(store, sent.items)
    write(store, sent.events, settings)
    found = snapshot.differences(disturbed, snapshot.take(store), settings)
    assert not found, "\n".join(found[:40])
    assert not producers.refused + late.refused
    report.add("Valkey emptied four times", events=len(sent.events), graph=disturbed.counts())
