from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from engine.domain import now_ms
from engine.embedded import endpoints
from engine.errors import DatabaseUnavailableError, SchemaVersionError
from engine.graph.migrations import check, migrate, migrations
from engine.graph.store import GraphStore
from tests.support.servers import PATIENT

MIGRATE = """
from engine.settings import load_settings
from engine.graph.store import GraphStore
from engine.graph import migrations
migrations._LEASE_MS = 600_000
with GraphStore.open(load_settings()) as store:
    print(*migrations.migrate(store))
"""


def test_a_second_run_applies_nothing(store: GraphStore) -> None:
    assert migrate(store) == []
    assert check(store) == len(migrations())


def test_two_runs_together_apply_each_migration_once(store: GraphStore, monkeypatch: pytest.MonkeyPatch) -> None:
    # However busy the machine is: a run that outlives its lease shares the work, which does no harm.
    monkeypatch.setattr("engine.graph.migrations._LEASE_MS", 600_000)
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


def drop_schema(store: GraphStore) -> None:
    """Leave a database as a new one is."""
    store.write_auto("MATCH (n) WHERE n:Migration OR n:Lease DETACH DELETE n")
    found = store.read_transaction(
        lambda tx: [
            *tx.run_text("SHOW CONSTRAINTS YIELD name RETURN 'CONSTRAINT ' + name").value(),
            # The lookup of labels is the server's own.
            *tx.run_text(
                "SHOW INDEXES YIELD name, type, owningConstraint WHERE type <> 'LOOKUP' AND owningConstraint IS NULL "
                "RETURN 'INDEX ' + name"
            ).value(),
        ]
    )
    for name in found:
        store.write_auto(f"DROP {name}")


def run_in_process(store: GraphStore) -> subprocess.Popen[str]:
    found = endpoints(store.settings)
    environment = {
        **os.environ,
        **PATIENT,
        "NEO4J_URI": found.neo4j_uri,
        "NEO4J_USER": found.neo4j_user,
        "NEO4J_PASSWORD": found.neo4j_password,
    }
    return subprocess.Popen([sys.executable, "-c", MIGRATE], env=environment, stdout=subprocess.PIPE, text=True)


def test_two_processes_on_a_new_database_apply_each_once(store: GraphStore) -> None:
    drop_schema(store)
    processes = [run_in_process(store) for _ in range(2)]
    try:
        applied = [process.communicate(timeout=600)[0].split() for process in processes]
    finally:
        migrate(store)  # the other tests need it
    assert [process.returncode for process in processes] == [0, 0]
    assert sorted([*applied[0], *applied[1]]) == sorted(migration.name for migration in migrations())
    assert check(store) == len(migrations())


def test_a_run_killed_between_statement_and_record_is_run_again(store: GraphStore) -> None:
    last = migrations()[-1]
    store.write_auto(f"MATCH (m:Migration {{number: {last.number}}}) DELETE m")  # what it made is there
    assert migrate(store) == [last.name]


def test_the_lease_of_a_killed_run_runs_out(store: GraphStore) -> None:
    now = now_ms()
    hour = now + 3_600_000
    assert store.write("schema/take_lease", owner="killed", now=now, until=hour)[0]["taken"]
    with pytest.raises(DatabaseUnavailableError, match="still migrating"):
        migrate(store, wait_s=0.1)
    # The same lease, most of it over.
    assert store.write("schema/take_lease", owner="killed", now=now_ms(), until=now_ms() + 700)[0]["taken"]
    assert migrate(store, wait_s=180) == []


def test_every_index_is_online_afterwards(store: GraphStore) -> None:
    migrate(store)
    states = store.read_transaction(lambda tx: tx.run_text("SHOW INDEXES YIELD name, state").data())
    names = {row["name"] for row in states}
    assert {row["state"] for row in states} == {"ONLINE"}
    assert {"event_of_user", "item_edges_at", "job_state", "interest_name", "item_title", "user_id"} <= names
