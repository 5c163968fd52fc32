"""The contract suite runs over every supported server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.graph.migrations import migrate
from engine.graph.store import GraphStore
from engine.settings import Settings
from tests.conftest import wipe


@pytest.fixture(scope="session", params=["neo4j_server", "neo4j_lts_server"])
def any_store(request: pytest.FixtureRequest) -> Iterator[GraphStore]:
    """A migrated store over each supported version."""
    with GraphStore.open(request.getfixturevalue(request.param)) as store:
        migrate(store)
        yield store


@pytest.fixture(scope="session")
def lts_store(neo4j_lts_server: Settings) -> Iterator[GraphStore]:
    """A migrated store over the LTS, for what other tests show on the default version."""
    with GraphStore.open(neo4j_lts_server) as store:
        migrate(store)
        yield store


@pytest.fixture
def store(any_store: GraphStore) -> GraphStore:
    """The store with an empty graph."""
    wipe(any_store)
    return any_store
