"""State of each part, for the health page."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import redis

from api.container import Container
from engine.errors import InterestGraphError

if TYPE_CHECKING:
    from engine.graph.store import GraphStore

# Later than this many refreshes, the state counts as stale.
_STALE_REFRESHES: Final = 30


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
    parts.extend(_ranking(container))
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


def _ranking(container: Container) -> list[Part]:
    """The model and the ranking state of this process."""
    status = container.ranking_status()
    if status is None or not status.loaded:
        waiting = "Not loaded yet." if status is None or status.problem is None else status.problem
        return [Part("model", False, False, "Not known yet."), Part("state", False, True, waiting)]
    if status.version is None:
        model = Part("model", False, False, "No embedding version is active. Train one: interestgraph train.")
    elif status.problem is not None:
        model = Part("model", False, False, status.problem)
    else:
        model = Part("model", True, False, f"Version {status.version}, {status.items_with_vector} items.")
    age = status.staleness_s
    fresh = age <= _STALE_REFRESHES * container.settings.ranking.refresh_s
    detail = f"{status.items} items, {status.edges} edges, looked for changes {age:.1f} s ago."
    return [model, Part("state", fresh, False, detail)]
