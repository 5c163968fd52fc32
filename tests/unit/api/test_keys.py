from __future__ import annotations

import re
from typing import Any

import pytest

from api.errors import ApiKeyError
from api.keys import ApiKey, KeyRing, Scope, create_key, digest_of, list_keys, revoke_key
from engine.errors import InvalidInputError, NotFoundError


class RecordingStore:
    """Keeps nodes in a table and notes what it was asked, in the form of the store's statements."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []

    def read(self, name: str, /, **parameters: Any) -> list[dict[str, Any]]:
        self.asked.append(name)
        if name == "keys/find":
            return [self.rows[parameters["id"]]] if parameters["id"] in self.rows else []
        assert name == "keys/list"
        return list(self.rows.values())

    def write(self, name: str, /, **parameters: Any) -> list[dict[str, Any]]:
        self.asked.append(name)
        if name == "keys/create":
            self.rows[parameters["id"]] = {**parameters, "revoked_at": None}
        elif parameters["id"] not in self.rows:
            return []
        else:
            row = self.rows[parameters["id"]]
            row["revoked_at"] = row["revoked_at"] or parameters["at"]
        return [self.rows[parameters["id"]]]


@pytest.fixture
def store() -> Any:
    return RecordingStore()


def ring(store: Any, cache_s: float = 0.0) -> KeyRing:
    return KeyRing(lambda: store, cache_s=cache_s)


def test_only_the_digest_is_kept(store: Any) -> None:
    made, key = create_key(store, " shop ", ["write", "read", "read"])
    assert re.fullmatch(r"ig_[0-9a-f]{12}_[A-Za-z0-9_-]{43}", key)
    row = store.rows[made.id]
    assert row["digest"] == digest_of(key)
    secret = key.split("_", 2)[2]
    assert not any(secret in str(value) for value in row.values())
    assert (made.name, row["scopes"]) == ("shop", ["read", "write"])
    assert ring(store).verify(key) == made
    assert list_keys(store) == [made]


@pytest.mark.parametrize(
    ("name", "scopes", "days", "field"),
    [
        ("", ["read"], None, "name"),
        ("  ", ["read"], None, "name"),
        ("a", [], None, "scope"),
        ("a", ["root"], None, "scope"),
        ("a", ["read", ""], None, "scope"),
        ("a", ["read"], 0, "days"),
        ("a", ["read"], -1, "days"),
    ],
)
def test_bad_creation(store: Any, name: str, scopes: list[str], days: float | None, field: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        create_key(store, name, scopes, valid_days=days)
    assert caught.value.field == field
    assert not store.rows


def test_wrong_ones_are_refused_alike(store: Any) -> None:
    made, key = create_key(store, "a", ["read"])
    other = key[:-1] + ("A" if key[-1] != "A" else "B")
    unknown = f"ig_{'0' * 12}_{'x' * 43}"
    messages = set()
    for wrong in (other, unknown):
        with pytest.raises(ApiKeyError) as caught:
            ring(store).verify(wrong)
        messages.add(str(caught.value))
        assert wrong not in str(caught.value.to_dict())
    assert len(messages) == 1
    for malformed in (None, "", "x", key + "x", " " + key, made.id):
        with pytest.raises(ApiKeyError):
            ring(store).verify(malformed)


def test_revoked_and_over(store: Any) -> None:
    made, key = create_key(store, "a", ["read"])
    revoked = revoke_key(store, made.id)
    assert revoked.revoked_at is not None
    assert revoke_key(store, made.id) == revoked
    with pytest.raises(ApiKeyError):
        ring(store).verify(key)
    with pytest.raises(NotFoundError):
        revoke_key(store, "nobody")

    _, short = create_key(store, "b", ["read"], valid_days=1e-9)
    with pytest.raises(ApiKeyError):
        ring(store).verify(short)


def test_answers_are_remembered_also_the_bad_ones(store: Any) -> None:
    _, key = create_key(store, "a", ["read"])
    keys = ring(store, cache_s=60)
    store.asked.clear()
    for _ in range(3):
        keys.verify(key)
        with pytest.raises(ApiKeyError):
            keys.verify(f"ig_{'0' * 12}_{'x' * 43}")
    assert store.asked == ["keys/find", "keys/find"]


def test_memory_is_bounded(store: Any) -> None:
    keys = ring(store, cache_s=60)
    for number in range(5000):
        with pytest.raises(ApiKeyError):
            keys.verify(f"ig_{number:012x}_{'x' * 43}")
    assert len(keys._known) <= 4096


@pytest.mark.parametrize(
    ("scopes", "allowed"),
    [
        ({Scope.READ}, {Scope.READ}),
        ({Scope.WRITE}, {Scope.WRITE}),
        ({Scope.READ, Scope.WRITE}, {Scope.READ, Scope.WRITE}),
        ({Scope.ADMIN}, {Scope.READ, Scope.WRITE, Scope.ADMIN}),
    ],
)
def test_scopes(scopes: set[Scope], allowed: set[Scope]) -> None:
    key = ApiKey("a", "a", frozenset(scopes), 0)
    assert {scope for scope in Scope if key.allows(scope)} == allowed
