"""What the server answers, as typed values; members that a later server adds are kept in `answer` or left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, TypeVar

_FINAL_STATES: Final = frozenset({"succeeded", "failed", "cancelled"})
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of sent events.

    Attributes:
        accepted: Events that are new in the graph.
        duplicates: Events that were there already.
        freshness: Token to ask with for an answer that knows of them.
        ids: The events' ids, in order.
    """

    accepted: int
    duplicates: int
    freshness: str
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Term:
    """A named part of a score, and where in the graph it comes from."""

    name: str
    value: float
    path: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class RecommendedItem:
    """A recommended or similar item.

    Attributes:
        item_id: The item.
        rank: Its place, 1 for the best.
        score: The sum of its terms, or of its parts.
        title: Its title.
        terms: Of a recommended item, what its score is made of.
        reason: Of a recommended item, the strongest reason as a sentence.
        parts: Of a similar item, what its score is made of.
        attributes: Its attributes.
    """

    item_id: str
    rank: int
    score: float
    title: str | None = None
    terms: tuple[Term, ...] = ()
    reason: str | None = None
    parts: Mapping[str, float] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recommendations:
    """An answer.

    Attributes:
        items: Best first.
        recommendation_id: To send back with the events that follow from it.
        newcomer: Whether nothing is known of the user.
        version: Embedding version it was computed from; none without a model.
        complete: Whether as many items came back as were asked for.
        cut: How many items each filter took out.
        answer: The whole answer.
    """

    items: tuple[RecommendedItem, ...]
    recommendation_id: str | None
    newcomer: bool
    version: str | None
    complete: bool
    cut: Mapping[str, int]
    answer: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Interest:
    """An interest of a user; the shares of all of them sum to 1."""

    id: str
    kind: str
    name: str
    share: float
    behaviour: float | None = None
    declared: float | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A job of the workers."""

    id: str
    kind: str
    state: str
    done: int | None = None
    total: int | None = None
    message: str | None = None
    version: str | None = None
    answer: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_final(self) -> bool:
        """Tell whether it has ended."""
        return self.state in _FINAL_STATES


def pick(cls: type[T], answer: Mapping[str, Any], /, **more: Any) -> T:
    """Make a value of the members that it knows."""
    known = {entry.name for entry in fields(cls)}  # type: ignore[arg-type]
    return cls(**{name: value for name, value in answer.items() if name in known and name not in more}, **more)


def ranked(answer: Mapping[str, Any]) -> RecommendedItem:
    """Make a recommended or similar item of an answer."""
    terms = tuple(pick(Term, term, path=tuple(term.get("path", ()))) for term in answer.get("terms", ()))
    return pick(RecommendedItem, answer, terms=terms)
