"""Real servers for tests, each below a temporary home; stopped by their own process id."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.embedded import EmbeddedStack
from engine.embedded.stack import NEO4J, VALKEY
from engine.settings import Settings, load_settings

PATIENCE = {"timeout_s": 300, "acquire_timeout_s": 60, "retry_s": 120}
"""Limits of the driver in this process that no busy machine reaches; tests of a limit set their own."""

PATIENT = {"INTERESTGRAPH_NEO4J__TIMEOUT_S": "300", "INTERESTGRAPH_NEO4J__ACQUIRE_TIMEOUT_S": "60"}
"""The same for child processes, which are to notice all the same that a server is away."""


@contextmanager
def running(home: Path, *, version: str = "2026.09.0", parts: tuple[str, ...] = (NEO4J, VALKEY)) -> Iterator[Settings]:
    """Run servers below a home folder; the settings carry their addresses.

    With INTERESTGRAPH_TEST_HOME they run below that folder instead and stay up, for the next run of the tests.
    """
    kept = os.environ.get("INTERESTGRAPH_TEST_HOME")
    if kept:
        # Each process of the tests has servers of its own.
        process = os.environ.get("PYTEST_XDIST_WORKER", "alone")
        home = Path(kept) / f"{process}-{version}-{'-'.join(parts)}"
    own = load_settings(
        home=home,
        neo4j={
            "version": version,
            "heap_mb": 512,
            "page_cache_mb": 64,
            # The quick compiler alone: the server starts in two thirds of the time and does not live long.
            "jvm_options": "-XX:TieredStopAtLevel=1",
            **PATIENCE,
        },
        neo4j_uri=None,
        redis_url=None,
    )
    stack = EmbeddedStack(own)
    # Tests choose free ports: the usual ones may belong to somebody's stack.
    stack.use_free_ports()
    try:
        stack.up(only=parts)
        yield own
    finally:
        if not kept:
            stack.down()
