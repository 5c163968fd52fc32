"""Health."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from api.schemas.common import Answer


class LiveAnswer(Answer):
    """The process answers."""

    status: Literal["live"]


class PartAnswer(Answer):
    """One part."""

    name: Literal["database", "schema", "broker", "model", "state"]
    up: bool
    required: bool = Field(description="Whether nothing works without it.")
    detail: str = Field(description="What is known, or what to do.")


class ReadyAnswer(Answer):
    """Whether requests can be answered."""

    status: Literal["ready", "degraded", "down"] = Field(
        description="`degraded`: a part is down that is not required. `down`: a required one is; the status is 503."
    )
    down: list[str] = Field(description="Names of the parts that are down.")
    parts: list[PartAnswer]
    version: str = Field(description="Version of the software.")
