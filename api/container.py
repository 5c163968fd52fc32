"""What the routes of one process work with, opened when it is first needed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import redis
import structlog

from api import metrics
from engine.errors import InterestGraphError, UnavailableError
from engine.settings import Settings

if TYPE_CHECKING:
    from engine.graph.store import GraphStore
    from engine.ranking.recommender import Recommender

# How long a failed attempt to reach the database answers for the following ones.
_RETRY_S: Final = 1.0
_REDIS_TIMEOUT_S: Final = 0.5
_SAMPLE_S: Final = 1.0
EXTENSION: Final = "interestgraph"
_log = structlog.get_logger("api.container")


@dataclass(frozen=True, slots=True)
class Part:
    """State of one part, for the health page."""

    name: str
    up: bool
    required: bool
    detail: str

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain data."""
        return asdict(self)


class Container:
    """Store, ranking and broker of one process. Opening is tried again until it works.

    Args:
        settings: The settings.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.redis_url = settings.redis_url.get_secret_value() if settings.redis_url else None
        self._lock = threading.Lock()
        self._store: GraphStore | None = None
        self._recommender: Recommender | None = None
        self._failed_until = 0.0
        self._failure: InterestGraphError | None = None
        self._closing = threading.Event()
        self._keeper: threading.Thread | None = None
        self._redis: redis.Redis | None = None

    def store(self) -> GraphStore:
        """Give the store, opened if it is not.

        Raises:
            DatabaseUnavailableError: Neo4j does not answer.
            AuthenticationFailedError: It refuses the login.
        """
        if self._store is not None:
            return self._store
        with self._lock:
            if self._store is not None:
                return self._store
            if self._failure is not None and time.monotonic() < self._failed_until:
                raise self._failure
            from engine.graph.store import GraphStore

            try:
                self._store = GraphStore.open(self.settings)
            except InterestGraphError as error:
                self._failure, self._failed_until = error, time.monotonic() + _RETRY_S
                raise
            self._failure = None
            return self._store


def container_of(app: Any) -> Container:
    """Give what the routes of an application work with."""
    container: Container = app.extensions[EXTENSION]
    return container
