"""The driver's errors as the project's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from neo4j.exceptions import (
    AuthError,
    ClientError,
    ConnectionAcquisitionTimeoutError,
    DatabaseError,
    DriverError,
    Neo4jError,
    ServiceUnavailable,
    SessionExpired,
    TransientError,
)

from engine.errors import (
    AuthenticationFailedError,
    DatabaseUnavailableError,
    FreshnessTimeoutError,
    InterestGraphError,
    InvalidInputError,
    PermissionDeniedError,
    QueryTimeoutError,
    SettingsError,
)

_TIMEOUT_CODES: Final = (
    "Neo.ClientError.Transaction.TransactionTimedOut",
    "Neo.ClientError.Transaction.TransactionTimedOutClientConfiguration",
    "Neo.TransientError.Transaction.TransactionTimedOut",
)
_BEHIND_BOOKMARK: Final = "Neo.TransientError.Transaction.BookmarkTimeout"
_NO_BOOKMARK: Final = (
    "Neo.ClientError.Transaction.InvalidBookmark",
    "Neo.ClientError.Transaction.InvalidBookmarkMixture",
)
_STATEMENT_CODES: Final = "Neo.ClientError.Statement."
_LOCKED_OUT: Final = "Neo.ClientError.Security.AuthenticationRateLimit"
_NO_DATABASE: Final = "Neo.ClientError.Database.DatabaseNotFound"


@contextmanager
def own_statement(name: str) -> Iterator[None]:
    """See that a fault in a statement of ours is not blamed on the caller's input."""
    try:
        yield
    except ClientError as error:
        if (error.code or "").startswith(_STATEMENT_CODES):
            raise InterestGraphError(f"The statement {name} is wrong: {error.message}") from error
        raise


@contextmanager
def mapped(operation: str) -> Iterator[None]:
    """Turn the driver's errors into the project's."""
    try:
        yield
    except AuthError as error:
        raise AuthenticationFailedError(
            "Neo4j refuses user or password.",
            field="NEO4J_PASSWORD",
            remedy="Correct NEO4J_USER and NEO4J_PASSWORD (or NEO4J_PASSWORD_FILE).",
        ) from error
    except (ServiceUnavailable, SessionExpired) as error:
        raise DatabaseUnavailableError(
            f"Neo4j does not answer ({operation}): {error}.", remedy="See that it runs: interestgraph status."
        ) from error
    except Neo4jError as error:
        if error.code == _BEHIND_BOOKMARK:
            raise FreshnessTimeoutError(
                "The graph does not reach the state of the token.",
                field="freshness",
                remedy="Try again, or ask without the token for an answer from the present state.",
            ) from error
        if error.code in _NO_BOOKMARK:
            raise InvalidInputError(
                "Neo4j does not know this freshness token.",
                field="freshness",
                remedy="Send the token of the answer to POST /v1/events as it came, or leave it out.",
            ) from error
        if error.code in _TIMEOUT_CODES:
            raise QueryTimeoutError(
                f"Neo4j took longer than the time limit ({operation}).",
                remedy="Ask for less, or raise INTERESTGRAPH_NEO4J__TIMEOUT_S.",
            ) from error
        if isinstance(error, TransientError) or error.is_retryable():
            raise DatabaseUnavailableError(
                f"Neo4j is busy ({operation}): {error.message}", remedy="Try again in a moment."
            ) from error
        if error.code == "Neo.ClientError.Statement.AccessMode":
            raise PermissionDeniedError(
                "This statement writes, and only reading is allowed here.", field="cypher"
            ) from error
        if (error.code or "").startswith(_STATEMENT_CODES):
            raise InvalidInputError(f"Neo4j refuses the statement: {error.message}", field="cypher") from error
        if error.code == _LOCKED_OUT:
            raise AuthenticationFailedError(
                "Neo4j refuses to look at the password: it was wrong too often.",
                field="NEO4J_PASSWORD",
                remedy="Correct it and wait some seconds.",
            ) from error
        if error.code == _NO_DATABASE:
            raise SettingsError(
                "Neo4j has no such database.",
                field="INTERESTGRAPH_NEO4J__DATABASE",
                remedy="Community has one, named neo4j.",
            ) from error
        if isinstance(error, DatabaseError):
            raise DatabaseUnavailableError(
                f"Neo4j could not do it ({operation}): {error.message}",
                remedy="See its log, interestgraph logs neo4j, and whether its disk is full.",
            ) from error
        raise
    except DriverError as error:
        if isinstance(error, ConnectionAcquisitionTimeoutError):
            raise DatabaseUnavailableError(
                "No connection to Neo4j was free in time.",
                remedy="Send fewer requests at once, or raise INTERESTGRAPH_NEO4J__POOL_SIZE.",
            ) from error
        raise DatabaseUnavailableError(f"Neo4j cannot be reached ({operation}): {error}.") from error
