"""Items, and what they are about."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import ConfigDict, Field, JsonValue, WithJsonSchema

from api.schemas.common import Answer, Body, EpochMs, Id, Request
from engine.graph.attributes import MAX_ATTRIBUTES, MAX_LIST_LENGTH, MAX_NAME_CHARS, MAX_TEXT_CHARS, MAX_WEIGHT
from engine.graph.records import MAX_ABOUT, MAX_TITLE_CHARS
from engine.graph.records import MAX_NAME_CHARS as MAX_INTEREST_CHARS

_SCALARS: Final[list[JsonValue]] = [
    {"type": "string", "maxLength": MAX_TEXT_CHARS},
    {"type": "boolean"},
    {"type": "number"},
]
_ATTRIBUTES_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "description": "Own properties: texts, numbers, truth values, or lists of one of these kinds.",
    "maxProperties": MAX_ATTRIBUTES,
    "propertyNames": {"pattern": f"^[A-Za-z][A-Za-z0-9_]{{0,{MAX_NAME_CHARS - 1}}}$"},
    "additionalProperties": {
        "anyOf": [
            *_SCALARS,
            *({"type": "array", "maxItems": MAX_LIST_LENGTH, "items": scalar} for scalar in _SCALARS),
        ]
    },
}
_CHANGES_SCHEMA: Final[dict[str, Any]] = {
    **_ATTRIBUTES_SCHEMA,
    "description": "Properties to set; null removes one, those not named stay.",
    "additionalProperties": {"anyOf": [*_ATTRIBUTES_SCHEMA["additionalProperties"]["anyOf"], {"type": "null"}]},
}
# The engine checks names and values; it also serves the imports.
Attributes = Annotated[dict[str, Any], WithJsonSchema(_ATTRIBUTES_SCHEMA)]
AttributeChanges = Annotated[dict[str, Any], WithJsonSchema(_CHANGES_SCHEMA)]
Title = Annotated[str, Field(max_length=MAX_TITLE_CHARS)]

_EXAMPLE: Final[dict[str, JsonValue]] = {
    "title": "Fluid milk, white only, 1 gallon",
    "available": True,
    "about": [{"kind": "category", "name": "fluid milk"}, {"kind": "brand", "name": "private", "weight": 0.5}],
    "attributes": {"department": "GROCERY", "price": 2.79},
}


class ItemPath(Request):
    """An item."""

    item_id: Id


class AboutBody(Body):
    """An interest that an item is about."""

    kind: str = Field(min_length=1, max_length=MAX_INTEREST_CHARS, description="category, brand, tag, topic, …")
    name: str = Field(min_length=1, max_length=MAX_INTEREST_CHARS)
    weight: float = Field(
        1.0, gt=0, le=MAX_WEIGHT, allow_inf_nan=False, description="How much of the item; made to sum to 1."
    )


class ItemBody(Body):
    """An item, whole: what is left out is not kept."""

    model_config = ConfigDict(json_schema_extra={"example": _EXAMPLE})

    title: Title | None = None
    attributes: Attributes = Field(default_factory=dict)
    about: list[AboutBody] = Field(default_factory=list, max_length=MAX_ABOUT)
    available: bool = Field(True, description="Whether it may be recommended.")
    created_at: EpochMs | None = Field(None, description="Counts when the item is made; now where absent.")


class ItemPatch(Body):
    """Parts of an item to change."""

    model_config = ConfigDict(json_schema_extra={"example": {"available": False, "attributes": {"price": 2.49}}})

    title: Title | None = Field(None, description="Null removes it.")
    attributes: AttributeChanges = Field(default_factory=dict)
    about: list[AboutBody] = Field(default_factory=list, max_length=MAX_ABOUT, description="Replaces all of it.")
    available: bool = True


class AboutAnswer(Answer):
    """An interest that an item is about."""

    id: str
    kind: str | None
    name: str | None
    weight: float


class ItemAnswer(Answer):
    """An item as it stands."""

    id: str
    title: str | None
    attributes: dict[str, Any]
    about: list[AboutAnswer] = Field(description="Weights sum to 1.")
    available: bool
    created_at: int | None
    updated_at: int | None = Field(description="When its content last changed.")
    popularity: float = Field(description="Decayed sum of the strengths of its events, as of `popularity_at`.")
    popularity_at: int | None


class ItemsAnswer(Answer):
    """A page of items."""

    items: list[ItemAnswer] = Field(description="By id.")
    next: str | None = Field(description="Cursor of the next page; null on the last one.")
