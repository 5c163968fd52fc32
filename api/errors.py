"""Errors that only HTTP knows; the rest of the tree is in `engine.errors`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.errors import AuthenticationFailedError, InterestGraphError, InvalidInputError, shorten


class MalformedBodyError(InvalidInputError):
    """The body is not one JSON value that can be read."""

    code = "malformed_body"


class UnsupportedMediaTypeError(InvalidInputError):
    """The body has another media type or coding than JSON."""

    code = "unsupported_media_type"


class ApiKeyError(AuthenticationFailedError):
    """No API key was given, or it is unknown, revoked or too old."""

    code = "unauthorized"


class RateLimitedError(InterestGraphError):
    """More requests than one key or address may make.

    Args:
        message: What is wrong.
        retry_after_s: Seconds until the next request is let through.
        remedy: What to do.
    """

    code = "rate_limited"

    def __init__(self, message: str, *, retry_after_s: int, remedy: str | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with the input."""

    message: str
    field: str | None
    value: Any
    remedy: str | None
    code: str = InvalidInputError.code

    def to_dict(self) -> dict[str, Any]:
        """Give it as the members of a problem."""
        return {
            "code": self.code,
            "detail": self.message,
            "field": self.field,
            "value": shorten(self.value),
            "remedy": self.remedy,
        }


class InvalidRequestError(InvalidInputError):
    """Something in path, query or body cannot be accepted; every fault is kept.

    Args:
        faults: What is wrong, at least one; the first is shown at the top of the problem.
    """

    def __init__(self, faults: Sequence[Fault]) -> None:
        first = faults[0]
        super().__init__(first.message, field=first.field, value=first.value, remedy=first.remedy)
        self.faults = tuple(faults)
