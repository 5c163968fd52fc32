"""What goes into an address or a body."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote


def with_id(event: Mapping[str, Any]) -> dict[str, Any]:
    """Give an event an id before it leaves, so that sending it again is harmless."""
    return {"id": uuid.uuid4().hex, **{name: value for name, value in event.items() if value is not None}}


def flags(*, create_missing: bool, atomic: bool, stream: bool) -> dict[str, str]:
    """Give how events are to be taken."""
    given_flags = {"create_missing": "true"} if create_missing else {}
    if atomic:
        given_flags["atomic"] = "true"
    if stream:
        given_flags["wait"] = "false"
    return given_flags


def segment(name: str) -> str:
    """Give a name as one segment of an address."""
    return quote(name, safe="")


def given(query: Mapping[str, Any]) -> dict[str, Any]:
    """Give the parameters that have a value."""
    return {name: value for name, value in query.items() if value is not None}
