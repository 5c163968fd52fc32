"""From the graph to a snapshot: everything at once, or what changed."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final

import numpy as np

from engine.domain import EpochMs, now_ms
from engine.graph.attributes import RESERVED_NAMES
from engine.graph.store import GraphStore
from engine.interests.decay import days_ms, value_at
from engine.ranking.demographics import Demographics, Group, Value
from engine.ranking.rows import Row, Rows
from engine.ranking.state import About, Catalogue, Float64, Interests, Snapshot
from engine.settings import Settings

_FETCH_ROWS: Final = 500
_CHUNK_IDS: Final = 1_000
_LONGEST_TEXT: Final = 200
_OWN: Final = sorted(RESERVED_NAMES)


@dataclass(frozen=True, slots=True)
class ItemRow:
    """One item as it is loaded.

    Attributes:
        id: Its id.
        title: Its title.
        available: Whether it may be recommended.
        updated_at: Time of its last change of content, epoch ms; 0 where it has none.
        popularity: Popularity as it stands.
        popularity_at: The time at which it stands, or none.
        attributes: Short attributes.
        about: Interest ids and weights.
    """

    id: str
    title: str | None
    available: bool
    updated_at: EpochMs
    popularity: float
    popularity_at: EpochMs | None
    attributes: Mapping[str, Any]
    about: Sequence[tuple[str, float]]


@dataclass(frozen=True, slots=True)
class EdgeRow:
    """One CO_OCCURS row as it is loaded, with the stamp of its latest change where that was read too."""

    id: str
    targets: Sequence[str]
    weights: Sequence[float]
    times: Sequence[EpochMs]
    stamp: int = 0


def load_snapshot(store: GraphStore, settings: Settings, *, as_of: EpochMs | None, folded_at: int) -> Snapshot:
    """Load everything but the vectors.

    Args:
        store: The graph.
        settings: Half-lives.
        as_of: Time of the newest event in the edges.
        folded_at: Stamp of the latest fold, read before.
    """
    items = list(read_items(store))
    # After the items, so that every interest that an item is about is there.
    interests = read_interest_names(store)
    index = {item.id: place for place, item in enumerate(items)}
    half_life_ms = days_ms(settings.co_occurrence.half_life_days)
    reference = as_of
    if reference is None:
        # Without a fold there may still be edges: a recount writes rows before it is done. Where nothing is counted
        # at all, what is counted next is likely to be of now: seen from 1970 it would be without measure.
        times = [item.popularity_at for item in items if item.popularity_at is not None]
        reference = max(times, default=now_ms())
    rows = {}
    for row in read_rows(store):
        place = index.get(row.id)
        if place is not None:
            rows[place] = edge_row(row, index, reference, half_life_ms)
    return Snapshot(
        serial=0,
        catalogue=catalogue_of(items, interests),
        interests=interests,
        edges=Rows.of(rows, len(items)),
        mass=masses(items, reference, days_ms(settings.ranking.popularity_half_life_days)),
        reference_at=reference,
        edges_half_life_ms=half_life_ms,
        mass_half_life_ms=days_ms(settings.ranking.popularity_half_life_days),
        as_of=as_of,
        folded_at=folded_at,
    )


def with_items(snapshot: Snapshot, items: Sequence[ItemRow], gone: Iterable[str]) -> Snapshot:
    """Give a snapshot in which items are new, changed or deleted; new ones stand at the end."""
    old = snapshot.catalogue
    ids, titles, attributes = list(old.ids), list(old.titles), list(old.attributes)
    index = dict(old.index)
    about = old.about.rows()
    fresh = [item for item in items if item.id not in index]
    size = len(ids) + len(fresh)
    available, alive = _grown(old.available, size), _grown(old.alive, size)
    updated_at, mass = _grown(old.updated_at, size), _grown(snapshot.mass, size)
    for item in fresh:
        index[item.id] = len(ids)
        ids.append(item.id)
        titles.append(None)
        attributes.append({})
        about.append([])
    for item in items:
        place = index[item.id]
        titles[place], attributes[place] = item.title, item.attributes
        available[place], alive[place], updated_at[place] = item.available, True, item.updated_at
        about[place] = _about_row(item, snapshot.interests)
        mass[place] = _mass(item.popularity, item.popularity_at, snapshot.reference_at, snapshot.mass_half_life_ms)
    for name in gone:
        place = index.pop(name)
        alive[place] = available[place] = False
        titles[place], attributes[place], about[place] = None, {}, []
        mass[place] = 0.0
    catalogue = Catalogue(ids, index, titles, attributes, available, alive, updated_at, About.of(about))
    return replace(snapshot, catalogue=catalogue, mass=mass)


def catalogue_of(items: Sequence[ItemRow], interests: Interests) -> Catalogue:
    """Make a catalogue of items in their order."""
    return Catalogue(
        ids=[item.id for item in items],
        index={item.id: place for place, item in enumerate(items)},
        titles=[item.title for item in items],
        attributes=[item.attributes for item in items],
        available=np.array([item.available for item in items], bool),
        alive=np.ones(len(items), bool),
        updated_at=np.array([item.updated_at for item in items], np.int64),
        about=About.of([_about_row(item, interests) for item in items]),
    )


def masses(items: Sequence[ItemRow], reference_at: EpochMs, half_life_ms: float) -> Float64:
    """Give the popularity of items as of one time [I]."""
    return np.array([_mass(item.popularity, item.popularity_at, reference_at, half_life_ms) for item in items], float)


def edge_row(row: EdgeRow, index: Mapping[str, int], reference_at: EpochMs, half_life_ms: float) -> Row:
    """Give a row by index, its weights as of one time; targets that are not known are left out."""
    places = np.array([index.get(target, -1) for target in row.targets], np.int32)
    weights = value_at(
        np.array(row.weights, np.float64), np.array(row.times, np.int64), reference_at, half_life_ms
    ).astype(np.float32)
    kept = (places >= 0) & (weights > 0)
    return places[kept], weights[kept]


def read_items(store: GraphStore, ids: Sequence[str] | None = None) -> Iterator[ItemRow]:
    """Read items: all, or some of them; those that are not there are left out."""
    pool: dict[Any, Any] = {}
    if ids is None:
        for row in store.stream("ranking/items", fetch_size=_FETCH_ROWS, own=_OWN):
            yield _item_row(row, pool)
        return
    remaining = iter(ids)
    while chunk := list(islice(remaining, _CHUNK_IDS)):
        for row in store.read("ranking/some_items", ids=chunk, own=_OWN):
            yield _item_row(row, pool)


def read_rows(store: GraphStore) -> Iterator[EdgeRow]:
    """Read all CO_OCCURS rows."""
    for row in store.stream("ranking/rows", fetch_size=_FETCH_ROWS):
        yield EdgeRow(**row)


def with_inferred(store: GraphStore, snapshot: Snapshot, inferred_at: int) -> Snapshot:
    """Give a snapshot with the inferred edges as they are now; edges between unknown items are left out.

    Args:
        store: The graph.
        snapshot: The snapshot.
        inferred_at: Stamp of the latest inference, read before.
    """
    index = snapshot.catalogue.index
    weights: dict[int, Row] = {}
    certainties: dict[int, Row] = {}
    for row in store.stream("ranking/inferred", fetch_size=_FETCH_ROWS):
        place = index.get(row["id"])
        if place is None:
            continue
        targets = np.array([index.get(target, -1) for target in row["targets"]], np.int32)
        # Root-scaled weights fade with the root of what counted ones fade with.
        now = value_at(
            np.array(row["weights"], np.float64),
            np.array(row["times"], np.int64),
            snapshot.reference_at,
            2 * snapshot.edges_half_life_ms,
        ).astype(np.float32)
        kept = (targets >= 0) & (now > 0)
        weights[place] = targets[kept], now[kept]
        certainties[place] = targets[kept], np.array(row["certainties"], np.float32)[kept]
    size = len(snapshot.catalogue)
    return replace(
        snapshot, inferred=Rows.of(weights, size), certainty=Rows.of(certainties, size), inferred_at=inferred_at
    )


def with_resembling(store: GraphStore, snapshot: Snapshot, resembling_at: int) -> Snapshot:
    """Give a snapshot with the items that resemble each other as they are now: only rows written since are read.

    Unknown items are left out.

    Args:
        store: The graph.
        snapshot: The snapshot.
        resembling_at: Stamp of the latest write of these edges, read before.
    """
    index = snapshot.catalogue.index
    rows: dict[int, Row] = {}
    for row in store.stream("ranking/resembling", fetch_size=_FETCH_ROWS, stamp=snapshot.resembling_at):
        place = index.get(row["id"])
        if place is None:
            continue
        targets = np.array([index.get(target, -1) for target in row["targets"]], np.int32)
        similarities = np.array(row["similarities"], np.float32)
        kept = (targets >= 0) & (similarities > 0)
        rows[place] = targets[kept], similarities[kept]
    return replace(snapshot, resembling=snapshot.resembling.with_rows(rows), resembling_at=resembling_at)


def with_demographics(store: GraphStore, snapshot: Snapshot, names: Sequence[str], demographics_at: int) -> Snapshot:
    """Give a snapshot with the groups of users as they were counted last; unknown items are left out.

    Args:
        store: The graph.
        snapshot: The snapshot.
        names: Attributes that may be used.
        demographics_at: Stamp of the count, read before.
    """
    index = snapshot.catalogue.index
    groups = []
    for row in store.read("ranking/demographics") if names else []:
        if row["attribute"] not in names:
            continue
        value = Value(row["attribute"], row["label"], row["users"], row["low"], row["high"])
        places = np.array([index.get(item, -1) for item in row["items"]], np.int64)
        lifts = np.array(row["lifts"], np.float64)
        groups.append(Group(value, places[places >= 0], lifts[places >= 0], float(row["rest"])))
    return replace(snapshot, demographics=Demographics.of(groups), demographics_at=demographics_at)


def read_interest_names(store: GraphStore) -> Interests:
    """Read every interest."""
    rows = store.stream("ranking/interests", fetch_size=_FETCH_ROWS)
    return Interests.of([(row["id"], row["kind"], row["name"]) for row in rows])


def merged_interests(old: Interests, new: Interests) -> Interests:
    """Give the interests of both; those known keep their place, with the kind and name of the new."""
    rows = {name: (name, kind, title) for name, kind, title in zip(old.ids, old.kinds, old.names, strict=True)}
    rows.update((name, (name, kind, title)) for name, kind, title in zip(new.ids, new.kinds, new.names, strict=True))
    return Interests.of(list(rows.values()))


def _item_row(row: Mapping[str, Any], pool: dict[Any, Any]) -> ItemRow:
    return ItemRow(
        id=row["id"],
        title=row["title"],
        available=row["available"],
        updated_at=row["updated_at"] or 0,
        popularity=row["popularity"] or 0.0,
        popularity_at=row["popularity_at"],
        attributes=_short(row["attributes"], pool),
        about=list(zip(row["about"], row["about_weights"], strict=True)),
    )


def _short(attributes: Iterable[tuple[str, Any]], pool: dict[Any, Any]) -> dict[str, Any]:
    """Keep the attributes that are worth their memory in every process; equal texts are stored once."""
    kept: dict[str, Any] = {}
    for name, value in sorted(attributes):
        if isinstance(value, str):
            if len(value) > _LONGEST_TEXT:
                continue
            value = pool.setdefault(value, value)
        elif isinstance(value, list):
            if len(value) > _LONGEST_TEXT // 10 or any(isinstance(v, str) and len(v) > _LONGEST_TEXT for v in value):
                continue
            value = tuple(pool.setdefault(v, v) if isinstance(v, str) else v for v in value)
        kept[sys.intern(name)] = value
    return kept


def _about_row(item: ItemRow, interests: Interests) -> list[tuple[int, float]]:
    return sorted((interests.index[name], weight) for name, weight in item.about if name in interests.index)


def _mass(weight: float, at: EpochMs | None, reference_at: EpochMs, half_life_ms: float) -> float:
    return 0.0 if at is None else value_at(weight, at, reference_at, half_life_ms)


def _grown(values: Any, size: int) -> Any:
    grown = np.zeros(size, values.dtype)
    grown[: len(values)] = values
    return grown
