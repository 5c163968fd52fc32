"""Groups of users with the same attributes, counted out of the graph and written back, bounded.

Every user with one of the attributes is read once, page after page, with the latest items only. What is written is the
`Demographic` nodes of one run; readers see those of the last run that came to its end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from scipy import sparse

from engine.domain import MS_PER_SECOND, EpochMs, now_ms
from engine.errors import FencedError
from engine.graph.attributes import check_attribute_name
from engine.graph.store import GraphStore
from engine.interests.decay import days_ms
from engine.interests.signals import sequence_types
from engine.jobs.run import JobRun
from engine.ranking.demographics import Float64, Group, Int64, Value, Values, group_of, values_of
from engine.settings import Settings

Progress = Callable[[int, int], None]

_PAGE_USERS: Final = 500
_MOST_ITEMS: Final = 500
"""Latest items that are read of one user."""
_HALF_LIVES: Final = 10
"""What lies further back counts less than a thousandth, and nothing."""
_WRITE_GROUPS: Final = 20


def demographics_due(store: GraphStore, settings: Settings, *, now: EpochMs | None = None) -> bool:
    """Tell whether groups are to be counted: the attributes are others, or time has passed and users did something."""
    names = list(settings.ranking.demographics)
    [row] = store.read("demographics/state")
    counted = list(row["names"] or [])
    if not names:
        return bool(counted)
    since = 0
    if counted == names:
        age_ms = (now_ms() if now is None else now) - row["began_at"]
        if age_ms < settings.ranking.demographics_interval_s * MS_PER_SECOND:
            return False
        since = row["began_at"]
    [changed] = store.read("demographics/changed", names=names, since=since)
    return bool(changed["changed"])


def run_count_demographics(run: JobRun, settings: Settings) -> Mapping[str, Any]:
    """Count groups, as a job; begun anew it counts again."""

    def progress(done: int, total: int) -> None:
        run.report(done, total, "counts what groups of users take")
        run.check()

    return count_demographics(run.store, settings, run=f"{run.job.id}:{run.fence}", progress=progress)


def count_demographics(
    store: GraphStore,
    settings: Settings,
    *,
    run: str,
    at: EpochMs | None = None,
    progress: Progress | None = None,
) -> dict[str, int]:
    """Count what users with the same attributes take, and write it.

    Args:
        store: The graph.
        settings: Attributes, half-life, least numbers.
        run: Name of this count; a later one fences it off.
        at: Time at which takings stand; now where none is given.
        progress: Told how many users are counted, and of how many.

    Returns:
        attributes, users (with one of them), groups.

    Raises:
        InvalidInputError: An attribute of the settings has a name that none can have.
        FencedError: Another count has begun.
    """
    options = settings.ranking
    moment = now_ms() if at is None else at
    names = [check_attribute_name(name, field="INTERESTGRAPH_RANKING__DEMOGRAPHICS") for name in options.demographics]
    store.write("demographics/begin", run=run, at=moment, names=names)
    users = 0
    groups: list[Group] = []
    ids: list[str] = []
    if names:
        values: list[Value] = []
        for name in names:
            counts = [(row["value"], row["users"]) for row in store.stream("demographics/values", name=name)]
            values += values_of(name, counts, min_users=options.demographics_min_users)
        rows = store.stream("subgraph/all_ids", identifiers={"label": "Item"}, fetch_size=10_000)
        ids = sorted(row["id"] for row in rows)
        counter = GroupCounter(Values(values), len(ids))
        users = _count(store, settings, counter, ids, names, moment, progress)
        groups = counter.groups(
            min_users=options.demographics_min_users,
            pseudo_events=options.demographics_pseudo_events,
            keep=options.demographics_items,
        )
    for start in range(0, len(groups), _WRITE_GROUPS):
        rows_of_groups = [_row(group, ids) for group in groups[start : start + _WRITE_GROUPS]]
        _fenced(store.write("demographics/write", run=run, rows=rows_of_groups), run)
    _fenced(store.write("demographics/finish", run=run, now=now_ms()), run)
    return {"attributes": len(names), "users": users, "groups": len(groups)}


class GroupCounter:
    """Counts what users with each value take, page after page.

    Args:
        values: The values that may be used.
        items: Number of items I.
    """

    def __init__(self, values: Values, items: int) -> None:
        self._values = values
        self._mass = sparse.csr_array((len(values.all), items))
        self._base = np.zeros(items)
        self._takers = np.zeros(len(values.all), np.int64)

    def add(self, attributes: Sequence[Mapping[str, object]], users: Int64, items: Int64, mass: Float64) -> None:
        """Count some users; no user may come twice.

        Args:
            attributes: Attributes of each user [U].
            users: Place of a user [E]; each pair of user and item stands once.
            items: Index of an item that the user took [E].
            mass: What that counts for now [E].
        """
        places = [self._values.places(had) for had in attributes]
        rows = np.repeat(np.arange(len(places)), [len(had) for had in places])
        columns = np.array([place for had in places for place in had], np.int64)
        shape = (len(places), len(self._values.all))
        member = sparse.coo_array((np.ones(len(rows)), (rows, columns)), shape=shape).tocsr()
        size = (len(places), len(self._base))
        taken = sparse.coo_array((mass, (users, items)), shape=size).tocsr()
        known = np.array([bool(had) for had in places])
        self._mass = (self._mass + member.T @ taken).tocsr()
        self._base += np.asarray(taken[np.flatnonzero(known)].sum(axis=0))
        took = (np.diff(taken.indptr) > 0).astype(np.float64)
        self._takers += np.asarray(member.T @ took).round().astype(np.int64)

    def groups(self, *, min_users: int, pseudo_events: float, keep: int) -> list[Group]:
        """Give the groups of values that enough users who took something have.

        Args:
            min_users: How many are enough.
            pseudo_events: m.
            keep: k.
        """
        found = []
        for place, value in enumerate(self._values.all):
            if self._takers[place] >= min_users:
                mass = self._mass[[place]].toarray()[0]
                counted = replace(value, users=int(self._takers[place]))
                found.append(group_of(counted, mass, self._base, pseudo_events=pseudo_events, keep=keep))
        return found


def _count(
    store: GraphStore,
    settings: Settings,
    counter: GroupCounter,
    ids: Sequence[str],
    names: Sequence[str],
    at: EpochMs,
    progress: Progress | None,
) -> int:
    """Read users page by page and count them; give how many there were."""
    half_life_ms = days_ms(settings.ranking.demographics_half_life_days)
    index = {item_id: place for place, item_id in enumerate(ids)}
    kinds = [name for name in sequence_types(settings.events) if settings.events.types[name].weight > 0]
    after, users = "", 0
    while rows := store.read(
        "demographics/page",
        names=list(names),
        after=after,
        limit=_PAGE_USERS,
        types=kinds,
        since=int(at - _HALF_LIVES * half_life_ms),
        most=_MOST_ITEMS,
    ):
        after, users = rows[-1]["id"], users + len(rows)
        row_of = np.repeat(np.arange(len(rows)), [len(row["items"]) for row in rows])
        items = np.array([index.get(item, -1) for row in rows for item in row["items"]], np.int64)
        times = np.array([time for row in rows for time in row["times"]], np.float64)
        mass = np.exp2(np.minimum(times - at, 0.0) / half_life_ms)
        kept = items >= 0  # one made since the list was read waits for the next count
        counter.add([dict(row["attributes"]) for row in rows], row_of[kept], items[kept], mass[kept])
        if progress is not None:
            progress(users, 0)
    return users


def _row(group: Group, ids: Sequence[str]) -> dict[str, Any]:
    value = group.value
    return {
        "key": value.id,
        "attribute": value.attribute,
        "label": value.label,
        "low": value.low,
        "high": value.high,
        "users": value.users,
        "items": [ids[place] for place in group.places.tolist()],
        "lifts": group.lifts.tolist(),
        "rest": group.rest,
    }


def _fenced(rows: list[dict[str, Any]], run: str) -> None:
    if not rows:
        raise FencedError("Another count of groups has begun.", field="run", value=run)
