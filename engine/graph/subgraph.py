"""Bounded, weighted pieces of the graph, as the columns that workers compute on.

Read hop by hop, the strongest relationships of each node only: a node with a million neighbours costs what its limit
says, and no pattern is open. Weights are read as of the latest fold, so that they compare.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from engine.domain import MS_PER_DAY, EpochMs, now_ms
from engine.errors import InvalidInputError
from engine.graph.attributes import AttributeValue
from engine.graph.names import EMBEDDABLE_LABELS, INTEREST, ITEM, USER
from engine.graph.records import StoredItem, stored_item
from engine.graph.store import GraphStore
from engine.settings import Settings

MAX_HOPS: Final = 2
_CHUNK_IDS: Final = 500
_REPORT_ROWS: Final = 1_000

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class PullLimits:
    """Strongest relationships read of one node.

    Attributes:
        co_occurs: From an item to items that follow it.
        about: From an item to its interests.
        interacted: From a user to items.
        interested_in: From a user to interests.
        items_of_interest: From an interest to items.
    """

    co_occurs: int = 10
    about: int = 20
    interacted: int = 50
    interested_in: int = 50
    items_of_interest: int = 50

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if not 1 <= value <= 1_000:
                raise InvalidInputError("A limit is 1 to 1,000.", field=f"limits.{name}", value=value)


@dataclass(frozen=True, slots=True)
class Edges:
    """Relationships of one type between places in lists of ids.

    Attributes:
        index: Places of sources and targets, int64 [2, E]; by source, strongest first.
        weight: float32 [E].
    """

    index: npt.NDArray[np.int64]
    weight: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.weight)


@dataclass(frozen=True, slots=True)
class Subgraph:
    """A piece of the graph.

    Attributes:
        user_ids: Users; the seeds where users were asked for, else none.
        item_ids: Items, seeds first.
        interest_ids: Interests, seeds first.
        item_hops: Steps from the nearest seed, int8 [items].
        co_occurs: Item to item.
        about: Item to interest; weights of an item sum to at most 1.
        interacted: User to item.
        interested_in: User to interest.
        as_of: Time at which the weights stand, epoch ms.
        pulled_at: When it was read, epoch ms.
        titles: Titles of the items, where texts were asked for.
        attributes: Attributes of the items, where texts were asked for.
    """

    user_ids: list[str]
    item_ids: list[str]
    interest_ids: list[str]
    item_hops: npt.NDArray[np.int8]
    co_occurs: Edges
    about: Edges
    interacted: Edges
    interested_in: Edges
    as_of: EpochMs
    pulled_at: EpochMs
    titles: list[str | None] | None = None
    attributes: list[Mapping[str, AttributeValue | None]] | None = None


def pull(
    store: GraphStore,
    settings: Settings,
    label: str,
    ids: Sequence[str],
    *,
    hops: int = 1,
    limits: PullLimits | None = None,
    texts: bool = False,
    as_of: EpochMs | None = None,
) -> Subgraph:
    """Read what surrounds nodes.

    Args:
        store: The graph.
        settings: Half-lives.
        label: `Item`, `User` or `Interest`.
        ids: The seeds; those that are not there are left out, the others keep their order.
        hops: Steps of CO_OCCURS that are read from items, 0 to 2. The step from users or interests to their items
            is one of them. Interests of every item come with it.
        limits: Strongest relationships of one node.
        texts: Whether titles and attributes of items are read.
        as_of: Time at which weights stand, epoch ms; that of the latest fold where none is given.

    Raises:
        InvalidInputError: Label or hops are not known.
    """
    if label not in EMBEDDABLE_LABELS:
        known = ", ".join(sorted(EMBEDDABLE_LABELS))
        raise InvalidInputError("There are no seeds of this label.", field="label", value=label, remedy=f"Use {known}.")
    if not 0 <= hops <= MAX_HOPS:
        raise InvalidInputError("Too many steps.", field="hops", value=hops, remedy=f"Use 0 to {MAX_HOPS}.")
    puller = _Puller(store, settings, limits or PullLimits(), _as_of(store, as_of))
    seeds = [row["id"] for row in puller.chunks("subgraph/known", dict.fromkeys(ids), identifiers={"label": label})]
    frontier: list[str] = []
    if label == ITEM:
        frontier = puller.items.add(seeds, hop=0)
    elif label == USER:
        puller.users.add(seeds, hop=0)
        if hops:
            frontier = puller.expand_users(seeds)
    else:
        puller.interests.add(seeds, hop=0)
        if hops:
            frontier = puller.expand_interests(seeds)
    steps = hops if label == ITEM else hops - 1
    first = 1 if label == ITEM else 2
    for step in range(steps):
        frontier = puller.expand_items(frontier, hop=first + step)
    puller.read_about()
    return puller.finish(texts=texts)


def pull_pages(
    store: GraphStore,
    settings: Settings,
    label: str,
    *,
    after: str | None = None,
    page_size: int = 2_000,
    hops: int = 1,
    limits: PullLimits | None = None,
    texts: bool = False,
    as_of: EpochMs | None = None,
) -> Iterator[tuple[str, Subgraph]]:
    """Read the surroundings of every node of a label, page by page in the order of ids.

    Args:
        store: The graph.
        settings: Half-lives.
        label: `Item`, `User` or `Interest`.
        after: Last id of the page before; a job goes on from there.
        page_size: Seeds of one page.
        hops: As with `pull`.
        limits: As with `pull`.
        texts: As with `pull`.
        as_of: As with `pull`; the same for all pages.

    Yields:
        The last seed of a page, and its subgraph.
    """
    moment = _as_of(store, as_of)
    last = after or ""
    while True:
        rows = store.read("subgraph/page", identifiers={"label": label}, after=last, limit=page_size)
        if not rows:
            return
        seeds = [row["id"] for row in rows]
        last = seeds[-1]
        yield last, pull(store, settings, label, seeds, hops=hops, limits=limits, texts=texts, as_of=moment)


def pull_all(
    store: GraphStore,
    settings: Settings,
    *,
    limits: PullLimits | None = None,
    texts: bool = False,
    as_of: EpochMs | None = None,
    progress: Progress | None = None,
) -> Subgraph:
    """Read every item and interest with the strongest relationships, streamed; ids are sorted.

    Args:
        store: The graph.
        settings: Half-lives.
        limits: Strongest relationships of one node.
        texts: Whether titles and attributes of items are read.
        as_of: Time at which weights stand, epoch ms; that of the latest fold where none is given.
        progress: Told how many items are read.
    """
    puller = _Puller(store, settings, limits or PullLimits(), _as_of(store, as_of))
    for label, nodes in ((ITEM, puller.items), (INTEREST, puller.interests)):
        rows = store.stream("subgraph/all_ids", identifiers={"label": label}, fetch_size=10_000)
        nodes.add(sorted(row["id"] for row in rows), hop=0)
    parameters: dict[str, Any] = {
        "as_of": puller.as_of,
        "half_life_ms": puller.co_occurs_half_life_ms,
        "co_occurs": puller.limits.co_occurs,
        "about": puller.limits.about,
    }
    for number, row in enumerate(store.stream("subgraph/all_items", fetch_size=_CHUNK_IDS, **parameters), start=1):
        puller.co_occurs.add(row["id"], row["co_occurs"], row["co_occurs_weights"])
        puller.about.add(row["id"], row["about"], row["about_weights"])
        if progress is not None and number % _REPORT_ROWS == 0:
            progress(number)
    if progress is not None:
        progress(len(puller.items.ids))
    return puller.finish(texts=texts)


@dataclass(slots=True)
class _Nodes:
    """Ids in the order in which they were found, and how far from a seed."""

    place: dict[str, int] = field(default_factory=dict)
    hops: list[int] = field(default_factory=list)

    @property
    def ids(self) -> list[str]:
        return list(self.place)

    def add(self, ids: Iterable[str], *, hop: int) -> list[str]:
        """Add nodes and give those that are new."""
        new = [name for name in dict.fromkeys(ids) if name not in self.place]
        for name in new:
            self.place[name] = len(self.place)
            self.hops.append(hop)
        return new


@dataclass(slots=True)
class _Rows:
    """Relationships by source, as they were read."""

    rows: dict[str, tuple[list[str], list[float]]] = field(default_factory=dict)

    def add(self, source: str, targets: list[str], weights: list[float]) -> None:
        self.rows[source] = (targets, weights)

    def edges(self, sources: _Nodes, targets: _Nodes) -> Edges:
        """Give them between places; those that reach outside are left out."""
        columns: list[tuple[int, int, float]] = []
        for source in sorted(self.rows.keys() & sources.place.keys(), key=sources.place.__getitem__):
            start = sources.place[source]
            columns.extend(
                (start, targets.place[target], weight)
                for target, weight in zip(*self.rows[source], strict=True)
                if target in targets.place
            )
        index = np.array([(source, target) for source, target, _ in columns], dtype=np.int64).reshape(-1, 2).T
        return Edges(np.ascontiguousarray(index), np.array([weight for _, _, weight in columns], dtype=np.float32))


class _Puller:
    """One pull under way."""

    def __init__(self, store: GraphStore, settings: Settings, limits: PullLimits, as_of: EpochMs) -> None:
        self.store, self.limits, self.as_of = store, limits, as_of
        self.pulled_at = now_ms()
        # Floats: Cypher divides whole numbers without a rest.
        self.co_occurs_half_life_ms = float(settings.co_occurrence.half_life_days) * MS_PER_DAY
        self.interests_half_life_ms = float(settings.interests.half_life_days) * MS_PER_DAY
        self.half_lives_ms = {
            name: float(entry.half_life_days) * MS_PER_DAY for name, entry in settings.events.types.items()
        }
        self.users, self.items, self.interests = _Nodes(), _Nodes(), _Nodes()
        self.co_occurs, self.about, self.interacted, self.interested_in = _Rows(), _Rows(), _Rows(), _Rows()

    def chunks(self, name: str, ids: Iterable[str], **parameters: Any) -> Iterator[dict[str, Any]]:
        """Run a statement over ids, a bounded number at a time."""
        wanted = list(ids)
        for start in range(0, len(wanted), _CHUNK_IDS):
            yield from self.store.read(name, ids=wanted[start : start + _CHUNK_IDS], **parameters)

    def expand_items(self, ids: Sequence[str], *, hop: int) -> list[str]:
        """Read the strongest rows of items and give the items that are new."""
        rows = self.chunks(
            "subgraph/co_occurs",
            ids,
            as_of=self.as_of,
            half_life_ms=self.co_occurs_half_life_ms,
            limit=self.limits.co_occurs,
        )
        return self.items.add(self._take(rows, self.co_occurs), hop=hop)

    def expand_users(self, ids: Sequence[str]) -> list[str]:
        """Read items and interests of users and give the items that are new."""
        interests = self.chunks(
            "subgraph/interested_in",
            ids,
            as_of=self.as_of,
            half_life_ms=self.interests_half_life_ms,
            limit=self.limits.interested_in,
        )
        self.interests.add(self._take(interests, self.interested_in), hop=1)
        items = self.chunks(
            "subgraph/interacted",
            ids,
            as_of=self.as_of,
            half_lives_ms=self.half_lives_ms,
            half_life_ms=self.interests_half_life_ms,
            limit=self.limits.interacted,
        )
        return self.items.add(self._take(items, self.interacted), hop=1)

    def expand_interests(self, ids: Sequence[str]) -> list[str]:
        """Read the items that are most about interests and give those that are new."""
        rows = self.chunks("subgraph/items_of_interests", ids, limit=self.limits.items_of_interest)
        return self.items.add((target for row in rows for target in row["targets"]), hop=1)

    def read_about(self) -> None:
        """Read the interests of every item found."""
        rows = self.chunks("subgraph/about", self.items.ids, limit=self.limits.about)
        self.interests.add(self._take(rows, self.about), hop=1)

    def finish(self, *, texts: bool) -> Subgraph:
        """Make columns of what was read."""
        found: dict[str, StoredItem] = {}
        if texts:
            found = {item.id: item for item in map(stored_item, self.chunks("items/get", self.items.ids))}
        listed = [found.get(name) for name in self.items.ids] if texts else []
        return Subgraph(
            user_ids=self.users.ids,
            item_ids=self.items.ids,
            interest_ids=self.interests.ids,
            item_hops=np.array(self.items.hops, dtype=np.int8),
            co_occurs=self.co_occurs.edges(self.items, self.items),
            about=self.about.edges(self.items, self.interests),
            interacted=self.interacted.edges(self.users, self.items),
            interested_in=self.interested_in.edges(self.users, self.interests),
            as_of=self.as_of,
            pulled_at=self.pulled_at,
            titles=[item.title if item else None for item in listed] if texts else None,
            attributes=[item.attributes if item else {} for item in listed] if texts else None,
        )

    @staticmethod
    def _take(rows: Iterable[dict[str, Any]], into: _Rows) -> list[str]:
        found: list[str] = []
        for row in rows:
            into.add(row["source"], row["targets"], row["weights"])
            found.extend(row["targets"])
        return found


def _as_of(store: GraphStore, given: EpochMs | None) -> EpochMs:
    if given is not None:
        return given
    found = store.read("subgraph/as_of")[0]["as_of"]
    return now_ms() if found is None else int(found)
