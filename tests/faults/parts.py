"""A stack of real processes below one home, whose parts are killed and started again."""

from __future__ import annotations

import contextlib
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis

from engine.embedded.process import ChildProcess
from engine.errors import EmbeddedServerError
from engine.graph.migrations import migrate
from engine.graph.store import GraphStore
from engine.settings import Settings, load_settings
from interestgraph.cli.services import Services
from interestgraph.cli.stack import family

NEO4J, VALKEY, API, WORKER, BEAT, CONSUMER = "neo4j", "valkey", "api", "worker-cpu", "beat", "consumer"
PARTS = (NEO4J, VALKEY, API, WORKER, BEAT, CONSUMER)

SETTINGS = {
    # A row has fewer edges than this by far: nothing is cut, so the order of events must not matter.
    "INTERESTGRAPH_CO_OCCURRENCE__MAX_EDGES_PER_ITEM": "10000",
    "INTERESTGRAPH_API__RATE_LIMIT": "1000000 per minute",
    "INTERESTGRAPH_NEO4J__HEAP_MB": "512",
    "INTERESTGRAPH_NEO4J__PAGE_CACHE_MB": "128",
    # The quick compiler alone: the server starts in two thirds of the time, which it does over and over here.
    "INTERESTGRAPH_NEO4J__JVM_OPTIONS": "-XX:TieredStopAtLevel=1",
    "INTERESTGRAPH_STREAM__CLAIM_IDLE_S": "2",
    "INTERESTGRAPH_LOG_FORMAT": "json",
}
_WAITING = """
CALL () { MATCH (e:Unfolded) RETURN count(e) AS unfolded }
CALL () { MATCH (m:Move) RETURN count(m) AS moves }
OPTIONAL MATCH (s:State {id: 'co_occurrence'})
RETURN unfolded, moves, coalesce(s.state, 'live') AS state
"""


class Parts:
    """The parts below a home folder."""

    def __init__(self, home: Path, names: tuple[str, ...] = PARTS) -> None:
        self.names = names
        self.settings: Settings = load_settings(home=home, neo4j_uri=None, redis_url=None)
        self.services = Services(self.settings)

    def up(self) -> None:
        """Start all of them on free ports."""
        self.services.embedded.use_free_ports()
        if API in self.names and self.services.embedded.ports.get(API) is None:
            self.services.embedded.ports.choose(API)
        self.services.up(only=self.names, say=lambda text: None)

    def down(self) -> None:
        """Stop all of them."""
        self.services.down()

    def store(self) -> GraphStore:
        """Open the graph, with its schema in place."""
        store = GraphStore.open(self.settings, wait_s=60)
        migrate(store)
        return store

    def redis(self) -> redis.Redis:
        """Open Valkey."""
        return redis.Redis.from_url(self.services.embedded.redis_url() or "", socket_timeout=10)

    @property
    def url(self) -> str:
        """Address of the API."""
        return self.services.api_url()

    def alive(self, part: str) -> bool:
        """Tell whether a part runs."""
        return self.services.found(part).process() is not None

    def kill(self, part: str, *, only_child: random.Random | None = None) -> bool:
        """Kill a part and everything it started with -9, or only one of its children; tell whether it ran."""
        process = self.services.found(part).process()
        if process is None:
            return False
        members = family(process)
        if only_child is not None and len(members) > 1:
            members = [only_child.choice(members[1:])]
        for member in members:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.send_signal(signal.SIGKILL)
        psutil.wait_procs(members, timeout=10)
        return True

    def child(self, part: str) -> ChildProcess:
        """Give a part, ready to be started."""
        return self.services.child(part)

    def left(self) -> dict[str, Any]:
        """Give what has not been worked in."""
        with GraphStore.open(self.settings) as store, self.redis() as client:
            [row] = store.read_transaction(lambda tx: tx.run_text(_WAITING).data())
            return {**row, "stream": int(client.xlen(self.settings.stream.key))}  # type: ignore[arg-type]

    def wait_until_moved(self, *, timeout_s: float = 300) -> None:
        """Wait until nothing waits any more, in the stream or in the graph."""
        end = time.monotonic() + timeout_s
        left: Any = None
        while time.monotonic() < end:
            with contextlib.suppress(Exception):
                left = self.left()
                if left == {"unfolded": 0, "moves": 0, "state": "live", "stream": 0}:
                    return
            time.sleep(0.3)
        raise AssertionError(f"still waiting: {left}\n" + "\n".join(self.tails()))

    def tails(self) -> list[str]:
        """Give the ends of the logs."""
        return [f"--- {part}\n{self.services.found(part).log_tail(12)}" for part in self.names]


@contextmanager
def running(
    home: Path, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...] = PARTS, **variables: str
) -> Iterator[Parts]:
    """Run parts while a block lasts; their settings stand in the environment meanwhile."""
    for name in ("NEO4J_URI", "NEO4J_PASSWORD", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {**SETTINGS, **variables}.items():
        monkeypatch.setenv(name, value)
    parts = Parts(home, names)
    try:
        parts.up()
        yield parts
    finally:
        parts.down()


class Killer:
    """Kills each part at random moments of a stretch of time and starts it again, each by a thread of its own.

    What ends by itself meanwhile, because another part is away, is started again as well, as a service manager does.

    Args:
        parts: The stack.
        seconds: Length of the stretch.
        kills: How often each part is killed, by name.
        seed: Of the moments.
        pause_s: Longest time that a part stays away before it is started again.
    """

    def __init__(
        self, parts: Parts, *, seconds: float, kills: Mapping[str, int], seed: int, pause_s: float = 2.0
    ) -> None:
        self.killed: Counter[str] = Counter()
        self.ended_itself: Counter[str] = Counter()
        self._parts = parts
        self._pause_s = pause_s
        self._seconds = seconds
        self._stop = threading.Event()
        self._finished = {part: threading.Event() for part in parts.names}
        self._threads = []
        for place, part in enumerate(parts.names):
            choose = random.Random(1000 * seed + place)
            moments = sorted(choose.uniform(0.05, 0.95) * seconds for _ in range(kills.get(part, 0)))
            self._threads.append(threading.Thread(target=self._run, args=(part, moments, choose), name=f"kill-{part}"))

    def __enter__(self) -> Killer:
        self._began = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def wait(self, *, timeout_s: float = 600) -> None:
        """Wait until every part was killed as often as it was to be, and runs again."""
        for part, finished in self._finished.items():
            assert finished.wait(timeout_s), f"{part} does not come back: {self.killed}"

    def _run(self, part: str, moments: list[float], choose: random.Random) -> None:
        for moment in moments:
            self._keep_up(part, until=self._began + moment)
            if choose.random() < 0.25:
                # First one child alone: a worker of the web server, a process of the pool.
                self._parts.kill(part, only_child=choose)
                self._stop.wait(choose.uniform(0, 0.5))
            while not self._parts.kill(part) and not self._stop.is_set():
                # It had just ended by itself: a kill of what does not run is none.
                self._start(part)
            self.killed[part] += 1
            self._stop.wait(choose.uniform(0, self._pause_s))
            self._start(part)
        self._finished[part].set()
        self._keep_up(part, until=float("inf"))

    def _keep_up(self, part: str, *, until: float) -> None:
        while time.monotonic() < until and not self._stop.is_set():
            if not self._parts.alive(part):
                self.ended_itself[part] += 1
                self._start(part)
            self._stop.wait(min(0.3, max(0.0, until - time.monotonic())))

    def _start(self, part: str) -> None:
        while not self._stop.is_set():
            try:
                self._parts.child(part).start()
                return
            except (EmbeddedServerError, OSError, psutil.Error):
                self._stop.wait(0.5)
