"""The stack under measurement: an own home folder, own ports, real processes."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psutil
import redis

from engine.graph.migrations import migrate
from engine.graph.store import GraphStore
from engine.importing.datasets.base import Dataset
from engine.importing.events import EventMapping, import_events, recount_if_due
from engine.importing.items import ItemMapping, import_items
from engine.importing.run import ImportOptions
from engine.importing.users import UserMapping, import_users
from engine.settings import Settings, load_settings
from interestgraph.cli.services import Services
from interestgraph.cli.stack import family

SERVERS: Final = ("neo4j", "valkey")
ALL: Final = (*SERVERS, "api", "worker-cpu", "beat", "consumer")
_PREPARED: Final = "prepared.json"
_LAYOUT: Final = 2
"""Raised when imports write other properties than before; what the schema lacks is added when a graph is opened."""
_WAITING: Final = """
CALL () { MATCH (e:Unfolded) RETURN count(e) AS unfolded }
CALL () { MATCH (m:Move) RETURN count(m) AS moves }
OPTIONAL MATCH (s:State {id: 'co_occurrence'})
RETURN unfolded, moves, coalesce(s.state, 'live') AS state
"""

Progress = Callable[[str, int, int | None], None]


class Stack:
    """Servers and services below one home folder.

    Args:
        home: Their folder; made where it is not there.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.settings: Settings = load_settings(home=home, neo4j_uri=None, redis_url=None)
        self.services = Services(self.settings)

    def up(self, *parts: str) -> None:
        """Start parts on free ports."""
        self.services.embedded.use_free_ports()
        if "api" in parts and self.services.embedded.ports.get("api") is None:
            self.services.embedded.ports.choose("api")
        self.services.up(only=parts, say=lambda text: None)

    def down(self) -> None:
        """Stop everything."""
        self.services.down()

    def store(self) -> GraphStore:
        """Open the graph, with its schema in place."""
        store = GraphStore.open(self.settings, wait_s=60)
        migrate(store)
        return store

    def redis(self) -> redis.Redis:
        """Open the broker."""
        return redis.Redis.from_url(self.services.embedded.redis_url() or "", socket_timeout=30)

    def url(self) -> str:
        """Give the address of the API."""
        return self.services.api_url()

    def cpu_s(self) -> dict[str, float]:
        """Give the CPU seconds that each running part has used."""
        used = {}
        for part in ALL:
            process = self.services.found(part).process()
            if process is not None:
                used[part] = sum(map(_cpu_s, family(process)))
        return used


def _cpu_s(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)


@contextmanager
def running(home: Path, *parts: str) -> Iterator[Stack]:
    """Run parts while a block lasts."""
    stack = Stack(home)
    try:
        stack.up(*parts)
        yield stack
    finally:
        stack.down()


def waiting(store: GraphStore) -> dict[str, Any]:
    """Give what the graph has not worked in: events that wait for the fold, moves of edges, state."""
    [row] = store.read_transaction(lambda tx: tx.run_text(_WAITING).data())
    return dict(row)


def wait_until_moved(stack: Stack, store: GraphStore, *, timeout_s: float, tell: Callable[[int], None]) -> float:
    """Wait until no event waits in the stream or for the fold and no move of an edge waits.

    Returns:
        Seconds it took.

    Raises:
        TimeoutError: It did not come so.
    """
    began = time.monotonic()
    with stack.redis() as client:
        while True:
            left = waiting(store)
            queued = int(client.xlen(stack.settings.stream.key))
            total = queued + left["unfolded"] + left["moves"]
            tell(total)
            if total == 0 and left["state"] == "live":
                return time.monotonic() - began
            if time.monotonic() - began > timeout_s:
                raise TimeoutError(f"still waiting after {timeout_s:.0f} s: {queued} in the stream, {left}")
            time.sleep(0.2)


def prepared(home: Path, fill: Callable[[GraphStore, Settings], Mapping[str, Any]], *, key: str) -> dict[str, Any]:
    """Give what is known of a graph that is made once and kept for later runs.

    Args:
        home: Its folder.
        fill: Makes it.
        key: What it was made from; with another key, or another layout, it is made again.
    """
    mark = home / _PREPARED
    wanted = {"key": key, "layout": _LAYOUT}
    if mark.exists():
        found: dict[str, Any] = json.loads(mark.read_text(encoding="utf-8"))
        if {name: found.get(name) for name in wanted} == wanted:
            return found
    shutil.rmtree(home, ignore_errors=True)
    with running(home, *SERVERS) as stack, stack.store() as store:
        made = {**wanted, **fill(store, stack.settings)}
    mark.write_text(json.dumps(made), encoding="utf-8")
    return made


def copied(source: Path, target: Path) -> Path:
    """Copy a graph that is not running, so that a run leaves the original as it is."""
    Stack(target).down()
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("run", "logs", "valkey", _PREPARED))
    return target


def import_all(store: GraphStore, settings: Settings, dataset: Dataset, progress: Progress) -> None:
    """Import a data set and count co-occurrence."""
    options = ImportOptions(progress=progress)
    for part in dataset.parts:
        if isinstance(part.mapping, ItemMapping):
            import_items(store, part.source, part.mapping, settings=settings, options=options)
        elif isinstance(part.mapping, UserMapping):
            import_users(store, part.source, part.mapping, settings=settings, options=options)
        elif isinstance(part.mapping, EventMapping):
            import_events(store, part.source, part.mapping, settings=settings, options=options, recount=False)
    recount_if_due(store, settings, progress=progress)
