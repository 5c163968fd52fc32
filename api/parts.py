"""State of each part, for the health page."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import redis

from api.container import Container
from engine.errors import InterestGraphError

if TYPE_CHECKING:
    from engine.graph.store import GraphStore


@dataclass(frozen=True, slots=True)
class Part:
    """One part.

    Attributes:
        name: database, schema, broker, model or state.
        up: Whether it does its work.
        required: Whether nothing works without it.
        detail: What is known, or what to do.
    """

    name: str
    up: bool
    required: bool
    detail: str

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain data."""
        return asdict(self)


def check_parts(container: Container) -> list[Part]:
    """Ask each part now."""
    parts = []
    try:
        store = container.check_database()
        parts.append(Part("database", True, True, f"Neo4j {store.capabilities.version} answers."))
    except InterestGraphError as error:
        parts.append(Part("database", False, True, str(error)))
        parts.append(Part("schema", False, True, "Not known while the database is down."))
    else:
        parts.append(_schema(store))
    parts.append(_broker(container))
    return parts


def _schema(store: GraphStore) -> Part:
    from engine.graph import migrations

    try:
        return Part("schema", True, True, f"Schema {migrations.check(store)}.")
    except InterestGraphError as error:
        return Part("schema", False, True, str(error))


def _broker(container: Container) -> Part:
    try:
        container.broker().ping()
    except (redis.RedisError, OSError) as error:
        return Part("broker", False, False, f"Redis does not answer: {error}. See that it runs: interestgraph status.")
    except InterestGraphError as error:
        return Part("broker", False, False, str(error))
    return Part("broker", True, False, "Redis answers.")
