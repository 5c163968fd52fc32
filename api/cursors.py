"""Where a list goes on: opaque to the caller, the key of the last entry to us."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from engine.errors import InvalidInputError


def encode(key: list[str | int]) -> str:
    """Give the cursor that stands behind an entry."""
    text = json.dumps(key, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(cursor: str | None, *kinds: type) -> list[Any] | None:
    """Give the key that a cursor stands behind; none for the first page.

    Args:
        cursor: As the caller sent it.
        kinds: Types of the key's parts.

    Raises:
        InvalidInputError: It is not one that `encode` made for this list.
    """
    if cursor is None:
        return None
    try:
        key = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        key = None
    fits = (
        isinstance(key, list)
        and len(key) == len(kinds)
        and all(type(part) is kind for part, kind in zip(key, kinds, strict=True))
        and all(abs(part) < 2**63 for part in key if isinstance(part, int))
        and all(_is_text(part) for part in key if isinstance(part, str))
    )
    if not fits:
        raise InvalidInputError(
            "This is no cursor of this list.",
            field="cursor",
            value=cursor,
            remedy="Send `next` of the page before, or leave it out for the first page.",
        )
    return list(key)


def _is_text(part: str) -> bool:
    try:
        part.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
