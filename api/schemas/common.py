"""Parts that many models share."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema

MAX_ID_CHARS: Final = 512
INT64_MAX: Final = 2**63 - 1
# The last millisecond of the year 9999, the last one that ISO 8601 writes with four digits.
LATEST_MS: Final = 253_402_300_799_999

ID_PATTERN: Final = r"^[^\x00-\x1f\x7f-\x9f]+$"

Id = Annotated[
    str,
    StringConstraints(strict=True, min_length=1, max_length=MAX_ID_CHARS, pattern=ID_PATTERN),
    Field(description=f"1 to {MAX_ID_CHARS} characters, none of them a control character."),
]
EpochMs = Annotated[int, Field(ge=0, le=LATEST_MS, description="UTC, milliseconds since 1970.")]


def _epoch_ms(value: object) -> object:
    """Give a time of ISO 8601 with zone in epoch milliseconds; anything else as it is."""
    if not isinstance(value, str) or value.lstrip("-").isdecimal():
        return value
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError("Give milliseconds since 1970, or ISO 8601 with a zone")
    return int(moment.timestamp() * 1_000)


Moment = Annotated[
    EpochMs,
    BeforeValidator(_epoch_ms),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": LATEST_MS},
                {"type": "string", "format": "date-time"},
            ],
            "description": "UTC, milliseconds since 1970, or ISO 8601 with a zone.",
        }
    ),
]
"""A time in a query."""

Cursor = Annotated[
    str,
    Field(min_length=1, max_length=2048, pattern=r"^[A-Za-z0-9_-]+$", description="`next` of the page before."),
]
PageSize = Annotated[int, Field(ge=1, le=1000, description="Entries of a page.")]


class Request(BaseModel):
    """A part of a request: unknown names are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Answer(BaseModel):
    """An answer. Members may be added in later versions; those that are here stay."""

    model_config = ConfigDict(extra="allow")


class PageQuery(Request):
    """A page of a list."""

    n: PageSize = 100
    cursor: Cursor | None = None


class FaultAnswer(Answer):
    """One of several things that are wrong."""

    code: str
    detail: str
    field: str | None = None
    value: Any = None
    remedy: str | None = None


class Problem(Answer):
    """What went wrong, as RFC 9457 has it."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "example": {
                "type": "urn:interestgraph:problem:unknown_reference",
                "title": "Invalid input",
                "status": 422,
                "detail": "There is no such item.",
                "code": "unknown_reference",
                "field": "events[0].item_id",
                "value": "sku-404",
                "remedy": "Put the item first, or send create_missing=true.",
                "request_id": "6f1c3c0e4d0b4b0d9b8f1f0a2c3d4e5f",
            }
        },
    )

    type: str = Field(description="`urn:interestgraph:problem:` and the code.")
    title: str = Field(description="The kind, in a few words.")
    status: int = Field(description="Status code of the answer.")
    detail: str = Field(description="What is wrong, one sentence.")
    code: str = Field(description="The kind, for programs; does not change.")
    field: str | None = Field(None, description="Which part of the input.")
    value: Any = Field(None, description="What was found there; shortened.")
    remedy: str | None = Field(None, description="What to do.")
    request_id: str | None = Field(None, description="The id under which the log has it.")
    errors: list[FaultAnswer] | None = Field(None, description="Everything that is wrong, where it is more than one.")


class Body(Request):
    """A body: besides, a text is no number and a number is no text."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
