"""The disk of Neo4j and Valkey is full for a while."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from engine.errors import BrokerUnavailableError
from engine.graph.store import GraphStore
from engine.stream.producer import EventProducer
from tests.faults import report, snapshot
from tests.faults.parts import API, NEO4J, PARTS, VALKEY, Parts, running
from tests.faults.producers import Producers
from tests.faults.traffic import traffic
from tests.faults.undisturbed import put_items, write

SIZE_MB = 700


@pytest.mark.faults
@pytest.mark.timeout(1200)
def test_disk_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: GraphStore) -> None:
    """Nothing is acknowledged that is not kept; with room again and the servers started again, all goes on."""
    disk = tmp_path / "disk"
    with small_disk(disk), running(disk / "home", monkeypatch, PARTS) as parts:
        sent = traffic(8_000, items=60, seed=6, settings=parts.settings.events)
        half = len(sent.events) // 2
        with parts.store() as opened:
            put_items(opened, sent.items)
        Producers(parts, sent.events[:half], seconds=3, seed=6).run()
        parts.wait_until_moved(timeout_s=120)
        fill(disk / "filler")
        use_up_reserve(parts)
        answers, acknowledged = send_into_full_disk(parts, sent.events[half:])
        refused = refused_by_stream(parts, sent.events[half:])
        (disk / "filler").unlink()
        # A server that met a full disk may have stopped or be read-only: it is started again, as the manual says.
        for part in (NEO4J, VALKEY):
            parts.kill(part)
            parts.child(part).start()
        for part in parts.names:
            if not parts.alive(part):
                parts.child(part).start()
        ready(parts)
        with parts.store() as opened:
            kept = {key[1] for key in snapshot.take(opened).nodes if key[0] == "Event"}
        assert acknowledged <= kept, f"{len(acknowledged - kept)} acknowledged events are gone"
        Producers(parts, sent.events, seconds=3, seed=7).run()
        parts.wait_until_moved(timeout_s=120)
        with parts.store() as opened:
            disturbed = snapshot.take(opened)
        settings = parts.settings
    assert refused, f"the disk was not full enough: {answers}"
    put_items(store, sent.items)
    write(store, sent.events, settings)
    found = snapshot.differences(disturbed, snapshot.take(store), settings)
    assert not found, "\n".join(found[:40])
    answered = {f"answers {status or 'missing'}": count for status, count in answers.items()}
    report.add(
        "disk full", events=len(sent.events), answers=answered, acknowledged=len(acknowledged), stream_refused=refused
    )


@contextmanager
def small_disk(path: Path) -> Iterator[None]:
    """Mount a file system of its own, in memory, where that is allowed."""
    path.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m", "tmpfs", str(path)], capture_output=True, check=False
    )
    if done.returncode != 0:
        pytest.skip(f"a small disk cannot be mounted: {done.stderr.decode().strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


def fill(path: Path) -> None:
    """Take all the room there is, to the last byte."""
    block = b"\0" * 4096
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(block):
            pass
    assert os.statvfs(path).f_bavail == 0


def use_up_reserve(parts: Parts) -> None:
    """Write until Neo4j refuses: it has set room aside for its log and stores, which lasts for thousands of events."""
    with GraphStore.open(parts.settings) as opened:
        for size, times in ((500_000, 300), (20_000, 1000), (500, 3000)):
            with contextlib.suppress(Exception):
                for _ in range(times):
                    text = os.urandom(size).hex()
                    opened.write_transaction(lambda tx: tx.run_text("CREATE (:Filler {text: $t})", t=text).consume())  # noqa: B023


def send_into_full_disk(parts: Parts, events: tuple[dict[str, object], ...]) -> tuple[dict[int, int], set[str]]:
    """Send batches; give how often each status came, 0 for no answer, and the ids that were acknowledged."""
    answers: dict[int, int] = {}
    acknowledged: set[str] = set()
    end = time.monotonic() + 40
    place = 0
    while (
        place < len(events)
        and time.monotonic() < end
        and sum(count for status, count in answers.items() if status != 200) < 6
    ):
        batch = list(events[place : place + 100])
        place += 100
        status = 0
        with contextlib.suppress(httpx.HTTPError):
            answered = httpx.post(f"{parts.url}/v1/events", json={"events": batch}, timeout=15)
            status = answered.status_code
            if status == 200:
                acknowledged |= {outcome["id"] for outcome in answered.json()["events"]}
        answers[status] = answers.get(status, 0) + 1
    return answers, acknowledged


def refused_by_stream(parts: Parts, events: tuple[dict[str, object], ...]) -> bool:
    """Send through the stream until Valkey refuses; tell whether it did."""
    with EventProducer(parts.settings) as producer:
        try:
            for _ in range(100):
                producer.send(events[:500])
                time.sleep(0.1)
        except BrokerUnavailableError:
            return True
    return False


def ready(parts: Parts) -> None:
    """Wait until the API says that it is ready."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{parts.url}/health/ready", timeout=15).status_code == 200:
                return
        time.sleep(0.3)
    raise AssertionError(f"{API} does not become ready\n" + "\n".join(parts.tails()))
