"""Errors of the engine, one tree with stable codes.

    InterestGraphError
    ├── InvalidInputError            a value that cannot be accepted            (invalid_input)
    │   ├── UnknownReferenceError    it names a node that is not there          (unknown_reference)
    │   ├── PayloadTooLargeError     more than the stated limit                 (payload_too_large)
    │   └── SettingsError            a setting is wrong                         (invalid_setting)
    ├── NotFoundError                the thing asked for is not there           (not_found)
    ├── ConflictError                it contradicts what is stored              (conflict)
    │   └── FencedError              a newer run owns this write                (fenced)
    ├── UnavailableError             a part does not answer; try again later    (unavailable)
    │   ├── DatabaseUnavailableError                                            (database_unavailable)
    │   ├── BrokerUnavailableError                                              (broker_unavailable)
    │   ├── QueryTimeoutError                                                   (query_timeout)
    │   ├── FreshnessTimeoutError    the graph is behind a token                (freshness_timeout)
    │   ├── BusyError            a queue is full; wait as long as it says       (busy)
    │   │   └── StreamFullError                                                 (stream_full)
    │   └── ModelUnavailableError    no embedding version is active             (model_unavailable)
    ├── AuthenticationFailedError    wrong user, password or key                (authentication_failed)
    ├── PermissionDeniedError        the key lacks a scope                      (permission_denied)
    ├── SchemaVersionError           the graph's schema is older or newer       (schema_version)
    ├── ArtefactError                a model folder is missing or does not fit  (artefact_invalid)
    ├── TrainingError                training cannot go on                      (training_failed)
    ├── ImportLimitError             too many rows of a file were rejected      (import_rejected)
    ├── CancelledError               somebody asked the job to stop             (cancelled)
    └── EmbeddedServerError          a child process does not start or stop     (embedded_server)

Every error carries a sentence that says what is wrong, and where it helps the field, the value and the remedy.
"""

from __future__ import annotations

from typing import Any, ClassVar

_VALUE_LIMIT_CHARS = 200


class InterestGraphError(Exception):
    """Root of the tree.

    Args:
        message: What is wrong, one sentence.
        field: The input or setting it concerns, as the caller named it.
        value: What was found there; shortened when it is shown.
        remedy: What to do, one sentence.
    """

    code: ClassVar[str] = "internal"

    def __init__(self, message: str, *, field: str | None = None, value: Any = None, remedy: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.value = shorten(value)
        self.remedy = remedy

    def __str__(self) -> str:
        parts = [self.message]
        if self.field is not None:
            parts.append(f"[{self.field}={self.value!r}]" if self.value is not None else f"[{self.field}]")
        if self.remedy:
            parts.append(self.remedy)
        return " ".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """Give the error as plain data: code, message, field, value, remedy."""
        return {
            "code": self.code,
            "message": self.message,
            "field": self.field,
            "value": self.value,
            "remedy": self.remedy,
        }


def shorten(value: Any, limit_chars: int = _VALUE_LIMIT_CHARS) -> Any:
    """Give a value in a form that is safe to show: plain, finite in length, serialisable as JSON."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else repr(value)
    text = value if isinstance(value, str) else repr(value)
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return text if len(text) <= limit_chars else f"{text[:limit_chars]}… ({len(text)} characters)"


class InvalidInputError(InterestGraphError):
    """A value that cannot be accepted."""

    code = "invalid_input"


class UnknownReferenceError(InvalidInputError):
    """The input names a node that is not in the graph."""

    code = "unknown_reference"


class PayloadTooLargeError(InvalidInputError):
    """The input is larger than the stated limit."""

    code = "payload_too_large"


class SettingsError(InvalidInputError):
    """A setting is wrong."""

    code = "invalid_setting"


class NotFoundError(InterestGraphError):
    """The thing asked for is not there."""

    code = "not_found"


class ConflictError(InterestGraphError):
    """The request contradicts what is stored."""

    code = "conflict"


class FencedError(ConflictError):
    """A newer run owns this write; nothing was written."""

    code = "fenced"


class UnavailableError(InterestGraphError):
    """A part does not answer; the same call may work later."""

    code = "unavailable"


class DatabaseUnavailableError(UnavailableError):
    """Neo4j does not answer."""

    code = "database_unavailable"


class BrokerUnavailableError(UnavailableError):
    """The Redis server does not answer."""

    code = "broker_unavailable"


class QueryTimeoutError(UnavailableError):
    """A statement took longer than its limit."""

    code = "query_timeout"


class FreshnessTimeoutError(UnavailableError):
    """The graph does not reach the state of a freshness token in time."""

    code = "freshness_timeout"


class BusyError(UnavailableError):
    """A queue is full; nothing was taken.

    Args:
        message: What is wrong, one sentence.
        retry_after_s: Seconds after which the same call may work.
        remedy: What to do, one sentence.
    """

    code = "busy"

    def __init__(self, message: str, *, retry_after_s: int = 1, remedy: str | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.retry_after_s = retry_after_s


class StreamFullError(BusyError):
    """As many events wait in the stream as may.

    Attributes:
        sent: How many of the call's events went in before that.
    """

    code = "stream_full"
    sent = 0


class ModelUnavailableError(UnavailableError):
    """No embedding version is active."""

    code = "model_unavailable"


class AuthenticationFailedError(InterestGraphError):
    """User, password or key are wrong."""

    code = "authentication_failed"


class PermissionDeniedError(InterestGraphError):
    """The key lacks the scope that this needs."""

    code = "permission_denied"


class SchemaVersionError(InterestGraphError):
    """The graph's schema is older or newer than this code."""

    code = "schema_version"


class ArtefactError(InterestGraphError):
    """A model folder is missing, damaged or does not fit."""

    code = "artefact_invalid"


class TrainingError(InterestGraphError):
    """Training cannot go on."""

    code = "training_failed"


class ImportLimitError(InterestGraphError):
    """Too many rows of a file were rejected."""

    code = "import_rejected"


class CancelledError(InterestGraphError):
    """Somebody asked the job to stop."""

    code = "cancelled"


class EmbeddedServerError(InterestGraphError):
    """A child process does not start or stop."""

    code = "embedded_server"
