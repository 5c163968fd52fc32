"""Which column is which field: named by options, or guessed by name from a stated table."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from engine.errors import InvalidInputError

_ITEM: Final = (
    ("item_id", "itemid", "item"),
    (
        "product_id",
        "productid",
        "product",
        "sku",
        "movie_id",
        "movieid",
        "article_id",
        "artist_id",
        "track_id",
        "song_id",
        "book_id",
        "video_id",
        "content_id",
        "asin",
        "isbn",
    ),
)
_USER: Final = (
    ("user_id", "userid", "user"),
    (
        "customer_id",
        "customerid",
        "customer",
        "household_id",
        "visitor_id",
        "visitorid",
        "member_id",
        "account_id",
        "profile_id",
        "person_id",
        "reviewer_id",
        "reviewerid",
    ),
)


@dataclass(frozen=True, slots=True)
class Field:
    """A field that a column may fill.

    Attributes:
        name: As this project names it.
        synonyms: Names of columns that mean it, best first, in tiers: a match in an earlier tier wins, two in one
            tier are ambiguous. The field's own name comes before them all.
        required: Whether an import cannot do without.
    """

    name: str
    synonyms: tuple[tuple[str, ...], ...] = ()
    required: bool = False


ITEM_FIELDS: Final = (
    Field("id", _ITEM, required=True),
    Field("title", (("item_title", "product_title", "product_name", "item_name"), ("name", "label"))),
    Field("available", (("is_available", "in_stock"),)),
    Field("created_at", (("created", "added_at", "published_at", "release_date"),)),
    Field("description", (("summary", "text"),)),
    Field("image", (("image_path", "image_file"), ("picture", "photo", "poster"))),
    Field("audio", (("audio_path", "audio_file"), ("sound",))),
)
USER_FIELDS: Final = (
    Field("id", _USER, required=True),
    Field("created_at", (("created", "signup_at", "registered_at", "joined_at"),)),
)
EVENT_FIELDS: Final = (
    Field("user_id", _USER, required=True),
    Field("item_id", _ITEM),
    Field("type", (("event_type", "eventtype", "event"), ("action", "behavior", "behaviour", "interaction"))),
    Field(
        "at",
        (
            ("timestamp", "event_time", "occurred_at"),
            ("time", "datetime", "date", "ts", "created_at", "transaction_timestamp", "unix_review_time"),
        ),
        required=True,
    ),
    Field("value", (("rating", "quantity", "overall"), ("score", "amount", "count", "plays", "stars"))),
    Field("id", (("event_id", "eventid"),)),
    Field("query", (("search_query", "search_term", "search"),)),
    Field("followed_id", (("followed_user_id", "followed"),)),
    Field("recommendation_id", ()),
)
SOCIAL_FIELDS: Final = (
    Field("source", (_USER[0], ("follower_id", "follower", "from", "from_id")), required=True),
    Field(
        "target",
        (("friend_id", "friend", "followee_id", "followee", "followed_id", "follows", "to", "to_id"),),
        required=True,
    ),
    Field("weight", (("strength", "trust"),)),
)


def resolve_columns(
    fields: Sequence[Field], found: Sequence[str], given: Mapping[str, str | None], *, optional: Sequence[str] = ()
) -> dict[str, str]:
    """Say which column fills which field.

    Args:
        fields: The fields of this kind of import.
        found: Columns of the source.
        given: Columns named by the caller, by field; none leaves the field out.
        optional: Required fields that the caller fills in another way.

    Returns:
        Column by field; fields that no column fills are left out.

    Raises:
        InvalidInputError: A named field or column is not there, a name fits several columns, or a required field
            has none; the message lists the columns found.
    """
    names = [field.name for field in fields]
    listed = ", ".join(found)
    for field_name, column in given.items():
        if field_name not in names:
            raise InvalidInputError(
                "There is no such field.", field="column", value=field_name, remedy=f"Fields are {', '.join(names)}."
            )
        if column is not None and column not in found:
            raise InvalidInputError(
                f"There is no such column for {field_name}.",
                field=f"column {field_name}",
                value=column,
                remedy=f"Columns found: {listed}.",
            )
    taken = {column for column in given.values() if column is not None}
    resolved: dict[str, str] = {}
    for field in fields:
        if field.name in given:
            column = given[field.name]
        else:
            column = _guess(field, [column for column in found if column not in taken], listed)
        if column is not None:
            resolved[field.name] = column
            taken.add(column)
        elif field.required and field.name not in optional:
            raise InvalidInputError(
                f"No column was found for {field.name}.",
                field=f"column {field.name}",
                remedy=f"Name it: --column {field.name}=COLUMN. Columns found: {listed}.",
            )
    return resolved


def _guess(field: Field, found: Sequence[str], listed: str) -> str | None:
    for tier in ((field.name,), *field.synonyms):
        matches = [column for column in found if _plain(column) in tier]
        if len(matches) > 1:
            raise InvalidInputError(
                f"Several columns could be {field.name}: {', '.join(matches)}.",
                field=f"column {field.name}",
                remedy=f"Name one: --column {field.name}={matches[0]} (or --column {field.name}= for none). "
                f"Columns found: {listed}.",
            )
        if matches:
            return matches[0]
    return None


def _plain(column: str) -> str:
    """Give a column's name in lower case with _ between words: `userId` and `User ID` are `user_id`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", column.strip())
    return re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")
