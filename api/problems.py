"""Every error as `application/problem+json`, by one table.

[RFC 9457](https://www.rfc-editor.org/rfc/rfc9457). Beside its members `type`, `title`, `status`, `detail` and
`instance` a problem carries `code` (stable), `field`, `value`, `remedy` and `request_id`, and `errors` where more than
one thing is wrong.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import structlog
from flask import Flask, Response, g, has_request_context, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge, SecurityError
from werkzeug.routing import RequestRedirect

from api.errors import (
    ApiKeyError,
    Fault,
    InvalidRequestError,
    MalformedBodyError,
    RateLimitedError,
    UnsupportedMediaTypeError,
)
from engine.errors import (
    ArtefactError,
    AuthenticationFailedError,
    BrokerUnavailableError,
    BusyError,
    CancelledError,
    ConflictError,
    FreshnessTimeoutError,
    InterestGraphError,
    InvalidInputError,
    ModelUnavailableError,
    NotFoundError,
    PayloadTooLargeError,
    PermissionDeniedError,
    QueryTimeoutError,
    SchemaVersionError,
    SettingsError,
    UnavailableError,
)

MEDIA_TYPE: Final = "application/problem+json"
_MAX_FAULTS: Final = 50
_log = structlog.get_logger("api.problems")


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind of error is answered.

    Attributes:
        status: Status code of the answer.
        title: The kind in a few words; the same for every occurrence.
        retry_after_s: Seconds after which the same request may work, where that is so.
        shown: Whether the caller may read the message; else only the log has it.
        remedy: What to do where the error itself does not say.
    """

    status: int
    title: str
    retry_after_s: int | None = None
    shown: bool = True
    remedy: str | None = None


TABLE: Final[dict[type[InterestGraphError], Kind]] = {
    MalformedBodyError: Kind(400, "Body cannot be read"),
    ApiKeyError: Kind(401, "API key needed"),
    PermissionDeniedError: Kind(403, "Scope missing"),
    NotFoundError: Kind(404, "Not found", remedy="Check the id; the lists show what there is."),
    CancelledError: Kind(409, "Cancelled"),
    ConflictError: Kind(409, "Conflict"),
    PayloadTooLargeError: Kind(413, "Too large", remedy="Send it in several requests."),
    UnsupportedMediaTypeError: Kind(415, "Not JSON"),
    InvalidInputError: Kind(422, "Invalid input", remedy="/openapi/ describes what is accepted."),
    RateLimitedError: Kind(429, "Too many requests"),
    BusyError: Kind(429, "Queue is full"),
    SettingsError: Kind(500, "Internal error", shown=False),
    QueryTimeoutError: Kind(503, "Took too long", retry_after_s=5),
    FreshnessTimeoutError: Kind(503, "Not yet fresh", retry_after_s=1),
    BrokerUnavailableError: Kind(503, "Broker does not answer", retry_after_s=2),
    ModelUnavailableError: Kind(503, "No model", retry_after_s=30),
    UnavailableError: Kind(503, "Not available", retry_after_s=2),
    AuthenticationFailedError: Kind(503, "Not available", retry_after_s=30, shown=False),
    SchemaVersionError: Kind(503, "Other schema", retry_after_s=30),
    ArtefactError: Kind(503, "Model cannot be used", retry_after_s=30),
    InterestGraphError: Kind(500, "Internal error", shown=False),
}
"""The nearest class in an error's ancestry wins. A login that the database refuses is the operator's matter, not the
caller's: it is no 401."""

_HTTP_CODES: Final = {
    400: "bad_request",
    404: "no_such_address",
    405: "method_not_allowed",
    406: "not_acceptable",
    408: "request_timeout",
    413: PayloadTooLargeError.code,
    415: UnsupportedMediaTypeError.code,
}
_WAIT: Final = "Try again after the seconds in Retry-After; /health/ready says what is down."
_HIDDEN_DETAIL: Final = "Something went wrong inside; the log has it under the request id."


def kind_of(error: InterestGraphError) -> Kind:
    """Give how an error is answered."""
    return next(TABLE[cls] for cls in type(error).__mro__ if cls in TABLE)


def refusal(error: InterestGraphError) -> dict[str, Any]:
    """Give the members of a problem for a part of a request whose other parts were accepted."""
    kind = kind_of(error)
    fault = Fault(error.message, error.field, error.value, error.remedy or kind.remedy, code=error.code)
    return {"status": kind.status, **fault.to_dict()}


def problem(
    status: int,
    code: str,
    title: str,
    detail: str,
    *,
    field: str | None = None,
    value: Any = None,
    remedy: str | None = None,
    errors: Sequence[Fault] = (),
    headers: dict[str, str] | None = None,
) -> Response:
    """Make the answer."""
    members: dict[str, Any] = {
        "type": f"urn:interestgraph:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        "field": field,
        "value": value,
        "remedy": remedy,
        "request_id": g.get("request_id") if has_request_context() else None,
    }
    if len(errors) > 1:
        members["errors"] = [fault.to_dict() for fault in errors[:_MAX_FAULTS]]
        if len(errors) > _MAX_FAULTS:
            members["errors_left_out"] = len(errors) - _MAX_FAULTS
    response = Response(json.dumps(members, allow_nan=False), status=status, content_type=MEDIA_TYPE)
    response.headers.update(headers or {})
    return response


def answer_error(error: InterestGraphError) -> Response:
    """Answer an error of the tree."""
    kind = kind_of(error)
    headers: dict[str, str] = {}
    retry_after_s = error.retry_after_s if isinstance(error, (RateLimitedError, BusyError)) else kind.retry_after_s
    if retry_after_s is not None:
        headers["Retry-After"] = str(retry_after_s)
    if kind.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="interestgraph"'
    if kind.status >= 500:
        _log.warning("request failed", code=error.code, error=str(error), exc_info=kind.status == 500)
    if not kind.shown:
        code = "internal" if kind.status == 500 else UnavailableError.code
        return problem(kind.status, code, kind.title, _HIDDEN_DETAIL, headers=headers)
    return problem(
        kind.status,
        error.code,
        kind.title,
        error.message,
        field=error.field,
        value=error.value,
        remedy=error.remedy or kind.remedy or (_WAIT if retry_after_s is not None else None),
        errors=error.faults if isinstance(error, InvalidRequestError) else (),
        headers=headers,
    )


def answer_http_exception(error: HTTPException) -> Response | HTTPException:
    """Answer what Flask and werkzeug raise themselves."""
    if isinstance(error, RequestRedirect):
        return error
    status = error.code or 500
    headers = {
        name: value for name, value in error.get_headers() if name.lower() not in ("content-type", "content-length")
    }
    code = _HTTP_CODES.get(status, "http_error")
    title, detail = error.name, error.description or error.name
    field: str | None = None
    value: str | int | None = None
    remedy: str | None = None
    if isinstance(error, RequestEntityTooLarge):
        limit = request.max_content_length
        detail = f"The body is larger than {limit} bytes."
        field, value, remedy = "body", request.content_length, "Send it in several requests."
    elif isinstance(error, MethodNotAllowed):
        detail = "This address does not take this method."
        field, value = "method", request.method
        remedy = f"Use one of {', '.join(sorted(error.valid_methods or ()))}."
    elif isinstance(error, SecurityError):
        detail = "Without API keys only names of this machine are answered."
        field, value = "Host", request.headers.get("Host")
        remedy = "Use 127.0.0.1 or localhost, or set INTERESTGRAPH_API__REQUIRE_KEYS=true."
    elif status == 404:
        detail = "There is nothing at this address."
        field, value, remedy = "path", request.path[:200], "/openapi/ lists every address."
    return problem(status, code, title, detail, field=field, value=value, remedy=remedy, headers=headers)


def answer_unexpected(error: Exception) -> Response:
    """Answer a fault of ours, without its details."""
    _log.error("request failed unexpectedly", error=repr(error), exc_info=error)
    return problem(500, "internal", "Internal error", _HIDDEN_DETAIL, remedy="Try again; report it if it stays.")


def register(app: Flask) -> None:
    """Answer every error of an application by this module."""
    app.register_error_handler(InterestGraphError, answer_error)
    app.register_error_handler(HTTPException, answer_http_exception)
    app.register_error_handler(Exception, answer_unexpected)
