"""PART_OF: interests within larger ones, where data have them.

Events move what an item is about in the narrow: an interest that another of the item's interests is part of is marked
as `wider` on ABOUT and gets nothing itself. It is worth what its parts are worth, each times what PART_OF weighs:

    value_y = own_y + Σ_x value_x · Π PART_OF.weight on the way from x to y

With the weight of PART_OF being what items give the larger for each 1 that they give the part, it is the same number
that moving it by every event would make, as long as no part is below zero.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final

from engine.domain import InterestSource
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
        users: INTERESTED_IN relationships that lead to it or its parts; a user who also declared it has two.
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

    Attributes:
        pairs: Kind and the kind that it is part of.
    """

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        check_kinds(pairs)
        self.pairs = pairs
        self._counts: Counter[tuple[str, str, str]] = Counter()
        self._ratios: defaultdict[tuple[str, str, str], float] = defaultdict(float)

    def add(self, about: Iterable[About]) -> None:
        """Count what one item is about."""
        by_kind: dict[str, list[About]] = {}
        for entry in about:
            by_kind.setdefault(entry.kind, []).append(entry)
        for kind, larger in self.pairs:
            children = by_kind.get(kind, ())
            given = sum(child.weight for child in children)
            for child in children:
                for parent in by_kind.get(larger, ()):
                    self._counts[child.id, larger, parent.id] += 1
                    self._ratios[child.id, larger, parent.id] += parent.weight / given

    def rows(self) -> list[dict[str, Any]]:
        """Give for each interest the one of the larger kind that most of its items name, sorted by id.

        Its weight is what these items give the larger for each 1 that they give the interests of the part's kind.
        """
        best: dict[tuple[str, str], str] = {}
        for (child, larger, parent), _ in sorted(self._counts.items(), key=lambda entry: (-entry[1], entry[0])):
            best.setdefault((child, larger), parent)
        return [
            {"id": child, "kind": larger, "parent": parent, "weight": self._ratio(child, larger, parent)}
            for (child, larger), parent in sorted(best.items())
        ]

    def _ratio(self, child: str, larger: str, parent: str) -> float:
        key = (child, larger, parent)
        return self._ratios[key] / self._counts[key]

    def divided(self) -> int:
        """Count the interests whose items name more than one of the larger kind."""
        found = Counter((child, larger) for child, larger, _ in self._counts)
        return sum(1 for number in found.values() if number > 1)


@dataclass(frozen=True, slots=True)
class Placed:
    """What was set.

    Attributes:
        written: PART_OF relationships.
        items: Items of which other interests are moved by events from now on.
        behind: Those of them that users have dealt with.
    """

    written: int = 0
    items: int = 0
    behind: int = 0


def set_part_of(store: GraphStore, rows: Sequence[Mapping[str, Any]], *, pairs: Sequence[tuple[str, str]]) -> Placed:
    """Set what interests are part of, and mark on their items which are the wider ones.

    Of each larger kind an interest is part of one at most. Where an earlier import said the other way round, the newer
    one holds: nothing is part of itself.

    Args:
        store: The graph.
        rows: As `Hierarchy.rows` gives them; interests that are not there are left out.
        pairs: Kind and the kind that it is part of, of all rows.
    """
    written = 0
    touched = {row["id"] for row in rows}
    for start in range(0, len(rows), _BATCH):
        batch = [dict(row) for row in rows[start : start + _BATCH]]
        [found] = store.write("interests/set_part_of", rows=batch, pairs=[list(pair) for pair in pairs])
        written += found["written"]
        touched.update(found["freed"])
    items = behind = 0
    # All of them, also those that were part of the same before: whoever set that may have died before this.
    for interest in sorted(touched):
        for ids in _pages(store, interest):
            marked = mark_wider(store, ids)
            items += marked.items
            behind += marked.behind
    return Placed(written, items, behind)


def mark_wider(store: GraphStore, ids: Sequence[str]) -> Placed:
    """Mark which interests of items are wider than another of the same item.

    Args:
        store: The graph.
        ids: Items.
    """
    [row] = store.write("interests/mark_wider", ids=sorted(ids))
    return Placed(items=row["changed"], behind=row["behind"])


def _pages(store: GraphStore, interest: str) -> Iterator[list[str]]:
    after = ""
    while ids := [row["id"] for row in store.read("interests/items_of", id=interest, after=after, limit=_BATCH)]:
        yield ids
        after = ids[-1]


def with_wider(rows: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Give rows of interests, and for each that behaviour made what it is worth to the wider ones.

    Args:
        rows: With `id`, `kind`, `name`, `source`, `value`, and `wider` as `interests/of_user` gives it.
    """
    for row in rows:
        yield dict(row)
        if row["source"] == InterestSource.BEHAVIOUR:
            for name, kind, title, weight in row["wider"]:
                yield {**row, "id": name, "kind": kind, "name": title, "value": max(0.0, row["value"]) * weight}
