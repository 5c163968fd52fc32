"""What the ranking answers, as records that turn into plain data."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from engine.domain import EpochMs, Recommendation, Term

NO_VERSION: Final = "none"
_RECOMMENDATION_ID: Final = re.compile(r"(v[0-9]{14}|none)\.[0-9a-f]{32}")


def new_recommendation_id(version: str | None) -> str:
    """Give a new name of an answer; it begins with the embedding version, so what follows from it can be told apart."""
    return f"{version or NO_VERSION}.{uuid.uuid4().hex}"


def version_of(recommendation_id: object) -> str | None:
    """Give the version that an answer came from, `none` for one without a model; none for a name that is not ours."""
    found = _RECOMMENDATION_ID.fullmatch(recommendation_id) if isinstance(recommendation_id, str) else None
    return None if found is None else found.group(1)


@dataclass(frozen=True, slots=True)
class RecommendationList:
    """Recommendations for one user.

    Attributes:
        recommendation_id: Name of this answer, to be sent back with the events that follow from it.
        user_id: Whom it is for.
        known: Whether the graph has this user.
        newcomer: Whether no step of a history was there to go by.
        version: The embedding version that was served; none where none is active.
        as_of: Time of the newest event that the edges know, epoch ms.
        staleness_s: Seconds since the process last looked for changed edges and versions.
        events_waiting: Events that the edges and popularity did not know of at that look.
        fold_lag_s: Seconds that the oldest of them has waited.
        moves_waiting: Parts of folds that were taken and not settled at that look.
        recounting: Whether the edges stand still until they are counted again.
        items: Best first.
        asked: Items asked for.
        cut: Items that each filter took out; only where there were any.
        diversity: Weight of diversity in the order.
        reordered: Whether diversity changed the order; the scores are as they were.
    """

    recommendation_id: str
    user_id: str
    known: bool
    newcomer: bool
    version: str | None
    as_of: EpochMs | None
    staleness_s: float
    items: tuple[Recommendation, ...]
    asked: int
    cut: Mapping[str, int] = field(default_factory=dict)
    diversity: float = 0.0
    reordered: bool = False
    events_waiting: int = 0
    fold_lag_s: float = 0.0
    moves_waiting: int = 0
    recounting: bool = False

    @property
    def complete(self) -> bool:
        """Whether as many items came back as were asked for."""
        return len(self.items) == self.asked

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain data."""
        return {
            "recommendation_id": self.recommendation_id,
            "user_id": self.user_id,
            "known": self.known,
            "newcomer": self.newcomer,
            "version": self.version,
            "as_of": self.as_of,
            "staleness_s": self.staleness_s,
            "asked": self.asked,
            "complete": self.complete,
            "cut": dict(self.cut),
            "diversity": self.diversity,
            "reordered": self.reordered,
            "meta": {
                "staleness_s": self.staleness_s,
                "events_waiting": self.events_waiting,
                "fold_lag_s": self.fold_lag_s,
                "moves_waiting": self.moves_waiting,
                "recounting": self.recounting,
            },
            "items": [recommendation_dict(item) for item in self.items],
        }


@dataclass(frozen=True, slots=True)
class SimilarItem:
    """An item like another one; its parts add up to its score."""

    item_id: str
    title: str | None
    score: float
    rank: int
    parts: Mapping[str, float]
    attributes: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SimilarItems:
    """Items like one item, most alike first."""

    item_id: str
    version: str | None
    items: tuple[SimilarItem, ...]

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain data."""
        return {
            "item_id": self.item_id,
            "version": self.version,
            "items": [
                {
                    "item_id": item.item_id,
                    "title": item.title,
                    "score": item.score,
                    "rank": item.rank,
                    "parts": dict(item.parts),
                    "attributes": dict(item.attributes),
                }
                for item in self.items
            ],
        }


@dataclass(frozen=True, slots=True)
class RankingStatus:
    """How the state of this process stands.

    Attributes:
        loaded: Whether there is a snapshot to answer from.
        version: The embedding version it serves.
        items: Items in it.
        items_with_vector: Those with a vector of their own.
        edges: CO_OCCURS entries.
        interests: Interests.
        staleness_s: Seconds since the last successful look at the graph; infinite before the first.
        whole_age_s: Seconds since the last one after which no item was known to be missing or gone.
        events_waiting: Events that the edges did not know of at that look.
        fold_lag_s: Seconds that the oldest of them has waited.
        as_of: Time of the newest event that the edges know, epoch ms.
        refreshes: Successful looks.
        failures: Looks that failed.
        full_loads: Times that everything was loaded.
        last_refresh_ms: How long the last look took.
        problem: What is wrong, with the remedy; none where all is well.
    """

    loaded: bool
    version: str | None
    items: int
    items_with_vector: int
    edges: int
    interests: int
    staleness_s: float
    whole_age_s: float
    as_of: EpochMs | None
    refreshes: int
    failures: int
    full_loads: int
    last_refresh_ms: float
    problem: str | None
    events_waiting: int = 0
    fold_lag_s: float = 0.0


def recommendation_dict(item: Recommendation) -> dict[str, Any]:
    """Give a recommendation as plain data."""
    return {
        "item_id": item.item_id,
        "title": item.title,
        "score": item.score,
        "rank": item.rank,
        "reason": item.reason,
        "terms": [term_dict(term) for term in item.terms],
        "attributes": dict(item.attributes),
    }


def term_dict(term: Term) -> dict[str, Any]:
    """Give a term as plain data."""
    return {"name": term.name, "value": term.value, "path": [dict(step) for step in term.path]}
