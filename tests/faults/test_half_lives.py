"""New half-lives are deployed in the middle: what was written before keeps its meaning."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.graph.store import GraphStore
from engine.settings import Settings, load_settings
from tests.faults import report, snapshot
from tests.faults.parts import API, BEAT, CONSUMER, WORKER, running
from tests.faults.producers import Producers
from tests.faults.traffic import traffic
from tests.faults.undisturbed import put_items, write


def shortened(settings: Settings) -> dict[str, str]:
    """Give variables that halve every half-life."""
    types: dict[str, dict[str, Any]] = settings.events.model_dump(mode="json")["types"]
    for kind in types.values():
        kind["half_life_days"] = kind["half_life_days"] / 2
    return {
        "INTERESTGRAPH_EVENTS__TYPES": json.dumps(types),
        "INTERESTGRAPH_INTERESTS__HALF_LIFE_DAYS": str(settings.interests.half_life_days / 2),
        "INTERESTGRAPH_CO_OCCURRENCE__HALF_LIFE_DAYS": str(settings.co_occurrence.half_life_days / 2),
        "INTERESTGRAPH_RANKING__POPULARITY_HALF_LIFE_DAYS": str(settings.ranking.popularity_half_life_days / 2),
    }


@pytest.mark.faults
@pytest.mark.timeout(900)
def test_half_lives_deployed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: GraphStore) -> None:
    """A weight stands at the time of its last event, and decays from there by the half-life of whoever reads it.

    So a deployment rewrites nothing: an edge that no later event touches is as it was, and the others go on from what
    they had. It is compared with one process that changes its settings between the same two halves.
    """
    with running(tmp_path, monkeypatch) as parts:
        old = parts.settings
        sent = traffic(4_000, items=60, seed=4, settings=old.events)
        first, second = sent.events[::2], sent.events[1::2]
        with parts.store() as disturbed_store:
            put_items(disturbed_store, sent.items)
            Producers(parts, first, seconds=4, seed=4).run()
            parts.wait_until_moved(timeout_s=120)
            between = snapshot.take(disturbed_store)
            services = (API, WORKER, BEAT, CONSUMER)
            parts.services.down(only=services)
            for name, value in shortened(old).items():
                monkeypatch.setenv(name, value)
            parts.services.up(only=services, say=lambda text: None)
            Producers(parts, second, seconds=4, seed=5).run()
            parts.wait_until_moved(timeout_s=120)
            disturbed = snapshot.take(disturbed_store)
    new = load_settings(home=old.home)
    put_items(store, sent.items)
    write(store, first, old)
    write(store, second, new)
    found = snapshot.differences(disturbed, snapshot.take(store), new)
    assert not found, "\n".join(found[:40])
    touched = {(event["user_id"], event.get("item_id"), event["type"]) for event in second}
    untouched = [key for key in between.edges if key[0] == "INTERACTED" and key[1:] not in touched]
    assert untouched
    assert all(disturbed.edges[key] == between.edges[key] for key in untouched)
    report.add("half-lives halved in the middle", events=len(sent.events), edges_left_as_they_were=len(untouched))
