"""The store: one driver, one bounded pool, managed transactions, statements by name."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Self, TypeVar

import neo4j
from neo4j import GraphDatabase, ManagedTransaction, NotificationMinimumSeverity
from neo4j.exceptions import ClientError, ConfigurationError

from cypher import catalogue
from engine.errors import DatabaseUnavailableError, InterestGraphError, SettingsError
from engine.graph.capabilities import Capabilities, detect
from engine.graph.failures import mapped, own_statement
from engine.graph.names import check_identifier
from engine.settings import Settings

T = TypeVar("T")

_SCHEMES: Final = tuple(f"{name}{kind}://" for name in ("bolt", "neo4j") for kind in ("", "+s", "+ssc"))
_FETCH_SIZE: Final = 2_000
_STREAM_TIMEOUT_S: Final = 3_600
_SCHEMA_TIMEOUT_S: Final = 600
_SCHEMA_RACE_CODES: Final = (
    "Neo.ClientError.Schema.EquivalentSchemaRuleAlreadyExists",
    "Neo.ClientError.Schema.ConstraintAlreadyExists",
    "Neo.ClientError.Schema.IndexAlreadyExists",
)


class Tx:
    """One managed transaction: runs statements by name."""

    def __init__(self, transaction: ManagedTransaction) -> None:
        self._transaction = transaction

    def run(
        self, name: str, /, *, identifiers: Mapping[str, str] | None = None, **parameters: Any
    ) -> list[dict[str, Any]]:
        """Run a statement and give its rows."""
        with own_statement(name):
            return list(_rows(self._transaction.run(render(name, identifiers), parameters)))

    def start(self, name: str, /, **parameters: Any) -> Callable[[], list[dict[str, Any]]]:
        """Send a statement, and give what waits for its rows: the caller works on while the server does."""
        with own_statement(name):
            result = self._transaction.run(render(name), parameters)

        def rows() -> list[dict[str, Any]]:
            with own_statement(name):
                return list(_rows(result))

        return rows

    def run_text(self, text: str, **parameters: Any) -> neo4j.Result:
        """Run a text that is not in the catalogue: an analyst's, already checked."""
        return self._transaction.run(text, parameters)


class GraphStore:
    """The property graph, by named statements.

    Args:
        driver: A driver that this store closes.
        settings: Time-outs and sizes.
    """

    def __init__(self, driver: neo4j.Driver, settings: Settings) -> None:
        self._driver = driver
        self._settings = settings
        self._capabilities: Capabilities | None = None
        self._local = threading.local()

    @classmethod
    def open(cls, settings: Settings, *, wait_s: float = 0) -> Self:
        """Open the store and see that it answers.

        Args:
            settings: Where Neo4j is; without `NEO4J_URI` the embedded server below `home`.
            wait_s: Seconds to wait for a server that does not answer yet.

        Raises:
            AuthenticationFailedError: User or password are wrong.
            DatabaseUnavailableError: No server answers.
        """
        uri, user, password = _endpoint(settings)
        try:
            # The driver would also try HTTP, a preview without streams and bookmarks.
            if not uri.startswith(_SCHEMES):
                raise ValueError("it does not begin with bolt:// or neo4j://")
            driver = GraphDatabase.driver(
                uri,
                auth=(user, password),
                max_connection_pool_size=settings.neo4j.pool_size,
                connection_acquisition_timeout=settings.neo4j.acquire_timeout_s,
                connection_timeout=settings.neo4j.acquire_timeout_s,
                max_transaction_retry_time=settings.neo4j.retry_s,
                notifications_min_severity=NotificationMinimumSeverity.OFF,
                user_agent="interestgraph",
            )
        except (ConfigurationError, ValueError) as error:
            raise SettingsError(
                f"The address of Neo4j is wrong: {error}.",
                field="NEO4J_URI",
                value=uri,
                remedy="Use bolt://host:7687 or neo4j://host:7687.",
            ) from error
        store = cls(driver, settings)
        deadline = time.monotonic() + wait_s
        while True:
            try:
                store.ping()
                return store
            except DatabaseUnavailableError:
                if time.monotonic() >= deadline:
                    store.close()
                    raise
                time.sleep(0.25)
            except InterestGraphError:
                store.close()
                raise

    @property
    def settings(self) -> Settings:
        """The settings that this store was opened with."""
        return self._settings

    @property
    def capabilities(self) -> Capabilities:
        """What the server can do; asked once."""
        if self._capabilities is None:
            self._capabilities = detect(self)
        return self._capabilities

    def ping(self) -> None:
        """See that the server answers.

        Raises:
            AuthenticationFailedError: User or password are wrong.
            DatabaseUnavailableError: It does not answer.
        """
        with mapped("ping"):
            self._driver.verify_connectivity()

    def close(self) -> None:
        """Close every connection."""
        self._driver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(
        self,
        name: str,
        /,
        *,
        bookmarks: Iterable[str] | None = None,
        timeout_s: float | None = None,
        identifiers: Mapping[str, str] | None = None,
        **parameters: Any,
    ) -> list[dict[str, Any]]:
        """Run a reading statement in a transaction of its own, retried when the error is transient.

        Args:
            name: The statement, for example `events/history`.
            bookmarks: See everything that these writes did.
            timeout_s: Seconds it may take; the settings' value when empty.
            identifiers: Names for the statement's placeholders.
            parameters: Values of the statement's parameters.
        """
        return self.read_transaction(
            lambda tx: tx.run(name, identifiers=identifiers, **parameters), bookmarks=bookmarks, timeout_s=timeout_s
        )

    def write(
        self,
        name: str,
        /,
        *,
        timeout_s: float | None = None,
        identifiers: Mapping[str, str] | None = None,
        **parameters: Any,
    ) -> list[dict[str, Any]]:
        """Run a writing statement in a transaction of its own, retried when the error is transient."""
        return self.write_transaction(
            lambda tx: tx.run(name, identifiers=identifiers, **parameters), timeout_s=timeout_s
        )

    def read_transaction(
        self, work: Callable[[Tx], T], *, bookmarks: Iterable[str] | None = None, timeout_s: float | None = None
    ) -> T:
        """Run several reading statements in one transaction; `work` may run more than once."""
        with mapped("read"), self._session(neo4j.READ_ACCESS, bookmarks) as session:
            return session.execute_read(self._unit(work, timeout_s))

    def write_transaction(self, work: Callable[[Tx], T], *, timeout_s: float | None = None) -> T:
        """Run several statements in one transaction; `work` runs again, whole, when the error is transient."""
        with mapped("write"), self._session(neo4j.WRITE_ACCESS, None) as session:
            result = session.execute_write(self._unit(work, timeout_s))
            self._local.bookmarks = tuple(session.last_bookmarks().raw_values)
            return result

    def write_auto(self, text: str) -> None:
        """Run a text that opens its own transactions (`IN TRANSACTIONS`); it is not retried."""
        with mapped("write"), self._session(neo4j.WRITE_ACCESS, None) as session:
            session.run(text).consume()

    def write_schema(self, text: str) -> None:
        """Run a schema statement that does nothing where its object is there, retried when the error is transient.

        Two processes may make the same object at once; the one that comes too late has what it wanted.
        """
        unit = self._unit(lambda tx: tx.run_text(text).consume(), _SCHEMA_TIMEOUT_S)
        with mapped("write"), self._session(neo4j.WRITE_ACCESS, None) as session:
            try:
                session.execute_write(unit)
            except ClientError as error:
                if error.code not in _SCHEMA_RACE_CODES:
                    raise

    def stream(
        self,
        name: str,
        /,
        *,
        bookmarks: Iterable[str] | None = None,
        fetch_size: int = _FETCH_SIZE,
        timeout_s: float | None = None,
        identifiers: Mapping[str, str] | None = None,
        **parameters: Any,
    ) -> Iterator[dict[str, Any]]:
        """Give the rows of a reading statement as they come, in one transaction, never all in memory.

        It takes one round trip, where `read` takes three, but nothing is tried again.
        """
        query = neo4j.Query(render(name, identifiers), timeout=timeout_s or _STREAM_TIMEOUT_S)
        session = self._session(neo4j.READ_ACCESS, bookmarks, fetch_size=fetch_size)
        with mapped("read"), session, own_statement(name):
            yield from _rows(session.run(query, parameters))

    def write_batches(
        self,
        name: str,
        rows: Iterable[Mapping[str, Any]],
        *,
        key: Callable[[Mapping[str, Any]], Any],
        batch_size: int = 1_000,
        progress: Callable[[int], None] | None = None,
        timeout_s: float | None = None,
        identifiers: Mapping[str, str] | None = None,
        **parameters: Any,
    ) -> int:
        """Write rows as the parameter `rows`, sorted by key so that two writers lock in the same order.

        Args:
            name: A statement with the parameter `rows`.
            rows: What to write.
            key: The order.
            batch_size: Rows of one transaction.
            progress: Called with the rows written so far.
            timeout_s: Seconds of one transaction.
            identifiers: Names for the statement's placeholders.
            parameters: Further parameters.

        Returns:
            Rows written.
        """
        ordered = sorted(rows, key=key)
        for start in range(0, len(ordered), batch_size):
            batch: Sequence[Mapping[str, Any]] = ordered[start : start + batch_size]
            self.write(name, timeout_s=timeout_s, identifiers=identifiers, rows=batch, **parameters)
            if progress is not None:
                progress(start + len(batch))
        return len(ordered)

    def last_bookmarks(self) -> tuple[str, ...]:
        """Give the bookmarks of the calling thread's last write."""
        return getattr(self._local, "bookmarks", ())

    def _session(self, access: str, bookmarks: Iterable[str] | None, *, fetch_size: int = _FETCH_SIZE) -> neo4j.Session:
        return self._driver.session(
            database=self._settings.neo4j.database,
            default_access_mode=access,
            fetch_size=fetch_size,
            bookmarks=neo4j.Bookmarks.from_raw_values(bookmarks) if bookmarks else None,
        )

    def _unit(self, work: Callable[[Tx], T], timeout_s: float | None) -> Callable[[ManagedTransaction], T]:
        decorate = neo4j.unit_of_work(timeout=timeout_s or self._settings.neo4j.timeout_s)
        return decorate(lambda transaction: work(Tx(transaction)))


def render(name: str, identifiers: Mapping[str, str] | None = None) -> str:
    """Give a statement's text with identifiers from the allow-list in place."""
    checked = {placeholder: check_identifier(value) for placeholder, value in (identifiers or {}).items()}
    return catalogue.statement(name).render(checked)


def _endpoint(settings: Settings) -> tuple[str, str, str]:
    if settings.neo4j_uri is not None:
        password = settings.password()
        if password is None:
            raise SettingsError(
                "NEO4J_URI is set without a password.",
                field="NEO4J_PASSWORD",
                remedy="Set NEO4J_PASSWORD or NEO4J_PASSWORD_FILE.",
            )
        return settings.neo4j_uri, settings.neo4j_user, password
    from engine.embedded import endpoints

    found = endpoints(settings)
    return found.neo4j_uri, found.neo4j_user, found.neo4j_password


def _rows(result: neo4j.Result) -> Iterator[dict[str, Any]]:
    # Not `Result.data()`: it walks through every number of every vector to unpack nodes, and statements give none.
    keys = result.keys()
    for record in result:
        yield dict(zip(keys, record.values(), strict=True))
