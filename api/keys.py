"""API keys: made once, shown once, kept as a SHA-256 in `(:ApiKey)`.

A key reads `ig_<id>_<secret>`. The id finds the node; the secret has 256 random bits, so one round of SHA-256 is
enough: there is nothing to guess that a slow hash would protect.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from api.errors import ApiKeyError
from engine.domain import MS_PER_DAY, EpochMs, now_ms
from engine.errors import InvalidInputError, NotFoundError

if TYPE_CHECKING:
    from engine.graph.store import GraphStore

CACHE_S: Final = 5.0
_CACHE_ENTRIES: Final = 4096
_KEY: Final = re.compile(r"ig_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_REMEDY: Final = "Send Authorization: Bearer <key>; `interestgraph keys create` makes a key."


class Scope(StrEnum):
    """What a key may do; `admin` includes the other two."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key without its secret.

    Attributes:
        id: Its public part.
        name: Whom it was made for.
        scopes: What it may do.
        created_at: When it was made.
        expires_at: When it ends by itself, if it does.
        revoked_at: When it was revoked, if it was.
    """

    id: str
    name: str
    scopes: frozenset[Scope]
    created_at: EpochMs
    expires_at: EpochMs | None = None
    revoked_at: EpochMs | None = None

    def allows(self, scope: Scope) -> bool:
        """Tell whether it may do what a scope allows."""
        return scope in self.scopes or Scope.ADMIN in self.scopes

    def is_valid(self, at: EpochMs) -> bool:
        """Tell whether it may be used at a time."""
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)


def digest_of(key: str) -> str:
    """Give the SHA-256 of a key as hex digits."""
    return hashlib.sha256(key.encode("utf-8")).hexdigest()


def _from_row(row: dict[str, Any]) -> ApiKey:
    return ApiKey(
        id=row["id"],
        name=row["name"],
        scopes=frozenset(Scope(scope) for scope in row["scopes"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
    )


def create_key(
    store: GraphStore, name: str, scopes: Collection[str], *, valid_days: float | None = None
) -> tuple[ApiKey, str]:
    """Make a key.

    Args:
        store: Where it is kept.
        name: Whom it is for.
        scopes: What it may do, at least one.
        valid_days: Days until it ends by itself; without them it does not.

    Returns:
        The key's description, and the key itself, which is kept nowhere.

    Raises:
        InvalidInputError: A scope is unknown, none is given, or the name is empty.
    """
    known = ", ".join(Scope)
    if not name.strip():
        raise InvalidInputError("A key needs a name.", field="name", value=name, remedy="Say whom it is for.")
    if not scopes:
        raise InvalidInputError("A key needs a scope.", field="scope", remedy=f"Give one or more of {known}.")
    for scope in scopes:
        if scope not in set(Scope):
            raise InvalidInputError(
                "There is no such scope.", field="scope", value=scope, remedy=f"Give one of {known}."
            )
    if valid_days is not None and valid_days <= 0:
        raise InvalidInputError("A key must be valid for some time.", field="days", value=valid_days)
    key_id = secrets.token_hex(6)
    key = f"ig_{key_id}_{secrets.token_urlsafe(32)}"
    created_at = now_ms()
    rows = store.write(
        "keys/create",
        id=key_id,
        name=name.strip(),
        digest=digest_of(key),
        scopes=sorted(set(scopes)),
        created_at=created_at,
        expires_at=None if valid_days is None else created_at + int(valid_days * MS_PER_DAY),
    )
    return _from_row(rows[0]), key


def list_keys(store: GraphStore) -> list[ApiKey]:
    """Give every key, oldest first, without its secret."""
    return [_from_row(row) for row in store.read("keys/list")]


def revoke_key(store: GraphStore, key_id: str) -> ApiKey:
    """Make a key useless; a second time changes nothing.

    Raises:
        NotFoundError: There is no key of this id.
    """
    rows = store.write("keys/revoke", id=key_id, at=now_ms())
    if not rows:
        raise NotFoundError(
            "There is no such key.", field="id", value=key_id, remedy="`interestgraph keys list` shows the ids."
        )
    return _from_row(rows[0])


class KeyRing:
    """Checks keys against the graph, and remembers the answer for a few seconds.

    Args:
        store: Gives the store; called only when the answer is not remembered.
        cache_s: Seconds for which an answer is remembered, so also until a revoked key stops working.
    """

    def __init__(self, store: Callable[[], GraphStore], cache_s: float = CACHE_S) -> None:
        self._store = store
        self._cache_s = cache_s
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, ApiKey | None]] = {}

    def verify(self, key: str | None) -> ApiKey:
        """Give the description of a valid key.

        Raises:
            ApiKeyError: None is given, or it is unknown, revoked or over.
        """
        if not key:
            raise ApiKeyError("This address needs an API key.", field="Authorization", remedy=_REMEDY)
        match = _KEY.fullmatch(key)
        if match is None:
            raise ApiKeyError("This is not an API key.", field="Authorization", remedy=_REMEDY)
        digest = digest_of(key)
        found = self._look_up(match.group(1), digest)
        if found is None or not found.is_valid(now_ms()):
            raise ApiKeyError("This API key is unknown, revoked or over.", field="Authorization", remedy=_REMEDY)
        return found

    def _look_up(self, key_id: str, digest: str) -> ApiKey | None:
        now = time.monotonic()
        with self._lock:
            known = self._known.get(digest)
        if known is not None and now < known[0]:
            return known[1]
        rows = self._store().read("keys/find", id=key_id)
        matches = [row for row in rows if hmac.compare_digest(row["digest"], digest)]
        found = _from_row(matches[0]) if matches else None
        with self._lock:
            if len(self._known) >= _CACHE_ENTRIES:
                self._known.clear()
            self._known[digest] = (now + self._cache_s, found)
        return found
