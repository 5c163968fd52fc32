"""What an event costs when the graph, or the past of its user, is large."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Final

import polars as pl

from benchmarks.ingest.result import Result, percentile
from benchmarks.ingest.stack import SERVERS, Progress, import_all, prepared, running
from engine.cooccurrence.fold import fold
from engine.domain import MS_PER_DAY, now_ms
from engine.events.ingest import ingest
from engine.graph.store import GraphStore
from engine.importing.datasets.base import Dataset, Part
from engine.importing.events import EventMapping
from engine.importing.items import InterestColumn, ItemMapping
from engine.importing.reading import TableSource
from engine.importing.users import UserMapping
from engine.settings import Settings

GRAPH: Final = "graph"
PAST: Final = "past"
_SMALL_EDGES: Final = 10_000
_TIMES_LARGER: Final = 100
_EDGES_PER_USER: Final = 50
_USERS_PER_ITEM: Final = 40
_HEAVY_EVENTS: Final = 10_000
_LIGHT_EVENTS: Final = 50
_BATCH: Final = 200
_YEAR_MS: Final = 365 * MS_PER_DAY


def larger_graph(home: Path, rounds: int, progress: Progress, say: Callable[[str], None]) -> Result:
    """Compare events on a graph of 10,000 INTERACTED edges with events on one of a million.

    Both are made alike: users with fifty items each, items with forty users, so that only the size differs. Events go
    to both by turns, each moved and folded. One by one they are the measure; in batches, which the details give as
    well, the events of the small graph share its few items and rows, those of the large one hardly any.
    """
    sizes = (_SMALL_EDGES, _SMALL_EDGES * _TIMES_LARGER)
    homes = [home / f"edges-{edges}" for edges in sizes]
    for place, edges in zip(homes, sizes, strict=True):
        prepared(place, partial(_fill, edges=edges, progress=progress), key=f"edges={edges}")
    with ExitStack() as opened:
        stacks = [opened.enter_context(running(place, "neo4j")) for place in homes]
        stores = [opened.enter_context(stack.store()) for stack in stacks]
        choose = random.Random(7)
        costs: list[dict[str, list[float]]] = [{"batch": [], "single": []} for _ in stores]
        for number in range(rounds + 3):
            for size, (store, edges) in enumerate(zip(stores, sizes, strict=True)):
                users, items = edges // _EDGES_PER_USER, edges // _USERS_PER_ITEM
                batch = [_event(f"u{choose.randrange(users)}", f"i{choose.randrange(items)}") for _ in range(_BATCH)]
                batch_ms = _cost_ms(store, batch) / _BATCH
                single_ms = [_cost_ms(store, [_event(f"u{choose.randrange(users)}", f"i{choose.randrange(items)}")])
                             for _ in range(5)]  # fmt: skip
                if number >= 3:
                    costs[size]["batch"].append(batch_ms)
                    costs[size]["single"].extend(single_ms)
            say(f"{number + 1}/{rounds + 3}")
    small, large = costs
    ratios = {kind: median(large[kind]) / median(small[kind]) for kind in ("batch", "single")}
    return Result(
        GRAPH, f"cost of an event, graph {_TIMES_LARGER} times larger", "×", 1.6, 1.2, round(ratios["single"], 3),
        details={
            "interacted_edges": list(sizes),
            "rounds": rounds,
            "in_batches_ms": [round(median(cost["batch"]), 3) for cost in costs],
            "in_batches_ratio": round(ratios["batch"], 3),
            "one_by_one_ms": [round(median(cost["single"]), 3) for cost in costs],
            "one_by_one_ratio": round(ratios["single"], 3),
        },
    )  # fmt: skip


def longer_past(home: Path, rounds: int, progress: Progress, say: Callable[[str], None]) -> Result:
    """Compare events of users with 10,000 events behind them with events of users with 50, each moved and folded."""
    place = home / "past-events"
    prepared(place, lambda store, settings: _fill_pasts(store, settings, progress), key=f"past={_HEAVY_EVENTS}")
    kinds = ("light", "heavy")
    with running(place, *SERVERS[:1]) as stack, stack.store() as store:
        choose = random.Random(7)
        costs: dict[str, list[float]] = {kind: [] for kind in kinds}
        for number in range(rounds + 20):
            for kind in choose.sample(kinds, 2):
                cost_ms = _cost_ms(store, [_event(f"{kind}{number % 4}", f"i{choose.randrange(2_000)}")])
                if number >= 20:
                    costs[kind].append(cost_ms)
            if number % 20 == 0:
                say(f"{number}/{rounds + 20}")
    return Result(
        PAST, f"cost of an event, user with {_HEAVY_EVENTS:,} events against {_LIGHT_EVENTS}", "×", 1.5, 1.1,
        round(median(costs["heavy"]) / median(costs["light"]), 3),
        details={
            "rounds": rounds,
            **{f"{kind}_ms": {"p50": round(median(costs[kind]), 3), "p99": round(percentile(costs[kind], 99), 3)}
               for kind in kinds},
        },
    )  # fmt: skip


def _event(user: str, item: str) -> dict[str, Any]:
    return {"id": f"{user}-{time.time_ns()}", "type": "purchase", "user_id": user, "item_id": item, "at": now_ms()}


def _cost_ms(store: GraphStore, events: list[dict[str, Any]]) -> float:
    """Give the time until events are moved and folded."""
    began = time.perf_counter()
    result = ingest(store, events, settings=store.settings)
    while fold(store, store.settings).more:
        pass
    duration_ms = 1000 * (time.perf_counter() - began)
    if result.accepted != len(events):
        raise RuntimeError(f"{result.accepted} of {len(events)} accepted")
    return duration_ms


def _fill(store: GraphStore, settings: Settings, *, edges: int, progress: Progress) -> Mapping[str, Any]:
    choose = random.Random(edges)
    users, items = edges // _EDGES_PER_USER, edges // _USERS_PER_ITEM
    now = now_ms()
    rows = [
        (f"u{user}", f"i{item}", now - choose.randrange(_YEAR_MS))
        for user in range(users)
        for item in choose.sample(range(items), _EDGES_PER_USER)
    ]
    _import(store, settings, users=[f"u{user}" for user in range(users)], items=items, rows=rows, progress=progress)
    return {"edges": edges}


def _fill_pasts(store: GraphStore, settings: Settings, progress: Progress) -> Mapping[str, Any]:
    choose = random.Random(1)
    now = now_ms()
    pasts = {f"heavy{number}": _HEAVY_EVENTS for number in range(4)}
    pasts |= {f"light{number}": _LIGHT_EVENTS for number in range(4)} | {f"u{number}": 50 for number in range(400)}
    rows = [
        (user, f"i{choose.randrange(2_000)}", now - choose.randrange(_YEAR_MS))
        for user, events in pasts.items()
        for _ in range(events)
    ]
    _import(store, settings, users=list(pasts), items=2_000, rows=rows, progress=progress)
    return {"events": len(rows)}


def _import(
    store: GraphStore,
    settings: Settings,
    *,
    users: list[str],
    items: int,
    rows: list[tuple[str, str, int]],
    progress: Progress,
) -> None:
    item_table = pl.DataFrame(
        {
            "id": [f"i{number}" for number in range(items)],
            "title": [f"item {number}" for number in range(items)],
            "category": [f"category {number % 200}" for number in range(items)],
            "brand": [f"brand {number % 97}" for number in range(items)],
        }
    )
    events = pl.DataFrame(rows, schema=["user_id", "item_id", "at"], orient="row")
    about = (InterestColumn("category", "category", 0.6), InterestColumn("brand", "brand", 0.4))
    parts = (
        Part(TableSource("items", item_table, "synthetic"), ItemMapping(interests=about)),
        Part(TableSource("users", pl.DataFrame({"id": users}), "synthetic"), UserMapping()),
        Part(TableSource("events", events, "synthetic"), EventMapping(type="purchase", time_unit="ms")),
    )
    import_all(store, settings, Dataset(parts=parts), progress)
