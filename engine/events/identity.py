"""When two events are the same: ids derived from content, and digests that tell a repeat from a conflict."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from engine.domain import EpochMs, Event

_SEPARATOR = "\x1f"
"""Ids and queries hold no control characters, so joined content is unambiguous."""

_ID_HEX_CHARS = 32
_DIGEST_BYTES = 8
"""A digest only tells events of the same id apart."""


def content_id(
    user_id: str,
    item_id: str | None,
    event_type: str,
    at: EpochMs,
    value: float | None = None,
    query: str | None = None,
    occurrence: int = 0,
    *,
    followed_id: str | None = None,
    recommendation_id: str | None = None,
    context: str | None = None,
) -> str:
    """Derive the id of an event whose sender gave none.

    Args:
        user_id: Who.
        item_id: On what.
        event_type: Type of the event.
        at: When, epoch ms.
        value: Its value, where it has one.
        query: Words of a search.
        occurrence: How many events of the same content stand before it in its batch, so that two equal ones
            are two events, and the same batch sent again gives the same ids.
        followed_id: The user who is followed.
        recommendation_id: The recommendation it answers to.
        context: What else was said, as JSON text with sorted keys.

    Returns:
        `h:` and the first 32 hexadecimal digits of SHA-256 over these parts in this order, joined by U+001F, nothing
        for what is not there. The last three are joined, each behind its name, only where they are there.
    """
    parts = [user_id, item_id, event_type, at, value, query, occurrence]
    return "h:" + _hash(*parts, *_named(followed_id, recommendation_id, context)).hex()[:_ID_HEX_CHARS]


def digest(event: Event) -> int:
    """Give the fingerprint of what an event says, 64 bits; a time that the sender did not give is left out."""
    parts = [event.user_id, event.item_id, event.type, event.at if event.at_given else None, event.value, event.query]
    content = _hash(*parts, event.recommendation_id, *_named(event.followed_id, None, event.context))
    return int.from_bytes(content[:_DIGEST_BYTES], "big", signed=True)


def digest_of_stored(stored: Mapping[str, Any]) -> int:
    """Give the fingerprint of an event that is in the graph: it is counted from what is there.

    Args:
        stored: What `events/admit` and `imports/stored` give of it. Events of older versions keep theirs beside them.
    """
    kept = stored["digest"]
    if kept is not None:
        return int(kept)
    content = {name: value for name, value in stored.items() if name not in ("digest", "at_given")}
    return digest(Event(**content, at_given=stored["at_given"] is not False))


def _named(followed_id: str | None, recommendation_id: str | None, context: str | None) -> list[str]:
    """Give parts that most events do not have, so that those keep the ids and digests they had without them."""
    if followed_id is recommendation_id is context is None:
        return []
    named = {"followed_id": followed_id, "recommendation_id": recommendation_id, "context": context}
    return [f"{name}={value}" for name, value in named.items() if value is not None]


def _hash(*parts: object) -> bytes:
    text = _SEPARATOR.join(["" if part is None else str(part) for part in parts])
    return hashlib.sha256(text.encode()).digest()
