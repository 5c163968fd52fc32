"""What the server answers, as typed values; members that a later server adds are kept in `answer` or left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, TypeVar

from interestgraph.client.errors import problem_error

_FINAL_STATES: Final = frozenset({"succeeded", "failed", "cancelled"})
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class EventOutcome:
    """What became of one event.

    Attributes:
        id: Its id; none where the server could not read it.
        outcome: accepted, duplicate, refused, or queued.
        problem: Why it was refused: status, code, detail, field, value, remedy.
    """

    id: str | None
    outcome: str
    problem: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of sent events.

    Attributes:
        accepted: Events that are new in the graph.
        duplicates: Events that were there already.
        freshness: Token to ask with for an answer that knows of them; none for events that went into the stream.
        ids: The events' ids, in order.
        refused: Events that cannot be accepted.
        queued: Events that went into the stream.
        outcomes: One for each event, in order.
    """

    accepted: int
    duplicates: int
    freshness: str | None
    ids: tuple[str | None, ...]
    refused: int = 0
    queued: int = 0
    outcomes: tuple[EventOutcome, ...] = ()

    def raise_refused(self) -> Sent:
        """Give it back when nothing was refused.

        Raises:
            ProblemError: Why the first refused event was refused; the others are in the graph.
        """
        for outcome in self.outcomes:
            if outcome.problem is not None:
                raise problem_error(outcome.problem)
        return self


@dataclass(frozen=True, slots=True)
class SentLines:
    """What became of a long row of events.

    Attributes:
        lines: Events sent.
        accepted: Events that are new in the graph.
        duplicates: Events that were there already.
        refused: Events that cannot be accepted.
        queued: Events that went into the stream.
        freshness: Token to ask with for an answer that knows of them.
        refusals: The first thousand refused ones: number of the event, from 1, and why.
    """

    lines: int = 0
    accepted: int = 0
    duplicates: int = 0
    refused: int = 0
    queued: int = 0
    freshness: str | None = None
    refusals: tuple[tuple[int, Mapping[str, Any]], ...] = ()


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
