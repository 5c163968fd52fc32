"""The wall clock of every process jumps back by an hour while they run, and events go on.

A library that is loaded before all others answers for the clock of Neo4j, Valkey, API, worker, beat and consumer; the
clock of the machine, which others use, stays.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import httpx
import pytest

from engine.graph.store import GraphStore
from tests.faults import report, snapshot
from tests.faults.parts import running
from tests.faults.producers import Producers
from tests.faults.traffic import traffic
from tests.faults.undisturbed import put_items, write

HOUR_S = 3600


@pytest.mark.faults
@pytest.mark.timeout(900)
def test_clock_set_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: GraphStore) -> None:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler for the library that moves the clock")
    library, offset = tmp_path / "clock.so", tmp_path / "offset"
    source = Path(__file__).with_name("clock.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(source), "-ldl"], check=True)
    offset.write_bytes(struct.pack("q", 0))
    clock = {"LD_PRELOAD": str(library), "FAULT_CLOCK_FILE": str(offset)}
    with running(tmp_path / "home", monkeypatch, **clock) as parts:
        sent = traffic(4_000, items=60, seed=1, settings=parts.settings.events)
        sends = sent.sends(1)
        half = len(sends) // 2
        with parts.store() as disturbed_store:
            put_items(disturbed_store, sent.items)
            Producers(parts, sends[:half], seconds=5, seed=1).run()
            parts.wait_until_moved()
            before = _state(disturbed_store)
            set_back(offset)
            producers = Producers(parts, sends[half:], seconds=5, seed=2)
            producers.run()
            parts.wait_until_moved(timeout_s=120)
            after = _state(disturbed_store)
            disturbed = snapshot.take(disturbed_store)
            user = sent.events[-1]["user_id"]
            _answer_changes(parts.url, user)
        settings = parts.settings
    assert after["folded_at"] > before["folded_at"], "changed rows are found by stamps that never go back"
    put_items(store, sent.items)
    write(store, sent.events, settings)
    found = snapshot.differences(disturbed, snapshot.take(store), settings)
    assert not found, "\n".join(found[:40])
    assert not producers.refused
    report.add("clock set back one hour", events=len(sent.events), graph=disturbed.counts())


def set_back(offset: Path) -> None:
    """Write in place: the processes have the file mapped, and a shorter one would kill them."""
    with offset.open("r+b") as file:
        file.write(struct.pack("q", -HOUR_S))


def _answer_changes(url: str, user: str) -> None:
    """Buy what is recommended first, by the clock that went back: it is gone from the answer with the token."""
    path = f"{url}/v1/users/{user}/recommendations"
    best = httpx.get(path, params={"n": 1}, timeout=30).json()["items"][0]["item_id"]
    event = {"id": "after the jump", "type": "purchase", "user_id": user, "item_id": best}
    posted = httpx.post(f"{url}/v1/events", json=event, timeout=30)
    assert posted.status_code == 200, posted.text
    answered = httpx.get(path, params={"n": 10, "freshness": posted.json()["freshness"]}, timeout=30)
    assert best not in {item["item_id"] for item in answered.json()["items"]}


def _state(store: GraphStore) -> dict[str, int]:
    text = "MATCH (s:State {id: 'co_occurrence'}) RETURN s.folded_at AS folded_at, s.as_of AS as_of"
    [row] = store.read_transaction(lambda tx: tx.run_text(text).data())
    return dict(row)
