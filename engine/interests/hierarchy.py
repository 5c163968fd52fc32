"""PART_OF: interests within larger ones, where data have them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final

from engine.errors import InvalidInputError, NotFoundError
from engine.graph.records import About
from engine.graph.store import GraphStore

MAX_CHILDREN: Final = 200
_BATCH: Final = 1_000


@dataclass(frozen=True, slots=True)
class NamedInterest:
    """An interest."""

    id: str
    kind: str | None
    name: str | None


@dataclass(frozen=True, slots=True)
class InterestView:
    """An interest with its place in the graph.

    Attributes:
        interest: The interest.
        part_of: Those it is part of, nearest first.
        parts: Those that are part of it, by id, at most 200.
        items: Items that are about it.
        users: INTERESTED_IN relationships that lead to it; a user who also declared it has two.
    """

    interest: NamedInterest
    part_of: tuple[NamedInterest, ...]
    parts: tuple[NamedInterest, ...]
    items: int
    users: int


def read_interest(store: GraphStore, interest_id: str) -> InterestView:
    """Read an interest.

    Raises:
        NotFoundError: There is none of this id.
    """
    rows = store.read("interests/get", id=interest_id, limit=MAX_CHILDREN)
    if not rows:
        raise NotFoundError("There is no such interest.", field="interest_id", value=interest_id)
    row = rows[0]
    return InterestView(
        interest=NamedInterest(row["id"], row["kind"], row["name"]),
        part_of=tuple(NamedInterest(*entry) for entry in row["part_of"]),
        parts=tuple(NamedInterest(*entry) for entry in row["parts"]),
        items=row["items"],
        users=row["users"],
    )


def check_kinds(pairs: Sequence[tuple[str, str]]) -> None:
    """See that kinds are within each other without a circle.

    Args:
        pairs: Kind and the kind that it is part of.

    Raises:
        InvalidInputError: They go round in a circle.
    """
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for kind, larger in pairs:
        sorter.add(kind, larger)
    try:
        sorter.prepare()
    except CycleError as error:
        raise InvalidInputError(
            "A kind of interests cannot be part of itself.",
            field="part_of",
            value=" < ".join(error.args[1]),
            remedy="Name the smaller kind first.",
        ) from error


class Hierarchy:
    """Counts which interests stand together in items, and says which is part of which.

    Args:
        pairs: Kind and the kind that it is part of.
    """

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        check_kinds(pairs)
        self._pairs = pairs
        self._counts: Counter[tuple[str, str, str]] = Counter()

    def add(self, about: Iterable[About]) -> None:
        """Count what one item is about."""
        by_kind: dict[str, list[str]] = {}
        for entry in about:
            by_kind.setdefault(entry.kind, []).append(entry.id)
        for kind, larger in self._pairs:
            for child in by_kind.get(kind, ()):
                for parent in by_kind.get(larger, ()):
                    self._counts[child, larger, parent] += 1

    def rows(self) -> list[dict[str, Any]]:
        """Give for each interest the one of the larger kind that most of its items name, sorted by id."""
        best: dict[tuple[str, str], str] = {}
        for (child, larger, parent), _ in sorted(self._counts.items(), key=lambda entry: (-entry[1], entry[0])):
            best.setdefault((child, larger), parent)
        return [{"id": child, "kind": larger, "parent": parent} for (child, larger), parent in sorted(best.items())]

    def divided(self) -> int:
        """Count the interests whose items name more than one of the larger kind."""
        found = Counter((child, larger) for child, larger, _ in self._counts)
        return sum(1 for number in found.values() if number > 1)


def set_part_of(store: GraphStore, rows: Sequence[Mapping[str, Any]]) -> int:
    """Set what interests are part of; of each larger kind one has at most one.

    Args:
        store: The graph.
        rows: As `Hierarchy.rows` gives them; interests that are not there are left out.

    Returns:
        Relationships set.
    """
    written = 0
    for start in range(0, len(rows), _BATCH):
        [found] = store.write("interests/set_part_of", rows=[dict(row) for row in rows[start : start + _BATCH]])
        written += found["written"]
    return written
