"""Embedding versions."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from api.schemas.common import Answer, Request
from engine.domain import VersionState


class VersionPath(Request):
    """An embedding version."""

    version: Annotated[str, Field(pattern=r"^v[0-9]{14}$", description="v followed by 14 digits.")]


class VersionAnswer(Answer):
    """An embedding version as it stands."""

    id: str
    state: VersionState
    dim: int
    model: str
    created_at: int
    activated_at: int | None
    metrics: dict[str, Any]


class VersionsAnswer(Answer):
    """Every embedding version."""

    active: str | None = Field(description="The one that is served; null while there is none.")
    versions: list[VersionAnswer] = Field(description="Newest first.")


class ActivatedAnswer(Answer):
    """What was changed."""

    active: str
    previous: str | None = Field(description="The one that was served before; it can be activated again.")
