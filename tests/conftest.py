"""Fixtures: real servers, started once for each process that runs tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from engine.embedded.stack import NEO4J, VALKEY
from engine.graph.migrations import migrate
from engine.graph.store import GraphStore
from engine.settings import Settings
from tests.support.servers import running

pytest_plugins = ["tests.support.api_server"]

# The models of the tests are tiny: more threads than one only wait for each other, and for the other process's.
os.environ.setdefault("OMP_NUM_THREADS", "1")

_FOLDERS = ("e2e", "contract", "faults", "integration", "unit")
"""What takes longest comes first, so that two processes end at about the same time."""
_TOGETHER = ("e2e", "contract")
"""Folders whose files share servers of their own."""

# Tests never assert seconds: a busy machine is no failure.
hypothesis_settings.register_profile("project", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("project")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say what has to run in one process, in order: a file, or a folder that shares servers."""
    root = Path(__file__).parent

    def folder(item: pytest.Item) -> str:
        return item.path.relative_to(root).parts[0]

    for item in items:
        group = folder(item) if folder(item) in _TOGETHER else item.path.relative_to(root).as_posix()
        item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=lambda item: _FOLDERS.index(folder(item)))


@pytest.fixture(scope="session")
def neo4j_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings of a running Neo4j of the default version; the run fails when it cannot start."""
    with running(Path(tmp_path_factory.mktemp("neo4j")), parts=(NEO4J,)) as settings:
        yield settings


@pytest.fixture(scope="session")
def neo4j_lts_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings of a running Neo4j 5.26 LTS."""
    with running(Path(tmp_path_factory.mktemp("neo4j-lts")), version="5.26.31", parts=(NEO4J,)) as settings:
        yield settings


@pytest.fixture(scope="session")
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address, with password, of a running Valkey."""
    with running(Path(tmp_path_factory.mktemp("valkey")), parts=(VALKEY,)) as settings:
        from engine.embedded import EmbeddedStack

        stack = EmbeddedStack(settings)
        yield stack.valkey.url(stack.ports.get(VALKEY) or 0)


@pytest.fixture(scope="session")
def migrated_store(neo4j_server: Settings) -> Iterator[GraphStore]:
    """A store over the default server with the schema in place."""
    with GraphStore.open(neo4j_server) as store:
        migrate(store)
        yield store


@pytest.fixture
def store(migrated_store: GraphStore) -> GraphStore:
    """The migrated store with an empty graph."""
    wipe(migrated_store)
    return migrated_store


def wipe(store: GraphStore) -> None:
    """Remove every node but the schema's record."""
    store.write_auto(
        "MATCH (n) WHERE NOT n:Migration AND NOT n:Lease CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 5000 ROWS"
    )
