"""A real gunicorn with the API, as a child process."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from engine.embedded import EmbeddedStack
from engine.graph.migrations import migrate
from engine.graph.store import GraphStore
from engine.settings import Settings
from tests.support.servers import PATIENT

ROOT = Path(__file__).resolve().parents[2]
_SHOWN_ERRORS = 3
_READ_AT = re.compile(r'^interestgraph_state_read_at_seconds{process="(\d+)"} (\S+)$', re.MULTILINE)
_LISTENING = re.compile(r"listening on (http://\S+?)[\"\s]")


class ApiServer:
    """One gunicorn master with its workers.

    Args:
        environment: Settings, by the names of the environment.
        home: Its `INTERESTGRAPH_HOME`; its log is written there too.
    """

    def __init__(self, environment: Mapping[str, str], home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.home = home
        self.log_path = home / "api.log"
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("INTERESTGRAPH_", "NEO4J_"))},
            "INTERESTGRAPH_HOME": str(home),
            "INTERESTGRAPH_API__PORT": "0",
            "INTERESTGRAPH_LOG_FORMAT": "json",
            # However busy the machine is: the limit has a test of its own.
            "INTERESTGRAPH_API__FRESHNESS_WAIT_S": "60",
            "INTERESTGRAPH_API__REDIS_TIMEOUT_S": "10",
            **PATIENT,
            **environment,
        }
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""

    @property
    def pid(self) -> int:
        """Process id of the master."""
        assert self._process is not None
        return self._process.pid

    def log(self) -> str:
        """Everything it has logged."""
        return self.log_path.read_text(encoding="utf-8", errors="replace") if self.log_path.exists() else ""

    def errors(self) -> str:
        """Give the latest errors of its log."""
        lines = [line for line in self.log().splitlines() if '"level": "error"' in line]
        return "\n".join(lines[-_SHOWN_ERRORS:])

    def worker_pids(self) -> list[int]:
        """Process ids of the workers."""
        return [child.pid for child in psutil.Process(self.pid).children()]

    def start(self, *, timeout_s: float = 300) -> ApiServer:
        """Start it and wait until it answers, whatever the other parts do."""
        with self.log_path.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", "-c", "python:api.gunicorn_conf", "api.wsgi:app"],
                cwd=ROOT,
                env=self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            if self._process.poll() is not None:
                raise RuntimeError(f"the API ended with {self._process.returncode}:\n{self.log()[-4000:]}")
            found = _LISTENING.search(self.log())
            if found:
                self.url = found.group(1)
                with contextlib.suppress(httpx.TransportError):
                    if httpx.get(f"{self.url}/health/live", timeout=30).status_code == 200:
                        return self
            time.sleep(0.1)
        self.stop()
        raise RuntimeError(f"the API does not answer:\n{self.log()[-4000:]}")

    def wait_ready(self, *, timeout_s: float = 300) -> dict[str, Any]:
        """Wait until every required part is up, for every process where the metrics are open to all."""
        answer = self.wait_for(lambda answered: answered.status_code == 200, timeout_s=timeout_s)
        if httpx.get(f"{self.url}/metrics", timeout=60).status_code == 200:
            self.wait_caught_up(timeout_s=timeout_s)
        return answer

    def wait_for(self, condition: Any, *, timeout_s: float = 300) -> dict[str, Any]:
        """Wait until the readiness answer fulfils a condition."""
        end = time.monotonic() + timeout_s
        last: httpx.Response | None = None
        while time.monotonic() < end:
            with contextlib.suppress(httpx.TransportError):
                last = httpx.get(f"{self.url}/health/ready", timeout=60)
                if condition(last):
                    return dict(last.json())
            time.sleep(0.1)
        raise AssertionError(f"never so: {last.text if last is not None else 'no answer'}\n{self.log()[-3000:]}")

    def wait_caught_up(self, *, timeout_s: float = 300) -> None:
        """Wait until every process has read the graph as it is now."""
        written_at = time.time()
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            pids = self.worker_pids()
            with contextlib.suppress(httpx.TransportError):
                text = httpx.get(f"{self.url}/metrics", timeout=60).text
                read_at = {int(pid): float(at) for pid, at in _READ_AT.findall(text)}
                if pids and all(read_at.get(pid, 0) > written_at for pid in pids):
                    return
            time.sleep(0.1)
        raise AssertionError(f"not every process has read the graph\n{self.log()[-3000:]}")

    def stop(self) -> None:
        """End it and its workers."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(120)
            except subprocess.TimeoutExpired:
                for child in psutil.Process(self.pid).children(recursive=True):
                    child.kill()
                self._process.send_signal(signal.SIGKILL)
                self._process.wait(60)
        self._process = None

    def client(self, **options: Any) -> httpx.Client:
        """Give an HTTP client of it."""
        return httpx.Client(base_url=self.url, timeout=120, **options)


_started: list[ApiServer] = []


@contextlib.contextmanager
def running_api(environment: Mapping[str, str], home: Path) -> Iterator[ApiServer]:
    """Run one while a block lasts."""
    server = ApiServer(environment, home)
    _started.append(server)
    try:
        yield server.start()
    finally:
        server.stop()
        _started.remove(server)


def address_of(neo4j: Settings, redis_url: str) -> dict[str, str]:
    """Give the environment that leads to these servers."""
    found = EmbeddedStack(neo4j).endpoints()
    return {
        "NEO4J_URI": found.neo4j_uri,
        "NEO4J_USER": found.neo4j_user,
        "NEO4J_PASSWORD": found.neo4j_password,
        "REDIS_URL": redis_url,
    }


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Show beside a failure what the servers hide from those who ask: the errors they have logged."""
    report = yield
    if report.failed:
        report.sections += [
            ("errors that the API has logged", text) for server in _started if (text := server.errors())
        ]
    return report


@pytest.fixture(scope="session")
def api_server(
    neo4j_server: Settings, valkey_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ApiServer]:
    """A gunicorn with two processes over the session's Neo4j and Valkey; needs no keys."""
    with GraphStore.open(neo4j_server) as store:
        migrate(store)
    with running_api(address_of(neo4j_server, valkey_server), tmp_path_factory.mktemp("api")) as server:
        server.wait_ready()
        yield server


@pytest.fixture
def api(api_server: ApiServer) -> Iterator[httpx.Client]:
    """An HTTP client of the API."""
    with api_server.client() as client:
        yield client
