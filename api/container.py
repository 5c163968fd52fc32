"""What the routes of one process work with, opened when it is first needed."""

from __future__ import annotations

import os
import threading
import time
from typing import Any, Final

import redis
import structlog

from api import memory, metrics
from api.slots import Slots
from engine.broker import broker_url
from engine.errors import DatabaseUnavailableError, InterestGraphError, UnavailableError
from engine.graph.fresh import FreshReads
from engine.graph.store import GraphStore
from engine.ranking.answers import RankingStatus
from engine.ranking.service import Recommender
from engine.settings import Settings
from engine.stream.producer import EventProducer
from engine.stream.state import StreamState, stream_state

EXTENSION: Final = "interestgraph"
# A request waits no longer for a database that is away; its caller is told to come back.
_RETRY_S: Final = 2.0
_KEEP_S: Final = 0.5
_SCRAPE_S: Final = 1.0
_log = structlog.get_logger("api.container")


class Container:
    """Store, ranking and broker of one process; what cannot be opened is tried again.

    Once the database is known to be away, requests are refused at once and not after a time-out each, until the
    keeper, a thread of its own, has reached it again.

    Args:
        settings: The settings.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.redis_url = _redis_url(settings)
        self.fresh_reads = FreshReads(settings.api.freshness_wait_s)
        self._lock = threading.Lock()
        self._store: GraphStore | None = None
        self._recommender: Recommender | None = None
        self._failure: InterestGraphError | None = None
        self._failed_at = 0.0
        self._trimmed_at = 0
        self._closing = threading.Event()
        self._keeper: threading.Thread | None = None
        self._redis: redis.Redis | None = None
        self.write_slots = Slots("writes of events", settings.api.write_slots, queue=settings.api.write_queue)
        self.uploads = Slots("streams of lines", settings.api.uploads)

    def store(self) -> GraphStore:
        """Give the store, opened if it is not.

        Raises:
            DatabaseUnavailableError: Neo4j does not answer.
            AuthenticationFailedError: It refuses the login.
        """
        if self._failure is not None and (self._keeper is not None or time.monotonic() < self._failed_at + _KEEP_S):
            raise self._failure
        return self._open_store()

    def recommender(self) -> Recommender:
        """Give the ranking, whose state follows the graph by itself.

        Raises:
            DatabaseUnavailableError: Neo4j does not answer.
        """
        return self._recommender or self._open_recommender(self.store())

    def ranking_status(self) -> RankingStatus | None:
        """Give what the ranking serves from; none while it was never opened."""
        return None if self._recommender is None else self._recommender.status()

    def note_failure(self, error: InterestGraphError) -> None:
        """Remember that the database could not be reached; one that is busy or in trouble answers all the same."""
        from neo4j.exceptions import Neo4jError

        if isinstance(error, DatabaseUnavailableError) and isinstance(error.__cause__, Neo4jError):
            return
        if self._failure is None:
            _log.warning("the database does not answer", error=str(error))
        self._failure, self._failed_at = error, time.monotonic()

    def broker(self) -> redis.Redis:
        """Give a connection pool to Redis.

        Raises:
            UnavailableError: No address of it is known.
        """
        if self._redis is None:
            if self.redis_url is None:
                raise UnavailableError("No address of Redis is known.", field="REDIS_URL")
            wait_s = self.settings.api.redis_timeout_s
            self._redis = redis.Redis.from_url(self.redis_url, socket_timeout=wait_s, socket_connect_timeout=wait_s)
        return self._redis

    def producer(self) -> EventProducer:
        """Give the way into the stream of events.

        Raises:
            UnavailableError: No address of Redis is known.
        """
        return EventProducer(self.settings, self.broker())

    def stream_state(self) -> StreamState:
        """Read how full the stream of events is.

        Raises:
            UnavailableError: Redis does not answer, or no address of it is known.
        """
        return stream_state(self.broker(), self.settings.stream)

    def count_unfolded(self) -> int:
        """Count the events that wait for the fold.

        Raises:
            DatabaseUnavailableError: Neo4j does not answer.
        """
        return int(self.store().read("stream/unfolded", timeout_s=_SCRAPE_S)[0]["events"])

    def check_database(self) -> GraphStore:
        """Reach the database now, whatever was known of it, and remember what came of it.

        Raises:
            InterestGraphError: It does not answer, or refuses the login.
        """
        try:
            store = self._open_store()
            store.ping()
        except InterestGraphError as error:
            self.note_failure(error)
            raise
        if self._failure is not None:
            _log.info("the database answers again")
        self._failure = None
        return store

    def start(self) -> None:
        """Open everything in the background and keep it open; called once the process is forked."""
        if self._keeper is None:
            self._keeper = threading.Thread(target=self._keep, name="keeper", daemon=True)
            self._keeper.start()

    def close(self) -> None:
        """Close every connection."""
        self._closing.set()
        if self._keeper is not None:
            self._keeper.join(timeout=5)
        if self._recommender is not None:
            self._recommender.close()
        if self._store is not None:
            self._store.close()
        if self._redis is not None:
            self._redis.close()

    def _keep(self) -> None:
        said = ""
        while not self._closing.wait(_KEEP_S):
            try:
                if self._store is None or self._failure is not None:
                    self.check_database()
                if self._recommender is None and self._store is not None:
                    self._open_recommender(self._store)
                self._sample()
            except InterestGraphError:
                continue
            except Exception as error:
                # Twice a second for as long as it lasts: once is enough.
                if repr(error) != said:
                    said = repr(error)
                    _log.exception("the keeper failed")

    def _sample(self) -> None:
        """Put what only this process knows into the metrics."""
        # The clock first: whatever time passes in between must not make the state newer than it is.
        now = time.time()
        status = self.ranking_status()
        if status is not None:
            metrics.STATE_AGE_SECONDS.set(status.staleness_s)
            metrics.STATE_READ_AT_SECONDS.labels(os.getpid()).set(max(0.0, now - status.whole_age_s))
            metrics.FOLD_LAG_SECONDS.set(status.fold_lag_s)
            metrics.STATE_ITEMS.set(status.items)
            metrics.set_model_version(status.version)
            if status.full_loads != self._trimmed_at:
                self._trimmed_at = status.full_loads
                memory.give_back()

    def _open_recommender(self, store: GraphStore) -> Recommender:
        with self._lock:
            if self._recommender is None:
                recommender = Recommender(store, self.settings)
                recommender.start()
                self._recommender = recommender
        return self._recommender

    def _open_store(self) -> GraphStore:
        if self._store is None:
            with self._lock:
                if self._store is None:
                    self._store = _open_store(self.settings)
        return self._store


def _open_store(settings: Settings) -> GraphStore:
    quick = settings.neo4j.model_copy(update={"retry_s": min(settings.neo4j.retry_s, _RETRY_S)})
    return GraphStore.open(settings.model_copy(update={"neo4j": quick}))


def _redis_url(settings: Settings) -> str | None:
    """Give the address of Redis, or none where no embedded server was ever started."""
    try:
        return broker_url(settings) or None
    except UnavailableError:
        return None


def container_of(app: Any) -> Container:
    """Give what the routes of an application work with."""
    container: Container = app.extensions[EXTENSION]
    return container
