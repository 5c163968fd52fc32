from __future__ import annotations

import pytest

from engine.errors import InvalidInputError
from engine.importing.columns import EVENT_FIELDS, ITEM_FIELDS, SOCIAL_FIELDS, USER_FIELDS, Field, resolve_columns


@pytest.mark.parametrize(
    ("fields", "found", "resolved"),
    [
        (ITEM_FIELDS, ["item_id", "asin", "title"], {"id": "item_id", "title": "title"}),
        (ITEM_FIELDS, ["id", "product_id", "Product Name"], {"id": "id", "title": "Product Name"}),
        (ITEM_FIELDS, ["sku", "in_stock", "Text"], {"id": "sku", "available": "in_stock", "description": "Text"}),
        (ITEM_FIELDS, ["id", "picture", "imagePath", "sound"], {"id": "id", "image": "imagePath", "audio": "sound"}),
        (USER_FIELDS, ["Customer ID", "age"], {"id": "Customer ID"}),
        (USER_FIELDS, ["userId"], {"id": "userId"}),
        (
            EVENT_FIELDS,
            ["household_id", "product_id", "quantity", "transaction_timestamp"],
            {
                "user_id": "household_id",
                "item_id": "product_id",
                "at": "transaction_timestamp",
                "value": "quantity",
            },
        ),
        (
            EVENT_FIELDS,
            ["user_id", "item_id", "event", "timestamp"],
            {"user_id": "user_id", "item_id": "item_id", "type": "event", "at": "timestamp"},
        ),
        (SOCIAL_FIELDS, ["user_id", "friend_id"], {"source": "user_id", "target": "friend_id"}),
    ],
)
def test_columns_are_guessed_by_name(fields: list[Field], found: list[str], resolved: dict[str, str]) -> None:
    assert resolve_columns(fields, found, {}) == resolved


def test_named_columns_win_and_are_not_taken_twice() -> None:
    found = ["user", "user_id", "item", "when", "title"]
    given = {"user_id": "user", "at": "when", "value": None}
    assert resolve_columns(EVENT_FIELDS, found, given) == {"user_id": "user", "item_id": "item", "at": "when"}


@pytest.mark.parametrize(
    ("found", "given", "said"),
    [
        (["a", "b"], {}, "No column was found for id"),
        (["sku", "asin"], {}, "Several columns could be id: sku, asin"),
        (["id", "x"], {"title": "y"}, "no such column for title"),
        (["id", "x"], {"tilte": "x"}, "no such field"),
    ],
)
def test_what_is_not_clear_is_said_with_the_columns_found(
    found: list[str], given: dict[str, str | None], said: str
) -> None:
    with pytest.raises(InvalidInputError, match=said) as caught:
        resolve_columns(ITEM_FIELDS, found, given)
    listed = "id, title" if "tilte" in given else ", ".join(found)
    assert listed in (caught.value.remedy or "")


def test_an_ambiguous_field_can_be_left_out() -> None:
    assert resolve_columns(ITEM_FIELDS, ["id", "name", "label"], {"title": None}) == {"id": "id"}
