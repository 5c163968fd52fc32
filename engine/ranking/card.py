"""The part of a model's card that serving reads."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engine.errors import ArtefactError

CARD: Final = "card.json"
FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class TermParameters:
    """Weights of the terms of the score; a model's card gives those fitted on validation.

    Attributes:
        co_occurrence_scale: λ.
        co_occurrence_epsilon: ε.
        gamma: γ, fading per step back.
        latest: Steps of the history that count in the counted term.
        interests_scale: μ.
        interests_epsilon: ε_i.
        popularity_scale: ν.
        neighbours_scale: ν_n.
        neighbours_epsilon: ε_n.
        fatigue_scale: φ; a setting, no model has learnt it.
        demographics_scale: ω; a setting, and 0 but for newcomers.
        inferred_scale: σ, by which inferred edges count more where there is a term of the sequence.
        resemblance_scale: κ, what a resemblance of 1 adds to an edge.
    """

    co_occurrence_scale: float = 0.5
    co_occurrence_epsilon: float = 0.004
    gamma: float = 0.7
    latest: int = 10
    interests_scale: float = 0.2
    interests_epsilon: float = 1e-3
    popularity_scale: float = 0.2
    neighbours_scale: float = 0.0
    neighbours_epsilon: float = 0.01
    fatigue_scale: float = 0.0
    demographics_scale: float = 0.0
    inferred_scale: float = 1.0
    resemblance_scale: float = 0.0


class _Terms(BaseModel):
    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)

    co_occurrence_scale: float = Field(ge=0)
    co_occurrence_epsilon: float = Field(gt=0)
    gamma: float = Field(ge=0, le=1)
    latest: int = Field(ge=1)
    interests_scale: float = Field(0.0, ge=0)
    interests_epsilon: float = Field(1e-3, gt=0)
    popularity_scale: float = Field(0.0, ge=0)
    neighbours_scale: float = Field(0.0, ge=0)
    neighbours_epsilon: float = Field(0.01, gt=0)
    inferred_scale: float = Field(1.0, gt=0)
    resemblance_scale: float = Field(0.0, ge=0)


class _Resemblance(BaseModel):
    model_config = ConfigDict(extra="ignore")

    basis: str


class _Card(BaseModel):
    model_config = ConfigDict(extra="ignore")

    format: Literal[1]
    version: str
    dim: int = Field(gt=0)
    max_history: int = Field(gt=0)
    event_types: list[str] = Field(min_length=1)
    terms: _Terms
    resemblance: _Resemblance | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """What serving knows of a model.

    Attributes:
        version: Its embedding version.
        dim: Length D of item and user vectors.
        max_history: Steps that the encoder reads.
        event_types: Place of each type in the vocabulary; 0 stands for every other.
        terms: Weights of the terms.
        resemblance: What the edges between items that resemble each other have to go by, or none.
    """

    version: str
    dim: int
    max_history: int
    event_types: dict[str, int]
    terms: TermParameters
    resemblance: str | None = None


def read_card(folder: Path, version: str) -> Card:
    """Read the card of a model.

    Args:
        folder: The model's folder.
        version: The version that it must be of.

    Raises:
        ArtefactError: It is missing, damaged or another version's.
    """
    path = folder / CARD
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        card = _Card.model_validate(plain)
    except FileNotFoundError as error:
        raise ArtefactError(
            f"The model of version {version} is missing.",
            field="models",
            value=str(path),
            remedy="Copy the folder of the version below INTERESTGRAPH_HOME/models, or activate another version.",
        ) from error
    except (OSError, UnicodeError, json.JSONDecodeError) as error:
        raise _damaged(path, str(error)) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise _damaged(path, f"{where}: {first['msg']}") from error
    if card.version != version:
        raise ArtefactError(
            f"The folder of version {version} holds the model of another one.",
            field="version",
            value=card.version,
            remedy="Put the right folder in its place, or activate another version.",
        )
    return Card(
        version=card.version,
        dim=card.dim,
        max_history=card.max_history,
        event_types={name: place for place, name in enumerate(card.event_types) if place},
        terms=TermParameters(**card.terms.model_dump()),
        resemblance=None if card.resemblance is None else card.resemblance.basis,
    )


def _damaged(path: Path, reason: str) -> ArtefactError:
    return ArtefactError(
        f"The model's card cannot be read: {reason}.",
        field=CARD,
        value=str(path),
        remedy="Train or copy the model again.",
    )
