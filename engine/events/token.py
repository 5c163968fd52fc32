"""Freshness tokens: what a reader hands back to see an event that was just accepted."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass

from engine.domain import EpochMs
from engine.errors import InvalidInputError

_LIMIT_CHARS = 4096
_LIMIT_BOOKMARKS = 16


@dataclass(frozen=True, slots=True)
class FreshnessToken:
    """The state of the graph that an answer has to reflect.

    Attributes:
        bookmarks: Bookmarks of the transaction that wrote the events.
        at: Time of the newest of them, epoch ms.
    """

    bookmarks: tuple[str, ...]
    at: EpochMs


def encode_token(token: FreshnessToken) -> str:
    """Give a token as text that is safe in a URL."""
    plain = json.dumps({"b": list(token.bookmarks), "t": token.at}, separators=(",", ":"))
    return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def decode_token(text: str) -> FreshnessToken:
    """Read a token back.

    Raises:
        InvalidInputError: It is too long or not one that `encode_token` made.
    """
    if len(text) > _LIMIT_CHARS:
        raise _malformed(text, f"it is longer than {_LIMIT_CHARS} characters")
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        plain = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (UnicodeError, binascii.Error, ValueError, RecursionError) as error:
        raise _malformed(text, "it is not base64 of JSON") from error
    if not isinstance(plain, dict) or set(plain) != {"b", "t"}:
        raise _malformed(text, "it does not hold bookmarks and a time")
    bookmarks, at = plain["b"], plain["t"]
    if not isinstance(bookmarks, list) or not all(isinstance(mark, str) and mark for mark in bookmarks):
        raise _malformed(text, "its bookmarks are not a list of texts")
    if len(bookmarks) > _LIMIT_BOOKMARKS:
        raise _malformed(text, f"it holds more than {_LIMIT_BOOKMARKS} bookmarks")
    if not isinstance(at, int) or isinstance(at, bool) or at < 0:
        raise _malformed(text, "its time is not a whole number of milliseconds")
    return FreshnessToken(tuple(bookmarks), at)


def _malformed(text: str, reason: str) -> InvalidInputError:
    return InvalidInputError(
        f"This is not a freshness token: {reason}.",
        field="freshness",
        value=text,
        remedy="Send the token of the answer to POST /v1/events as it came, or leave it out.",
    )
