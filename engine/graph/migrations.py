"""Numbered migrations of the schema: applied once, in order, by one process at a time."""

from __future__ import annotations

import hashlib
import re
import time
import uuid
from dataclasses import dataclass
from typing import Final

from cypher import catalogue
from engine.domain import now_ms
from engine.errors import DatabaseUnavailableError, SchemaVersionError
from engine.graph.store import GraphStore

_NAME: Final = re.compile(r"migrations/V(\d{4})__([a-z0-9_]+)")
# Short, because a killed holder keeps others waiting this long; taken anew before each step.
_LEASE_MS: Final = 10_000
_REMEDY_OLD: Final = "Run: interestgraph migrate."


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema."""

    number: int
    name: str
    text: str
    sha256: str


def migrations() -> list[Migration]:
    """Give every migration of this code, in order."""
    found = []
    for statement in catalogue.migrations():
        match = _NAME.fullmatch(statement.name)
        if match is None:
            raise catalogue.StatementError(f"{statement.name}: a migration is named V0001__what.")
        digest = hashlib.sha256(statement.text.encode()).hexdigest()
        found.append(Migration(int(match.group(1)), match.group(2), statement.text, digest))
    numbers = [migration.number for migration in found]
    if numbers != list(range(1, len(found) + 1)):
        raise catalogue.StatementError("The numbers of the migrations have a gap or stand twice.")
    return found


def migrate(store: GraphStore, *, wait_s: float = 120) -> list[str]:
    """Apply what is missing, wait until the indexes are there, and give the names of what was applied.

    Safe when two processes start together: a lease on a node lets one work while the others wait. Each statement can
    run twice, so a killed run is simply run again.

    Raises:
        SchemaVersionError: An applied migration was altered, or the graph is newer than this code.
        DatabaseUnavailableError: Another process holds the lease for too long.
    """
    owner = uuid.uuid4().hex
    deadline = time.monotonic() + wait_s
    for name in ("schema/migration_number", "schema/lease_id"):
        store.write_schema(catalogue.statement(name).text)
    while not _take_lease(store, owner):
        if time.monotonic() > deadline:
            raise DatabaseUnavailableError("Another process is still migrating the schema.", remedy="Try again later.")
        time.sleep(0.2)
    try:
        applied = _applied(store)
        missing = [migration for migration in migrations() if migration.number not in applied]
        for migration in missing:
            _take_lease(store, owner)
            store.write_schema(migration.text)
            store.write(
                "schema/record",
                number=migration.number,
                name=migration.name,
                sha256=migration.sha256,
                applied_at=now_ms(),
            )
        # Always: a run that was killed may have left an index that is still being filled.
        store.read("schema/await_indexes", timeout_s=wait_s + 1, seconds=int(wait_s))
        return [migration.name for migration in missing]
    finally:
        store.write("schema/give_lease", owner=owner)


def check(store: GraphStore) -> int:
    """See that the graph has exactly this code's schema; give its number.

    Raises:
        SchemaVersionError: It is older or newer, or was altered.
    """
    applied = _applied(store)
    known = migrations()
    if len(applied) < len(known):
        raise SchemaVersionError(
            "The graph's schema is older than this code.", field="schema", value=len(applied), remedy=_REMEDY_OLD
        )
    return len(known)


def _take_lease(store: GraphStore, owner: str) -> bool:
    """Take or prolong the lease. Whoever outlives it does no harm: every step may run twice, also at once."""
    now = now_ms()
    return bool(store.write("schema/take_lease", owner=owner, now=now, until=now + _LEASE_MS)[0]["taken"])


def _applied(store: GraphStore) -> set[int]:
    known = {migration.number: migration for migration in migrations()}
    applied = set()
    for row in store.read("schema/applied"):
        migration = known.get(row["number"])
        if migration is None:
            raise SchemaVersionError(
                "The graph's schema is newer than this code.",
                field="schema",
                value=row["number"],
                remedy="Install the version of interestgraph that made it.",
            )
        if migration.sha256 != row["sha256"]:
            raise SchemaVersionError(
                f"Migration {migration.name} was altered after it was applied.",
                field="schema",
                value=migration.number,
                remedy="Put the file back and write a new migration.",
            )
        applied.add(row["number"])
    return applied
