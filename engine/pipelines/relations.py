"""RELATED_TO between interests, counted from the whole graph."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping
from itertools import groupby
from typing import Any, Final

import numpy as np
from scipy import sparse

from engine.domain import EpochMs, now_ms
from engine.graph.store import GraphStore
from engine.interests.decay import days_ms
from engine.interests.relatedness import Carriers, Related, known_weight, related_blocks
from engine.interests.relations import begin_relations, finish_relations, write_relations
from engine.jobs.run import JobRun
from engine.settings import Settings

Progress = Callable[[str, int, int], None]

_FETCH_ROWS: Final = 500
_WRITE_INTERESTS: Final = 200


def run_relate_interests(run: JobRun, settings: Settings) -> Mapping[str, Any]:
    """Relate interests, as a job; begun anew it counts again."""

    def progress(stage: str, done: int, total: int) -> None:
        run.report(done, total, f"{stage} interests")
        run.check()

    return relate_interests(run.store, settings, run=f"{run.job.id}:{run.fence}", progress=progress)


def relate_interests(
    store: GraphStore,
    settings: Settings,
    *,
    run: str,
    at: EpochMs | None = None,
    progress: Progress | None = None,
) -> dict[str, int]:
    """Count how interests are related and write it.

    Args:
        store: The graph.
        settings: Sizes and minimum numbers.
        run: Name of this count; a later one fences it off.
        at: Time at which weights are read; now where none is given.
        progress: Told the stage (`reads`, `relates`), what is done and of how many.

    Returns:
        interests, users, items, relations.

    Raises:
        FencedError: Another count has begun.
    """
    report = progress or (lambda stage, done, total: None)
    options = settings.relations
    moment = now_ms() if at is None else at
    begin_relations(store, run, at=moment)
    report("reads", 0, 0)
    rows = store.stream("subgraph/all_ids", identifiers={"label": "Interest"}, fetch_size=_FETCH_ROWS)
    ids = sorted(row["id"] for row in rows)
    index = {name: place for place, name in enumerate(ids)}
    half_life_ms = days_ms(settings.interests.half_life_days)
    weights = _weights(
        store.stream(
            "relations/user_weights",
            fetch_size=_FETCH_ROWS,
            at=moment,
            half_life_ms=half_life_ms,
            most=options.max_user_interests,
        ),
        index,
    )
    users = Carriers.of(weights, known_weight(np.asarray(weights.sum(axis=1), dtype=np.float64).ravel()))
    weights = _weights(store.stream("relations/item_weights", fetch_size=_FETCH_ROWS), index)
    items = Carriers.of(weights, np.ones(weights.shape[0]))
    written = 0
    blocks = related_blocks(
        users,
        items,
        part=options.users_part,
        min_users=options.min_users,
        min_items=options.min_items,
        keep=options.max_related,
        block=options.block_interests,
    )
    for number, found in enumerate(blocks):
        start = number * options.block_interests
        end = min(start + options.block_interests, len(ids))
        prepared = _rows(found, ids, start, end)
        for first in range(0, len(prepared), _WRITE_INTERESTS):
            report("relates", start + first, len(ids))
            written += write_relations(store, prepared[first : first + _WRITE_INTERESTS], run=run, at=moment)
    finish_relations(store, run, at=now_ms())
    return {
        "interests": len(ids),
        "users": users.shares.shape[0],
        "items": items.shares.shape[0],
        "relations": written,
    }


def _weights(rows: Iterable[Mapping[str, Any]], index: Mapping[str, int]) -> sparse.csr_array:
    indptr, indices, values = array("q", [0]), array("q"), array("d")
    for row in rows:
        for name, weight in zip(row["interests"], row["weights"], strict=True):
            place = index.get(name)  # one made since the list was read waits for the next count
            if place is not None:
                indices.append(place)
                values.append(weight)
        indptr.append(len(indices))
    made = sparse.csr_array(
        (np.array(values), np.array(indices, dtype=np.int64), np.array(indptr, dtype=np.int64)),
        shape=(len(indptr) - 1, len(index)),
    )
    made.sum_duplicates()
    return made


def _rows(found: Related, ids: list[str], start: int, end: int) -> list[dict[str, Any]]:
    """Give a row for each interest of a block, also for those without relations."""
    columns = (found.target, found.weight, found.by_users, found.by_items, found.users, found.items)
    edges = zip(found.source.tolist(), *(column.tolist() for column in columns), strict=True)
    related = {
        source: [[ids[edge[1]], *edge[2:]] for edge in group] for source, group in groupby(edges, key=lambda e: e[0])
    }
    return [{"source": ids[place], "related": related.get(place, [])} for place in range(start, end)]
