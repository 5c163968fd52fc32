"""Items, users and interests, and who follows whom: put, patch, get and list."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from itertools import islice
from typing import Any, Final, TypeVar

from engine.domain import EpochMs, now_ms
from engine.errors import InvalidInputError, NotFoundError, UnknownReferenceError
from engine.graph.attributes import RESERVED_NAMES, AttributeValue, check_attributes
from engine.graph.records import (
    About,
    Follow,
    Interest,
    Item,
    StoredItem,
    StoredUser,
    Upserted,
    User,
    follow_row,
    interest_row,
    item_row,
    stored_item,
    stored_user,
    user_row,
)
from engine.graph.store import GraphStore, Tx

T = TypeVar("T")
Progress = Callable[[int], None]

MAX_PAGE: Final = 1_000

# `title` and `available` are content: an item that is put without them loses them.
_ITEM_OWN: Final = sorted(RESERVED_NAMES - {"title", "available"})
_USER_OWN: Final = sorted(RESERVED_NAMES)


class _Keep(Enum):
    KEEP = "keep"


KEEP: Final = _Keep.KEEP
"""Leaves a part of a node as it is."""


def upsert_items(
    store: GraphStore,
    items: Iterable[Item],
    *,
    at: EpochMs | None = None,
    batch_size: int = 1_000,
    progress: Progress | None = None,
) -> Upserted:
    """Put items: make them, or replace title, attributes and what they are about.

    Equal content is not written. Items come in any order; each batch is one transaction, sorted by id.

    Args:
        store: The graph.
        items: The items; of those with the same id in a batch the last counts.
        at: Time of the change, epoch ms; now where none is given.
        batch_size: Items of one transaction.
        progress: Told how many are done.

    Raises:
        InvalidInputError: An id, title, attribute or weight cannot be stored; its whole batch is not written.
    """
    moment = now_ms() if at is None else at

    def work(tx: Tx, rows: list[dict[str, Any]]) -> Upserted:
        named = {entry["id"]: entry for row in rows for entry in row["about"]}
        interests = [{key: named[name][key] for key in ("id", "kind", "name")} for name in sorted(named)]
        tx.run("interests/ensure", rows=interests)
        [counts] = tx.run("items/upsert", rows=rows, own=_ITEM_OWN, at=moment)
        return Upserted(**counts)

    return _put(store, items, item_row, work, batch_size, progress)


def upsert_users(
    store: GraphStore,
    users: Iterable[User],
    *,
    at: EpochMs | None = None,
    batch_size: int = 1_000,
    progress: Progress | None = None,
) -> Upserted:
    """Put users: make them, or replace their attributes; arguments and errors as with `upsert_items`."""
    moment = now_ms() if at is None else at

    def work(tx: Tx, rows: list[dict[str, Any]]) -> Upserted:
        [counts] = tx.run("users/upsert", rows=rows, own=_USER_OWN, at=moment)
        return Upserted(**counts)

    return _put(store, users, user_row, work, batch_size, progress)


def upsert_interests(
    store: GraphStore, interests: Iterable[Interest], *, batch_size: int = 1_000, progress: Progress | None = None
) -> Upserted:
    """Put interests: make them, or set kind and name; arguments and errors as with `upsert_items`."""

    def work(tx: Tx, rows: list[dict[str, Any]]) -> Upserted:
        [counts] = tx.run("interests/upsert", rows=rows)
        return Upserted(**counts)

    return _put(store, interests, interest_row, work, batch_size, progress)


def get_item(store: GraphStore, item_id: str, *, bookmarks: Iterable[str] | None = None) -> StoredItem:
    """Give an item.

    Raises:
        NotFoundError: There is no such item.
    """
    try:
        return get_items(store, [item_id], bookmarks=bookmarks)[item_id]
    except KeyError:
        raise _not_found("item", item_id) from None


def get_items(
    store: GraphStore, item_ids: Sequence[str], *, bookmarks: Iterable[str] | None = None
) -> dict[str, StoredItem]:
    """Give the items of these ids that there are, in the order asked for.

    Raises:
        InvalidInputError: More than 1,000 are asked for.
    """
    rows = store.read("items/get", ids=_bounded(item_ids), bookmarks=bookmarks)
    found = (stored_item(row) for row in rows)
    return {item.id: item for item in found}


def get_user(store: GraphStore, user_id: str, *, bookmarks: Iterable[str] | None = None) -> StoredUser:
    """Give a user.

    Raises:
        NotFoundError: There is no such user.
    """
    for row in store.read("users/get", ids=[user_id], bookmarks=bookmarks):
        return stored_user(row)
    raise _not_found("user", user_id)


def patch_item(
    store: GraphStore,
    item_id: str,
    *,
    title: str | _Keep | None = KEEP,
    attributes: Mapping[str, Any] | _Keep = KEEP,
    about: Sequence[About] | _Keep = KEEP,
    available: bool | _Keep = KEEP,
    at: EpochMs | None = None,
) -> StoredItem:
    """Change parts of an item; nobody else's change is lost.

    Args:
        store: The graph.
        item_id: The item.
        title: New title; none removes it.
        attributes: Attributes to set; null removes one, those not named stay.
        about: Replaces what the item is about.
        available: Whether it may be recommended.
        at: Time of the change, epoch ms; now where none is given.

    Raises:
        NotFoundError: There is no such item.
        InvalidInputError: A value cannot be stored; nothing is written.
    """
    if not isinstance(attributes, _Keep):
        attributes = check_attributes(attributes, nulls=True)

    def work(tx: Tx) -> StoredItem:
        if not tx.run("items/lock", id=item_id):
            raise _not_found("item", item_id)
        item = stored_item(tx.run("items/get", ids=[item_id])[0])
        changed = Item(
            item_id,
            title=item.title if isinstance(title, _Keep) else title,
            attributes=_merged(item.attributes, attributes),
            about=item.about if isinstance(about, _Keep) else about,
            available=item.available if isinstance(available, _Keep) else available,
        )
        row = item_row(changed)
        interests = sorted(row["about"], key=lambda entry: str(entry["id"]))
        tx.run("interests/ensure", rows=interests)
        tx.run("items/upsert", rows=[row], own=_ITEM_OWN, at=now_ms() if at is None else at)
        return stored_item(tx.run("items/get", ids=[item_id])[0])

    return store.write_transaction(work)


def patch_user(
    store: GraphStore, user_id: str, *, attributes: Mapping[str, Any], at: EpochMs | None = None
) -> StoredUser:
    """Set attributes of a user; null removes one, those not named stay.

    Raises:
        NotFoundError: There is no such user.
        InvalidInputError: A value cannot be stored; nothing is written.
    """
    checked = check_attributes(attributes, nulls=True)

    def work(tx: Tx) -> StoredUser:
        if not tx.run("users/lock", id=user_id):
            raise _not_found("user", user_id)
        user = stored_user(tx.run("users/get", ids=[user_id])[0])
        row = user_row(User(user_id, _merged(user.attributes, checked)))
        tx.run("users/upsert", rows=[row], own=_USER_OWN, at=now_ms() if at is None else at)
        return stored_user(tx.run("users/get", ids=[user_id])[0])

    return store.write_transaction(work)


def list_items(store: GraphStore, *, limit: int = 50, after: str | None = None) -> list[StoredItem]:
    """Give a page of items by id.

    Args:
        store: The graph.
        limit: Most items, 1 to 1,000.
        after: Last id of the page before.
    """
    ids = [row["id"] for row in store.read("items/list", after=after or "", limit=_page(limit))]
    return list(get_items(store, ids).values())


def list_users(store: GraphStore, *, limit: int = 50, after: str | None = None) -> list[StoredUser]:
    """Give a page of users by id; arguments as with `list_items`."""
    ids = [row["id"] for row in store.read("users/list", after=after or "", limit=_page(limit))]
    return [stored_user(row) for row in store.read("users/get", ids=ids)]


def list_interests(store: GraphStore, *, limit: int = 50, after: str | None = None) -> list[Interest]:
    """Give a page of interests by id; arguments as with `list_items`."""
    rows = store.read("interests/list", after=after or "", limit=_page(limit))
    return [Interest(row["id"], row["kind"], row["name"]) for row in rows]


def set_follows(
    store: GraphStore,
    follows: Iterable[Follow],
    *,
    create_missing: bool = False,
    at: EpochMs | None = None,
    batch_size: int = 1_000,
    progress: Progress | None = None,
) -> int:
    """Set who follows whom; each batch is one transaction.

    Args:
        store: The graph.
        follows: The links; of those with the same two users in a batch the last counts.
        create_missing: Make users that are not there, instead of refusing the batch.
        at: Time at which users are made, epoch ms; now where none is given.
        batch_size: Links of one transaction.
        progress: Told how many are done.

    Returns:
        Links set.

    Raises:
        UnknownReferenceError: A user is not there; nothing of the batch is written.
        InvalidInputError: An id or weight cannot be stored, or a user would follow themselves.
    """
    moment = now_ms() if at is None else at
    done = edges = 0
    for batch in _batches(follows, batch_size):
        rows = {(follow.source, follow.target): follow_row(follow) for follow in batch}
        users = sorted({user for pair in rows for user in pair})

        def work(tx: Tx, users: list[str] = users, rows: dict[tuple[str, str], dict[str, Any]] = rows) -> int:
            [found] = tx.run("social/ensure_users", ids=users, create=create_missing, at=moment)
            if found["missing"]:
                raise UnknownReferenceError(
                    "The link names a user who is not in the graph.",
                    field="follows",
                    value=found["missing"][0],
                    remedy="Put the user first, or send create_missing.",
                )
            return int(tx.run("social/set_follows", rows=[rows[pair] for pair in sorted(rows)])[0]["edges"])

        edges += store.write_transaction(work)
        done += len(batch)
        if progress is not None:
            progress(done)
    return edges


def delete_follow(store: GraphStore, source: str, target: str) -> bool:
    """End that one user follows another; tells whether they did."""
    return bool(store.write("social/delete_follow", source=source, target=target)[0]["deleted"])


def _put(
    store: GraphStore,
    nodes: Iterable[T],
    make_row: Callable[[T], dict[str, Any]],
    work: Callable[[Tx, list[dict[str, Any]]], Upserted],
    batch_size: int,
    progress: Progress | None,
) -> Upserted:
    total, done = Upserted(), 0
    for batch in _batches(nodes, batch_size):
        by_id = {row["id"]: row for row in map(make_row, batch)}
        rows = [by_id[name] for name in sorted(by_id)]
        total += store.write_transaction(lambda tx, rows=rows: work(tx, rows))  # type: ignore[misc]
        done += len(batch)
        if progress is not None:
            progress(done)
    return total


def _merged(
    present: Mapping[str, AttributeValue | None], changes: Mapping[str, AttributeValue | None] | _Keep
) -> dict[str, AttributeValue | None]:
    if isinstance(changes, _Keep):
        return dict(present)
    return {name: value for name, value in {**present, **changes}.items() if value is not None}


def _bounded(ids: Sequence[str]) -> list[str]:
    if len(ids) > MAX_PAGE:
        raise InvalidInputError("Too many nodes are asked for at once.", field="ids", value=len(ids))
    return list(ids)


def _page(limit: int) -> int:
    if not 1 <= limit <= MAX_PAGE:
        raise InvalidInputError("A page has another size.", field="limit", value=limit, remedy=f"Use 1 to {MAX_PAGE}.")
    return limit


def _batches(rows: Iterable[T], size: int) -> Iterable[list[T]]:
    remaining = iter(rows)
    while batch := list(islice(remaining, size)):
        yield batch


def _not_found(kind: str, name: str) -> NotFoundError:
    return NotFoundError(f"There is no such {kind}.", field=f"{kind}_id", value=name)


__all__ = [
    "KEEP",
    "About",
    "Follow",
    "Interest",
    "Item",
    "StoredItem",
    "StoredUser",
    "Upserted",
    "User",
    "delete_follow",
    "get_item",
    "get_items",
    "get_user",
    "list_interests",
    "list_items",
    "list_users",
    "patch_item",
    "patch_user",
    "set_follows",
    "upsert_interests",
    "upsert_items",
    "upsert_users",
]
