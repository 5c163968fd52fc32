"""Recommendations and their reasons."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from api.schemas.common import Answer, Id, Request

MAX_N = 1000


class RecommendationsQuery(Request):
    """What is wanted."""

    n: Annotated[int, Field(ge=1, le=MAX_N)] = Field(
        10, description="How many; at most INTERESTGRAPH_API__MAX_RECOMMENDATIONS."
    )
    freshness: Annotated[str, Field(min_length=1, max_length=4096)] | None = Field(
        None, description="Token from `POST /v1/events`: the answer knows of those events."
    )
    explain: bool = Field(False, description="Whether each term comes with its path in the graph and a sentence.")
    exclude: Annotated[list[Id], Field(max_length=1000)] | None = Field(
        None, description="Items that must not come back; may be given again."
    )
    interest: Id | None = Field(None, description="Only items about this interest.")
    seen: bool | None = Field(
        None, description="Whether items of the user's own history may come back; the setting where absent."
    )
    diversity: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None = Field(
        None, description="0 orders by score only; the setting where absent."
    )


class TermAnswer(Answer):
    """A named part of a score."""

    name: Literal["sequence", "co_occurrence", "interests", "popularity", "neighbours", "demographics", "fatigue"]
    value: float
    path: list[dict[str, Any]] = Field(
        description="With `explain`: past items, interests, users, values of attributes and impressions that it "
        "comes from, strongest first. A past item whose edge is inferred has the `source` `inferred` and a "
        "`certainty`; one whose edge is for the greater part resemblance has `resembles` and a `similarity`."
    )


class RecommendedItemAnswer(Answer):
    """A recommended item."""

    item_id: str
    rank: int
    score: float = Field(description="The sum of its terms.")
    title: str | None
    attributes: dict[str, Any]
    terms: list[TermAnswer]
    reason: str | None = Field(description="With `explain`: the strongest reason as a sentence.")


class FreshnessAnswer(Answer):
    """How fresh an answer is; the user's own history and interests are always of the moment."""

    staleness_s: float = Field(description="Seconds since the process last looked for changed edges and versions.")
    events_waiting: int = Field(description="Events that edges and popularity did not know of at that look.")
    fold_lag_s: float = Field(description="Seconds that the oldest of them has waited; 0 where none waits.")
    moves_waiting: int = Field(description="Parts of folds that were taken and not worked into the edges at that look.")
    recounting: bool = Field(description="Whether the edges stand still until they are counted again.")


class RecommendationsAnswer(Answer):
    """An answer, computed from one version of the embeddings."""

    recommendation_id: str = Field(description="Send it back with the events that follow from this answer.")
    user_id: str
    known: bool = Field(description="Whether there is such a user.")
    newcomer: bool = Field(description="Whether nothing is known that the answer could be made from.")
    version: str | None = Field(description="Embedding version; null without a model.")
    as_of: int | None = Field(description="Time of the newest event in the edges that were used.")
    staleness_s: float = Field(description="Seconds since the process last looked for changed edges.")
    asked: int
    complete: bool = Field(description="Whether as many items came back as were asked for.")
    cut: dict[str, int] = Field(description="How many items each filter took out.")
    diversity: float
    reordered: bool = Field(description="Whether diversity changed the order; scores stay as they are.")
    meta: FreshnessAnswer
    items: list[RecommendedItemAnswer] = Field(description="Best first.")


class SimilarQuery(Request):
    """How many."""

    n: Annotated[int, Field(ge=1, le=MAX_N)] = Field(
        10, description="How many; at most INTERESTGRAPH_API__MAX_RECOMMENDATIONS."
    )


class SimilarItemAnswer(Answer):
    """A similar item."""

    item_id: str
    rank: int
    score: float = Field(description="The sum of its parts.")
    title: str | None
    parts: dict[str, float]
    attributes: dict[str, Any]


class SimilarAnswer(Answer):
    """Similar items."""

    item_id: str
    version: str | None
    items: list[SimilarItemAnswer] = Field(description="Most similar first.")
