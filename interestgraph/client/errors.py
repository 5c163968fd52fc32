"""What the client raises.

ClientError
├── ConnectionFailedError   the server could not be reached
├── JobTimeoutError         a job did not end in time
└── ProblemError            the server answered with a problem
    ├── InvalidRequestError 400, 413, 414, 415, 422
    ├── NotAllowedError     401, 403
    ├── NotFoundError       404
    ├── ConflictError       409
    ├── RateLimitedError    429
    └── UnavailableError    503
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import httpx


class ClientError(Exception):
    """Root of what this client raises."""


class ConnectionFailedError(ClientError):
    """The server could not be reached."""


class JobTimeoutError(ClientError):
    """A job did not end in the given time."""


class ProblemError(ClientError):
    """The server answered with a problem.

    Attributes:
        status: Status code.
        code: Kind of the problem; does not change between versions.
        detail: What is wrong, one sentence.
        field: Which part of the input.
        value: What was found there.
        remedy: What to do.
        request_id: The id under which the server's log has it.
        problem: The whole answer.
        retry_after_s: Seconds after which the same call may work, where the server says so.
    """

    def __init__(self, status: int, problem: Mapping[str, Any], retry_after_s: float | None = None) -> None:
        self.status = status
        self.problem = dict(problem)
        self.code = str(problem.get("code", "http_error"))
        self.detail = str(problem.get("detail") or problem.get("title") or f"HTTP {status}")
        self.field: str | None = problem.get("field")
        self.value: Any = problem.get("value")
        self.remedy: str | None = problem.get("remedy")
        self.request_id: str | None = problem.get("request_id")
        self.retry_after_s = retry_after_s
        place = f" [{self.field}={self.value!r}]" if self.field else ""
        super().__init__(f"{status} {self.code}: {self.detail}{place} {self.remedy or ''}".rstrip())


class InvalidRequestError(ProblemError):
    """The server does not take this input."""


class NotAllowedError(ProblemError):
    """The key is missing, wrong, or lacks a scope."""


class NotFoundError(ProblemError):
    """It is not there."""


class ConflictError(ProblemError):
    """It contradicts what is stored."""


class RateLimitedError(ProblemError):
    """Too many requests."""


class UnavailableError(ProblemError):
    """A part of the server does not answer."""


_BY_STATUS: Final[dict[int, type[ProblemError]]] = {
    400: InvalidRequestError,
    401: NotAllowedError,
    403: NotAllowedError,
    404: NotFoundError,
    409: ConflictError,
    413: InvalidRequestError,
    414: InvalidRequestError,
    415: InvalidRequestError,
    422: InvalidRequestError,
    429: RateLimitedError,
    503: UnavailableError,
}


def problem_of(response: httpx.Response) -> ProblemError:
    """Give the exception for an answer that is no success."""
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    if not isinstance(problem, dict):
        problem = {}
    asked = response.headers.get("Retry-After", "")
    retry_after_s = float(asked) if asked.isdigit() else None
    return _BY_STATUS.get(response.status_code, ProblemError)(response.status_code, problem, retry_after_s)


def problem_error(problem: Mapping[str, Any]) -> ProblemError:
    """Give the exception for a problem that stands within an answer."""
    status = int(problem.get("status", 422))
    return _BY_STATUS.get(status, ProblemError)(status, problem)
