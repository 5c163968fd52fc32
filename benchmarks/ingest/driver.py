"""The share of a bare driver's rate: the same INTERACTED rows, written with nothing around them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import islice
from statistics import median
from typing import Any, Final

import neo4j

from benchmarks.ingest.result import Result
from benchmarks.ingest.stack import Stack
from engine.events.ingest import ingest
from engine.graph.store import GraphStore

NAME: Final = "driver"
_BATCH: Final = 2_000
_WARM_UP: Final = 10
"""Batches until the server has compiled what both run; after two, the share scatters by a third."""

# The row that the engine keeps of a user, an item and a type: count, latest times, decayed weight.
_BARE: Final = """
UNWIND $rows AS row
MATCH (u:User {id: row.user_id})
MATCH (i:Item {id: row.item_id})
MERGE (u)-[r:INTERACTED {event: row.type}]->(i)
  ON CREATE SET r.count = 1, r.times = [row.at], r.last_at = row.at, r.weight = 1.0, r.updated_at = row.at
  ON MATCH SET r.count = r.count + 1, r.times = (r.times + [row.at])[-50..], r.last_at = row.at,
    r.weight = r.weight * 2.0 ^ ((r.updated_at - row.at) / $half_life_ms) + 1.0, r.updated_at = row.at
"""
_HALF_LIFE_MS: Final = 90 * 86_400_000.0


def driver_share(
    stack: Stack, store: GraphStore, events: Iterator[dict[str, Any]], batches: int, say: Callable[[str], None]
) -> Result:
    """Write batches in turn by the engine and by a bare driver, and compare the rates.

    The batches come from the same replay by turns, so that both make and find rows equally often. What the bare driver
    writes has no events behind it: the graph is of no use afterwards.
    """
    found = stack.services.embedded.endpoints()
    own_s: list[float] = []
    own_cpu_ms: list[float] = []
    bare_cpu_ms: list[float] = []
    bare_s: list[float] = []
    with neo4j.GraphDatabase.driver(found.neo4j_uri, auth=(found.neo4j_user, found.neo4j_password)) as driver:
        for number in range(batches + _WARM_UP):
            rows, batch = list(islice(events, _BATCH)), list(islice(events, _BATCH))
            cpu = _cpu_ms(stack)
            began = time.perf_counter()
            with driver.session(database=stack.settings.neo4j.database) as session:
                session.execute_write(lambda tx: tx.run(_BARE, rows=rows, half_life_ms=_HALF_LIFE_MS).consume())  # noqa: B023
            between = time.perf_counter()
            cpu_between = _cpu_ms(stack)
            resumed = time.perf_counter()
            result = ingest(store, batch, settings=stack.settings)
            ended = time.perf_counter()
            if result.accepted != len(batch):
                raise RuntimeError(f"{result.accepted} of {len(batch)} accepted")
            if number >= _WARM_UP:
                bare_s.append(between - began)
                own_s.append(ended - resumed)
                bare_cpu_ms.append((cpu_between - cpu) / _BATCH)
                own_cpu_ms.append((_cpu_ms(stack) - cpu_between) / _BATCH)
            rates = f"bare {_BATCH / (between - began):,.0f}/s, engine {_BATCH / (ended - resumed):,.0f}/s"
            say(f"{number + 1}/{batches + _WARM_UP}: {rates}")
    bare, own = _BATCH / median(bare_s), _BATCH / median(own_s)
    return Result(
        NAME, "ingest of a batch, share of a bare driver's rate", "", 0.4, 0.7, round(own / bare, 3),
        more_is_better=True,
        details={"bare_per_s": round(bare, 1), "engine_per_s": round(own, 1), "batch": _BATCH, "batches": batches,
                 "warm_up": _WARM_UP,
                 "bare_server_cpu_ms": round(median(bare_cpu_ms), 3),
                 "engine_server_cpu_ms": round(median(own_cpu_ms), 3)},
    )  # fmt: skip


def _cpu_ms(stack: Stack) -> float:
    return 1000 * stack.cpu_s()["neo4j"]
