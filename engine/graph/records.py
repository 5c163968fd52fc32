"""Items, users, interests and links: as callers put them, as they stand, and as rows of statements."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from engine.domain import EpochMs
from engine.errors import InvalidInputError
from engine.graph.attributes import (
    AttributeValue,
    check_attributes,
    check_id,
    check_text,
    check_weight,
    interest_id,
    is_attribute,
)

MAX_ABOUT: Final = 200
MAX_TITLE_CHARS: Final = 2_000
MAX_NAME_CHARS: Final = 200


@dataclass(frozen=True, slots=True)
class About:
    """That an item is about an interest.

    Attributes:
        kind: Category, brand, tag, topic, …
        name: The interest's name.
        weight: How much of the item it is; the weights of an item are made to sum to 1.
    """

    kind: str
    name: str
    weight: float = 1.0

    @property
    def id(self) -> str:
        """Id of the interest."""
        return interest_id(self.kind, self.name)


@dataclass(frozen=True, slots=True)
class Item:
    """An item as callers put it."""

    id: str
    title: str | None = None
    attributes: Mapping[str, AttributeValue | None] = field(default_factory=dict)
    about: Sequence[About] = ()
    available: bool = True
    created_at: EpochMs | None = None


@dataclass(frozen=True, slots=True)
class User:
    """A user as callers put them."""

    id: str
    attributes: Mapping[str, AttributeValue | None] = field(default_factory=dict)
    created_at: EpochMs | None = None


@dataclass(frozen=True, slots=True)
class Interest:
    """A category, brand, tag or topic that items are about."""

    id: str
    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Follow:
    """That one user follows another."""

    source: str
    target: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class StoredItem(Item):
    """An item as it stands in the graph.

    Attributes:
        updated_at: When its content last changed, epoch ms; none where only an event has named it.
        popularity: Decayed sum of the strengths of its events, as of `popularity_at`.
        popularity_at: Time of its newest event, epoch ms.
    """

    updated_at: EpochMs | None = None
    popularity: float = 0.0
    popularity_at: EpochMs | None = None


@dataclass(frozen=True, slots=True)
class StoredUser(User):
    """A user as they stand in the graph.

    Attributes:
        updated_at: When their attributes last changed, epoch ms.
        events_at: When their latest event was stored, epoch ms.
    """

    updated_at: EpochMs | None = None
    events_at: EpochMs | None = None


@dataclass(frozen=True, slots=True)
class Upserted:
    """What became of nodes that were put."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0

    def __add__(self, other: Upserted) -> Upserted:
        return Upserted(self.created + other.created, self.changed + other.changed, self.unchanged + other.unchanged)


def item_row(item: Item) -> dict[str, Any]:
    """Check an item and give it as a row of `items/upsert`.

    Raises:
        InvalidInputError: Something in it cannot be stored; it names the field.
    """
    properties: dict[str, Any] = check_attributes(item.attributes)
    properties["available"] = bool(item.available)
    if item.title is not None:
        properties["title"] = check_text(item.title, field="title", limit_chars=MAX_TITLE_CHARS)
    return {
        "id": check_id(item.id, field="id"),
        "created_at": item.created_at,
        "properties": properties,
        "about": _about_rows(item.about),
    }


def user_row(user: User) -> dict[str, Any]:
    """Check a user and give them as a row of `users/upsert`.

    Raises:
        InvalidInputError: Something cannot be stored; it names the field.
    """
    return {
        "id": check_id(user.id, field="id"),
        "created_at": user.created_at,
        "properties": check_attributes(user.attributes),
    }


def stored_item(row: Mapping[str, Any]) -> StoredItem:
    """Make an item of a row of `items/get`."""
    node = dict(row["node"])
    return StoredItem(
        id=node["id"],
        title=node.get("title"),
        attributes={name: value for name, value in sorted(node.items()) if is_attribute(name)},
        about=tuple(About(kind, name, weight) for _, kind, name, weight in row["about"]),
        available=node.get("available", True),
        created_at=node.get("created_at"),
        updated_at=node.get("updated_at"),
        popularity=node.get("popularity") or 0.0,
        popularity_at=node.get("popularity_at"),
    )


def stored_user(row: Mapping[str, Any]) -> StoredUser:
    """Make a user of a row of `users/get`."""
    node = dict(row["node"])
    return StoredUser(
        id=node["id"],
        attributes={name: value for name, value in sorted(node.items()) if is_attribute(name)},
        created_at=node.get("created_at"),
        updated_at=node.get("updated_at"),
        events_at=node.get("events_at"),
    )


def _about_rows(about: Sequence[About]) -> list[dict[str, Any]]:
    """Check what an item is about; equal interests are added up, weights sum to 1, sorted by id."""
    if len(about) > MAX_ABOUT:
        raise InvalidInputError(
            f"The item is about {len(about)} interests.", field="about", remedy=f"Give at most {MAX_ABOUT}."
        )
    weights: dict[str, float] = defaultdict(float)
    named: dict[str, About] = {}
    for place, entry in enumerate(about):
        check_text(entry.kind, field=f"about[{place}].kind", limit_chars=MAX_NAME_CHARS)
        check_text(entry.name, field=f"about[{place}].name", limit_chars=MAX_NAME_CHARS)
        weights[entry.id] += check_weight(entry.weight, field=f"about[{place}].weight")
        named.setdefault(entry.id, entry)
    total = math.fsum(weights.values())
    return [
        {
            "id": name,
            "kind": named[name].kind.strip(),
            "name": named[name].name.strip(),
            "weight": weights[name] / total,
        }
        for name in sorted(weights)
    ]


def interest_row(interest: Interest) -> dict[str, Any]:
    """Check an interest and give it as a row of `interests/upsert`."""
    return {
        "id": check_id(interest.id, field="id"),
        "kind": check_text(interest.kind, field="kind", limit_chars=MAX_NAME_CHARS),
        "name": check_text(interest.name, field="name", limit_chars=MAX_NAME_CHARS),
    }


def follow_row(follow: Follow) -> dict[str, Any]:
    """Check a link and give it as a row of `social/set_follows`."""
    if follow.source == follow.target:
        raise InvalidInputError("A user does not follow themselves.", field="target", value=follow.target)
    return {
        "source": check_id(follow.source, field="source"),
        "target": check_id(follow.target, field="target"),
        "weight": check_weight(follow.weight, field="weight"),
    }
