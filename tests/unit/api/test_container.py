from __future__ import annotations

import os
import time
from types import SimpleNamespace

import pytest
from neo4j.exceptions import DatabaseError, ServiceUnavailable, TransientError
from prometheus_client import REGISTRY

from api import container as module
from api.container import Container
from api.parts import check_parts
from engine.errors import DatabaseUnavailableError, InterestGraphError
from engine.settings import load_settings

AWAY = load_settings(
    home="/nonexistent",
    neo4j_uri="bolt://127.0.0.1:1",
    neo4j_password="x",
    redis_url="redis://127.0.0.1:1/0",
)


def away(cause: Exception) -> DatabaseUnavailableError:
    error = DatabaseUnavailableError("away")
    error.__cause__ = cause
    return error


def test_known_failure_answers_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[float] = []

    def refuse(settings: object) -> None:
        opened.append(time.monotonic())
        raise away(ServiceUnavailable())

    monkeypatch.setattr(module, "_open_store", refuse)
    container = Container(AWAY)
    container.note_failure(away(ServiceUnavailable()))
    for _ in range(3):
        with pytest.raises(DatabaseUnavailableError):
            container.store()
    assert not opened
    container._failed_at -= 60
    with pytest.raises(DatabaseUnavailableError):
        container.store()
    assert len(opened) == 1


def test_busy_is_not_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_open_store", lambda settings: "the store")
    container = Container(AWAY)
    container.note_failure(away(TransientError()))
    container.note_failure(away(DatabaseError("disk")))
    assert container.store() == "the store"


def test_parts_that_are_away_are_named() -> None:
    container = Container(AWAY)
    parts = {part.name: part for part in check_parts(container)}
    assert set(parts) == {"database", "schema", "broker", "model", "state"}
    assert not any(part.up for part in parts.values())
    assert {name for name, part in parts.items() if part.required} == {"database", "schema", "state"}
    assert all(part.detail for part in parts.values())
    with pytest.raises(InterestGraphError):
        container.recommender()
    container.close()


def test_the_state_is_never_said_to_be_newer_than_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    container = Container(AWAY)
    clock = SimpleNamespace(seconds=1000.0)

    def status() -> SimpleNamespace:
        clock.seconds += 20  # the process gets no processor meanwhile
        return SimpleNamespace(staleness_s=1.0, whole_age_s=5.0, fold_lag_s=0.0, items=3, version=None, full_loads=0)

    monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: clock.seconds))
    monkeypatch.setattr(container, "ranking_status", status)
    container._sample()
    labels = {"process": str(os.getpid())}
    assert REGISTRY.get_sample_value("interestgraph_state_read_at_seconds", labels) == 995.0
