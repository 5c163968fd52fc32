"""A node that is held: whoever wants to write it waits, so a run stands there for as long as a test wants."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import neo4j
from neo4j.exceptions import DriverError, Neo4jError

from engine.embedded import endpoints
from engine.graph.store import GraphStore


@contextlib.contextmanager
def holding(store: GraphStore, user_id: str) -> Iterator[None]:
    """Hold a user while a block lasts; nothing is changed, and the database may die meanwhile."""
    found = endpoints(store.settings)
    with contextlib.ExitStack() as opened:
        opened.enter_context(contextlib.suppress(DriverError, Neo4jError))
        driver = opened.enter_context(
            neo4j.GraphDatabase.driver(found.neo4j_uri, auth=(found.neo4j_user, found.neo4j_password))
        )
        session = opened.enter_context(driver.session(database=store.settings.neo4j.database))
        transaction = session.begin_transaction()
        transaction.run("MATCH (u:User {id: $id}) SET u.held = true", id=user_id).consume()
        yield
        transaction.rollback()
