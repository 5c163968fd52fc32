"""The comparison sees what it has to see."""

from __future__ import annotations

import pytest

from engine.settings import load_settings
from tests.faults.snapshot import Snapshot, differences

HALF_LIFE_MS = 180 * 86_400_000
EDGE = {"event": "view", "count": 2, "weight": 1.5, "updated_at": 1000, "times": [1, 2]}


def graph(**changed: object) -> Snapshot:
    return Snapshot(edges={("INTERACTED", "u", "i", "view"): {**EDGE, **changed}})


def row(weight: float, at: int) -> Snapshot:
    return Snapshot(edges={("CO_OCCURS", "i", "j", ""): {"weight": weight, "updated_at": at, "count": 1}})


def test_equal_graphs_do_not_differ() -> None:
    assert differences(graph(), graph(weight=1.5 + 1e-9), load_settings()) == []


@pytest.mark.parametrize("changed", [{"weight": 1.50001}, {"count": 3}, {"updated_at": 1001}, {"times": [1, 3]}])
def test_a_changed_value_is_seen(changed: dict[str, object]) -> None:
    assert len(differences(graph(), graph(**changed), load_settings())) == 1


def test_what_one_lacks_is_seen() -> None:
    assert len(differences(graph(), Snapshot(), load_settings())) == 1
    assert len(differences(Snapshot(), graph(), load_settings())) == 1


def test_weights_are_compared_at_one_time() -> None:
    settings = load_settings()
    assert differences(row(1.0, 0), row(0.5, HALF_LIFE_MS), settings) == []
    assert len(differences(row(1.0, 0), row(0.5001, HALF_LIFE_MS), settings)) == 1
