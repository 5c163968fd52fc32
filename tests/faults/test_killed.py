"""Every part killed with -9 at random moments while producers send: the graph is as if nothing had happened.

Compared edge by edge with what one undisturbed process makes of the same events in the order of time. So few
products take part that no CO_OCCURS row is ever cut: with rows that are cut, the edges depend on the order of events.
A tenth of the events is of one user, a tenth on one item.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from engine.graph.store import GraphStore
from engine.settings import Settings
from engine.verification.verify import verify
from tests.faults import report, snapshot
from tests.faults.parts import API, BEAT, CONSUMER, NEO4J, VALKEY, WORKER, Killer, Parts, running
from tests.faults.producers import Producers
from tests.faults.traffic import Traffic, traffic
from tests.faults.undisturbed import put_items, write

SEED = 5


Say = Callable[[str], None]


@pytest.fixture
def say(capfd: pytest.CaptureFixture[str]) -> Say:
    """Print past the capture: the long form takes its time."""

    def tell(text: str) -> None:
        with capfd.disabled():
            sys.stderr.write(f"\n{text}")

    return tell


def disturb(
    parts: Parts, sent: Traffic, *, seconds: float, kills: Mapping[str, int], seed: int, say: Say | None = None
) -> Producers:
    """Send everything while parts are killed; come back when all of it is in the graph."""
    sends = sent.sends(seed)
    producers = Producers(parts, sends, seconds=seconds, seed=seed)
    with parts.store() as store:
        put_items(store, sent.items)
    with Killer(parts, seconds=seconds, kills=kills, seed=seed) as killer:
        # A loaded machine may need long until servers that are killed over and over are up for a while.
        producers.run(patience_s=3000, say=say)
        if say is not None:
            say(f"everything is acknowledged; killed so far: {dict(killer.killed)}")
        killer.wait()
        parts.wait_until_moved(timeout_s=900)
    assert {part: killer.killed[part] for part in kills} == dict(kills)
    producers.counts.update({f"{part} killed": count for part, count in killer.killed.items()})
    producers.counts.update({f"{part} ended by itself": count for part, count in killer.ended_itself.items()})
    return producers


def examine(parts: Parts) -> snapshot.Snapshot:
    """Read the graph, and have it counted again from its own events, which knows nothing of the other run."""
    with parts.store() as store:
        found = verify(store, parts.settings)
        assert found.ok, found.to_dict()
        return snapshot.take(store)


def compare(disturbed: snapshot.Snapshot, reference: GraphStore, sent: Traffic, settings: Settings) -> None:
    put_items(reference, sent.items)
    write(reference, sent.events, settings)
    expected = snapshot.take(reference)
    found = snapshot.differences(disturbed, expected, settings)
    assert not found, f"{len(found)} differences:\n" + "\n".join(sorted(found)[:40])
    assert not any(node["unfolded"] for node in disturbed.nodes.values())


def judge(producers: Producers, disturbed: snapshot.Snapshot, sent: Traffic) -> None:
    assert not producers.refused
    stored = {key[1] for key in disturbed.nodes if key[0] == "Event"}
    assert producers.acknowledged == {event["id"] for event in sent.events}
    assert stored == producers.acknowledged


@pytest.mark.timeout(3600)
def test_killed_once_or_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: GraphStore) -> None:
    kills = {NEO4J: 1, VALKEY: 2, API: 2, WORKER: 1, CONSUMER: 2}
    with running(tmp_path, monkeypatch) as parts:
        sent = traffic(2_000, items=40, seed=SEED, settings=parts.settings.events, hot=0.1)
        producers = disturb(parts, sent, seconds=15, kills=kills, seed=SEED)
        disturbed = examine(parts)
        settings = parts.settings
    judge(producers, disturbed, sent)
    compare(disturbed, store, sent, settings)
    report.add("killed, short form", events=len(sent.events), **producers.counts, graph=disturbed.counts())


@pytest.mark.faults
@pytest.mark.timeout(3 * 3600)
def test_killed_ten_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, say: Say) -> None:
    kills = dict.fromkeys((NEO4J, VALKEY, API, WORKER, CONSUMER, BEAT), 10)
    with running(tmp_path / "disturbed", monkeypatch) as parts:
        sent = traffic(100_000, items=300, seed=SEED, settings=parts.settings.events, hot=0.1)
        producers = disturb(parts, sent, seconds=420, kills=kills, seed=SEED, say=say)
        disturbed = examine(parts)
    judge(producers, disturbed, sent)
    say("the same events once more, undisturbed")
    with ExitStack() as opened:
        quiet = opened.enter_context(running(tmp_path / "undisturbed", monkeypatch, (NEO4J,)))
        compare(disturbed, opened.enter_context(quiet.store()), sent, quiet.settings)
    report.add("killed", events=len(sent.events), **producers.counts, graph=disturbed.counts())
