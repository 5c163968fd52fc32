"""Fixtures: real servers, started once for each process that runs tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
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


# Tests never assert seconds: a busy machine is no failure.
hypothesis_settings.register_profile("project", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("project")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the folders in order."""
    root = Path(__file__).parent
    items.sort(key=lambda item: _FOLDERS.index(item.path.relative_to(root).parts[0]))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep together, in one process, what shares servers."""
    from tests.support.scheduling import Scheduling

    return Scheduling(config, log)


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
        url = stack.valkey.url(stack.ports.get(VALKEY) or 0)
        with redis.Redis.from_url(url, socket_timeout=60) as client:
            # A disk that others keep busy must not hold up answers that the API waits half a second for.
            client.config_set("appendfsync", "no")
        yield url


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
