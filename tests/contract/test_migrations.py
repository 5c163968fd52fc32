from __future__ import annotations

import threading

import pytest

from engine.errors import SchemaVersionError
from engine.graph.migrations import check, migrate, migrations
from engine.graph.store import GraphStore


def test_a_second_run_applies_nothing(store: GraphStore) -> None:
    assert migrate(store) == []
    assert check(store) == len(migrations())


def test_two_runs_together_apply_each_migration_once(store: GraphStore) -> None:
    last = migrations()[-1]
    store.write_auto(f"MATCH (m:Migration) WHERE m.number > {last.number - 3} DELETE m")
    applied: list[list[str]] = []
    threads = [threading.Thread(target=lambda: applied.append(migrate(store))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(len(names) for names in applied) == [0, 3]


def test_an_altered_migration_is_refused(store: GraphStore) -> None:
    store.write_auto("MATCH (m:Migration {number: 1}) SET m.kept = m.sha256, m.sha256 = 'other'")
    try:
        with pytest.raises(SchemaVersionError, match="altered"):
            check(store)
    finally:
        store.write_auto("MATCH (m:Migration {number: 1}) SET m.sha256 = m.kept REMOVE m.kept")


def test_older_and_newer_schemas_say_what_to_do(store: GraphStore) -> None:
    store.write_auto("MATCH (m:Migration {number: 1}) SET m.number = 9999")
    try:
        with pytest.raises(SchemaVersionError, match="newer"):
            check(store)
        store.write_auto("MATCH (m:Migration {number: 9999}) SET m.number = 1, m:Aside REMOVE m:Migration")
        with pytest.raises(SchemaVersionError, match="interestgraph migrate"):
            check(store)
    finally:
        store.write_auto("MATCH (m) WHERE m:Aside OR m.number = 9999 SET m:Migration, m.number = 1 REMOVE m:Aside")
