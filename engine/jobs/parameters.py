"""What each kind of job may be asked for, checked before it is stored."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from engine.errors import InvalidInputError
from engine.versions import check_version_id

MAX_IDS: Final = 10_000
MAX_ID_CHARS: Final = 512

NodeId = Annotated[str, Field(min_length=1, max_length=MAX_ID_CHARS)]


class JobKind(StrEnum):
    """What a job does."""

    REEMBED = "reembed"
    EMBED_TEXTS = "embed_texts"
    RETRAIN = "retrain"
    REBUILD_CO_OCCURRENCE = "rebuild_co_occurrence"
    REBUILD_INTERACTIONS = "rebuild_interactions"
    PRUNE = "prune"
    RELATE_INTERESTS = "relate_interests"
    DISCOVER_TOPICS = "discover_topics"
    FIND_SIMILAR_USERS = "find_similar_users"
    COUNT_DEMOGRAPHICS = "count_demographics"


class Parameters(BaseModel):
    """Parameters of one kind: frozen, strict, unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ReembedParameters(Parameters):
    """Vectors of a selection of nodes, made again and written back."""

    selection: Literal["all", "dirty", "items", "users", "interests"] = Field(
        "all",
        description="all: every item, interest and user. dirty: users with new behaviour, items that changed or have "
        "no vector. items, users, interests: those in `ids`.",
    )
    ids: list[NodeId] = Field(
        default_factory=list, max_length=MAX_IDS, description="The nodes, for items, users and interests."
    )
    hops: Annotated[int, Field(ge=0, le=2)] | None = Field(
        None,
        description="Steps of the graph read around the nodes for message passing; empty takes the model's own depth, "
        "0 leaves the graph out.",
    )
    version: str | None = Field(None, description="Embedding version; empty takes the active one, else the newest.")
    encode_text: bool = Field(
        False, description="Whether texts and media are encoded anew instead of taken from the cache."
    )
    activate: bool = Field(
        False, description="Whether the version becomes the active one when all of it is embedded; only with all."
    )

    @field_validator("version")
    @classmethod
    def _check_version(cls, version: str | None) -> str | None:
        return None if version is None else check_version_id(version)

    @field_validator("ids")
    @classmethod
    def _sort_ids(cls, ids: list[str]) -> list[str]:
        return sorted(set(ids))

    @model_validator(mode="after")
    def _ids_fit_selection(self) -> Self:
        named = self.selection in ("items", "users", "interests")
        if named and not self.ids:
            raise InvalidInputError(
                f"The selection {self.selection} names no nodes.", field="ids", remedy="Give their ids."
            )
        if not named and self.ids:
            raise InvalidInputError(
                f"The selection {self.selection} takes no ids.",
                field="ids",
                value=self.ids[0],
                remedy="Choose items, users or interests, or leave the ids out.",
            )
        if self.activate and self.selection != "all":
            raise InvalidInputError(
                "A version is activated by a job that embeds all of it.",
                field="activate",
                value=self.activate,
                remedy="Choose the selection all, or leave activate out.",
            )
        return self


class EmbedTextsParameters(Parameters):
    """Text vectors of items, made ahead of training and re-embedding."""

    ids: list[NodeId] = Field(default_factory=list, max_length=MAX_IDS, description="Items; empty takes all.")
    refresh: bool = Field(False, description="Whether vectors in the cache are made again.")


class TrainingOverrides(Parameters):
    """Settings of one training that differ from the environment's; see the settings of training."""

    epochs: Annotated[int, Field(gt=0)] | None = None
    patience: Annotated[int, Field(gt=0)] | None = None
    learning_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    weight_decay: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    batch_positions: Annotated[int, Field(gt=0)] | None = None
    max_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    validation_days: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    test_days: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    seed: int | None = None


class RetrainParameters(Parameters):
    """A new model from the present graph, as a new embedding version."""

    training: TrainingOverrides = Field(TrainingOverrides(), description="Settings of this training.")
    embed: bool = Field(True, description="Whether a job that embeds the whole graph follows.")
    activate: bool = Field(True, description="Whether that job activates the version.")


class RebuildCoOccurrenceParameters(Parameters):
    """CO_OCCURS and popularity, counted again from all events; takes no parameters."""


class RebuildInteractionsParameters(Parameters):
    """INTERACTED, INTERESTED_IN and FOLLOWS set to what the events say, where they differ; takes no parameters."""


class PruneParameters(Parameters):
    """Raw events and faded relationships beyond the limits of the settings, deleted."""

    dry_run: bool = Field(False, description="Whether to count what would go and write nothing.")


class RelateInterestsParameters(Parameters):
    """RELATED_TO between interests, counted again; takes no parameters."""


class DiscoverTopicsParameters(Parameters):
    """Topics: clusters of the items' texts, as interests."""

    number: Annotated[int, Field(ge=1, le=10_000)] | None = Field(
        None, description="How many topics; empty takes that of the settings."
    )
    seed: int | None = Field(None, description="Seed of the clustering; empty takes that of the settings.")


class FindSimilarUsersParameters(Parameters):
    """SIMILAR_TO between users, of the active version."""

    everyone: bool = Field(False, description="Whether all users are compared again, not only whose vector changed.")


class CountDemographicsParameters(Parameters):
    """What users with the same attributes take, counted again; takes no parameters."""


JobParameters = (
    ReembedParameters
    | EmbedTextsParameters
    | RetrainParameters
    | RebuildCoOccurrenceParameters
    | RebuildInteractionsParameters
    | PruneParameters
    | RelateInterestsParameters
    | DiscoverTopicsParameters
    | FindSimilarUsersParameters
    | CountDemographicsParameters
)

PARAMETERS: Final[Mapping[JobKind, type[JobParameters]]] = {
    JobKind.REEMBED: ReembedParameters,
    JobKind.EMBED_TEXTS: EmbedTextsParameters,
    JobKind.RETRAIN: RetrainParameters,
    JobKind.REBUILD_CO_OCCURRENCE: RebuildCoOccurrenceParameters,
    JobKind.REBUILD_INTERACTIONS: RebuildInteractionsParameters,
    JobKind.PRUNE: PruneParameters,
    JobKind.RELATE_INTERESTS: RelateInterestsParameters,
    JobKind.DISCOVER_TOPICS: DiscoverTopicsParameters,
    JobKind.FIND_SIMILAR_USERS: FindSimilarUsersParameters,
    JobKind.COUNT_DEMOGRAPHICS: CountDemographicsParameters,
}


def parse_kind(kind: str) -> JobKind:
    """Give the kind of this name.

    Raises:
        InvalidInputError: There is none.
    """
    try:
        return JobKind(kind)
    except ValueError:
        raise InvalidInputError(
            "There is no job of this kind.", field="kind", value=kind, remedy=f"Use one of {', '.join(JobKind)}."
        ) from None


def parse_parameters(kind: str, raw: Mapping[str, Any]) -> JobParameters:
    """Check the parameters of a job.

    Args:
        kind: A name of `JobKind`.
        raw: Parameters as plain data; what is left out takes its default.

    Raises:
        InvalidInputError: The kind is unknown or a parameter is wrong; names the field.
    """
    model = PARAMETERS[parse_kind(kind)]
    try:
        return model.model_validate(dict(raw))
    except ValidationError as error:
        first = error.errors()[0]
        path = [str(part) for part in first["loc"]]
        name = "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in path).lstrip(".")
        unknown = first["type"] == "extra_forbidden"
        raise InvalidInputError(
            "There is no such parameter." if unknown else f"This parameter is wrong: {first['msg']}.",
            field=name or "params",
            value=first.get("input"),
            remedy=f"A job of kind {kind} takes {', '.join(model.model_fields) or 'no parameters'}.",
        ) from error
