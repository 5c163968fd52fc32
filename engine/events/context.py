"""What else a sender says of an event: a few named texts, numbers and truth values."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping

from engine.errors import InvalidInputError, shorten

MAX_KEYS = 16
MAX_KEY_CHARS = 64
MAX_TEXT_CHARS = 256
MAX_WHOLE = 2**53
"""Whole numbers beyond it are no numbers of JavaScript; a reader would see another one."""

_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def parse_context(raw: object, *, field: str) -> str | None:
    """Give a context as JSON text with sorted keys; none where nothing is in it. Null values are left out.

    Args:
        raw: A mapping of at most 16 names to short texts, finite numbers, true or false.
        field: How errors name it.

    Raises:
        InvalidInputError: Something in it cannot be accepted.
    """
    if not isinstance(raw, Mapping):
        raise InvalidInputError(
            "A context is an object.", field=field, value=raw, remedy='Give an object, for example {"page": "home"}.'
        )
    if len(raw) > MAX_KEYS:
        raise InvalidInputError(
            f"A context has at most {MAX_KEYS} names.", field=field, value=len(raw), remedy="Leave some out."
        )
    plain = {_name(name, field): value for name, value in raw.items() if value is not None}
    for name, value in plain.items():
        _check(value, f"{field}.{name}")
    if not plain:
        return None
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _name(name: object, field: str) -> str:
    if not isinstance(name, str) or not 0 < len(name) <= MAX_KEY_CHARS or _FORBIDDEN.search(name):
        raise InvalidInputError(
            f"A name in a context is a text of 1 to {MAX_KEY_CHARS} characters without control characters.",
            field=field,
            value=shorten(name, MAX_KEY_CHARS),
            remedy="Rename it.",
        )
    return name


def _check(value: object, field: str) -> None:
    if isinstance(value, bool):
        return
    if isinstance(value, str):
        if len(value) > MAX_TEXT_CHARS or _FORBIDDEN.search(value):
            raise InvalidInputError(
                f"A text in a context has at most {MAX_TEXT_CHARS} characters, no control characters among them.",
                field=field,
                value=value,
                remedy="Shorten it.",
            )
    elif isinstance(value, int):
        if abs(value) > MAX_WHOLE:
            raise InvalidInputError(
                "This whole number is too large.", field=field, value=value, remedy="Give it as a text."
            )
    elif not (isinstance(value, float) and math.isfinite(value)):
        raise InvalidInputError(
            "A value in a context is a short text, a finite number, true or false.",
            field=field,
            value=value,
            remedy="Put what is nested into names of its own.",
        )
