"""Each of the driver's errors becomes one of the project's, with a remedy where there is one."""

from __future__ import annotations

import pytest
from neo4j.exceptions import (
    AuthError,
    ClientError,
    DatabaseError,
    Neo4jError,
    ServiceUnavailable,
    SessionExpired,
    TransientError,
)

from engine.errors import (
    AuthenticationFailedError,
    DatabaseUnavailableError,
    InterestGraphError,
    InvalidInputError,
    NotFoundError,
    PermissionDeniedError,
    QueryTimeoutError,
    SettingsError,
)
from engine.graph.failures import mapped, own_statement


def coded(kind: type[Neo4jError], code: str) -> Neo4jError:
    error = kind("what the server says")
    error._neo4j_code = code
    error._message = "what the server says"
    return error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (AuthError("no"), AuthenticationFailedError),
        (coded(ClientError, "Neo.ClientError.Security.AuthenticationRateLimit"), AuthenticationFailedError),
        (ServiceUnavailable("gone"), DatabaseUnavailableError),
        (SessionExpired("gone"), DatabaseUnavailableError),
        (TransientError("deadlock"), DatabaseUnavailableError),
        (DatabaseError("No space left on device"), DatabaseUnavailableError),
        (coded(ClientError, "Neo.ClientError.Transaction.TransactionTimedOut"), QueryTimeoutError),
        (
            coded(ClientError, "Neo.ClientError.Transaction.TransactionTimedOutClientConfiguration"),
            QueryTimeoutError,
        ),
        (coded(ClientError, "Neo.ClientError.Database.DatabaseNotFound"), SettingsError),
        (coded(ClientError, "Neo.ClientError.Statement.SyntaxError"), InvalidInputError),
        (coded(ClientError, "Neo.ClientError.Statement.AccessMode"), PermissionDeniedError),
        (coded(ClientError, "Neo.ClientError.Schema.ConstraintValidationFailed"), ClientError),
        (NotFoundError("ours"), NotFoundError),
    ],
)
def test_errors_are_mapped(error: Exception, expected: type[Exception]) -> None:
    with pytest.raises(expected) as caught, mapped("read"):
        raise error
    assert type(caught.value) is expected
    if caught.value is not error:
        assert caught.value.__cause__ is error


def test_a_fault_in_a_statement_of_ours_is_internal() -> None:
    with pytest.raises(InterestGraphError, match="items/get is wrong") as caught, own_statement("items/get"):
        raise coded(ClientError, "Neo.ClientError.Statement.SyntaxError")
    assert caught.value.code == "internal"
