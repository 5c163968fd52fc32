"""Two consumers that carry the same name, as after a copied configuration, and one of them killed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from engine.graph.store import GraphStore
from tests.faults import report, snapshot
from tests.faults.parts import BEAT, CONSUMER, NEO4J, VALKEY, WORKER, Parts, running
from tests.faults.producers import Producers
from tests.faults.traffic import traffic
from tests.faults.undisturbed import put_items, write


@pytest.mark.faults
@pytest.mark.timeout(900)
def test_two_consumers_of_one_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: GraphStore) -> None:
    with running(tmp_path, monkeypatch, (NEO4J, VALKEY, WORKER, BEAT, "api", CONSUMER)) as parts:
        sent = traffic(6_000, items=60, seed=3, settings=parts.settings.events)
        second = _second(parts)
        try:
            with parts.store() as disturbed_store:
                put_items(disturbed_store, sent.items)

                def kill() -> None:
                    for _ in range(3):
                        time.sleep(2.5)
                        parts.kill(CONSUMER)
                        parts.child(CONSUMER).start()

                killer = threading.Thread(target=kill)
                killer.start()
                producers = Producers(parts, sent.sends(3), seconds=10, seed=3)
                producers.run()
                killer.join()
                parts.wait_until_moved(timeout_s=120)
                disturbed = snapshot.take(disturbed_store)
                assert second.poll() is None, "the second one still runs"
        finally:
            second.kill()
            second.wait()
        with parts.redis() as client:
            assert client.xlen(parts.settings.stream.dead_key) == 0
        settings = parts.settings
    put_items(store, sent.items)
    write(store, sent.events, settings)
    found = snapshot.differences(disturbed, snapshot.take(store), settings)
    assert not found, "\n".join(found[:40])
    assert not producers.refused
    report.add("two consumers of one name, one killed three times", events=len(sent.events), graph=disturbed.counts())


def _second(parts: Parts) -> subprocess.Popen[bytes]:
    """Start another consumer; the name is that of the host, as the first one's."""
    environment = {**os.environ, **parts.child(CONSUMER).spec.env}
    return subprocess.Popen([sys.executable, "-m", "workers.consumer"], env=environment, stdout=subprocess.DEVNULL)
