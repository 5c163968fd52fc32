"""The refresher without a database: what it says, and that a fork does not keep it from working."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import neo4j
import pytest

from engine.errors import DatabaseUnavailableError
from engine.graph.store import GraphStore
from engine.ranking.refresher import Refresher
from engine.ranking.service import Recommender
from engine.settings import Neo4jSettings, Settings

SETTINGS = Settings(neo4j=Neo4jSettings(retry_s=0.1, acquire_timeout_s=0.5))


@pytest.fixture
def unreachable() -> Iterator[GraphStore]:
    """A store whose server is not there."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    driver = neo4j.GraphDatabase.driver(f"bolt://127.0.0.1:{port}", max_transaction_retry_time=0.1)
    with GraphStore(driver, SETTINGS) as store:
        yield store


def test_without_a_graph_it_says_so(unreachable: GraphStore) -> None:
    recommender = Recommender(unreachable, SETTINGS)
    status = recommender.status()
    assert (status.loaded, status.items, status.staleness_s, status.problem) == (False, 0, float("inf"), None)
    with pytest.raises(DatabaseUnavailableError):
        recommender.recommend("u")
    assert recommender.status().failures == 1
    assert "does not answer" in (recommender.status().problem or "")
    recommender.start()
    try:
        with pytest.raises(DatabaseUnavailableError):
            recommender.recommend("u")
    finally:
        recommender.close()


def test_a_fork_starts_a_thread_of_its_own(unreachable: GraphStore) -> None:
    refresher = Refresher(unreachable, SETTINGS)
    refresher.start()
    assert refresher.running
    child = os.fork()
    if child == 0:
        without = refresher.running
        refresher.start()
        os._exit(0 if not without and refresher.running else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    thread = refresher._thread
    refresher.start()
    assert refresher._thread is thread
    refresher.close()
    assert not refresher.running
