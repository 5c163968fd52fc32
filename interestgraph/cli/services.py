"""The parts of the default stack, how each is started, and in which order."""

from __future__ import annotations

import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final

from dotenv import dotenv_values

from engine.embedded import EmbeddedStack
from engine.embedded.jars import Progress, file_lock
from engine.embedded.process import ChildProcess, ProcessSpec
from engine.embedded.stack import NEO4J, VALKEY
from engine.settings import Settings

API: Final = "api"
CONSUMER: Final = "consumer"
WORKER_CPU: Final = "worker-cpu"
WORKER_GPU: Final = "worker-gpu"
BEAT: Final = "beat"
SERVICES: Final = (API, CONSUMER, WORKER_CPU, WORKER_GPU, BEAT)
ALL: Final = (NEO4J, VALKEY, *SERVICES)

_STOP_S: Final = 30

Say = Callable[[str], None]


class Services:
    """The embedded servers, the API and the workers below one home folder."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.embedded = EmbeddedStack(settings)
        self.logs_dir = settings.home / "logs"

    def up(
        self, *, only: Collection[str] | None = None, progress: Progress | None = None, say: Say = print
    ) -> list[str]:
        """Start what does not run, in order, and wait until all of it answers.

        A second call at the same time waits for the first and finds everything running.

        Returns:
            Names of the parts started now.
        """
        wanted = [part for part in ALL if only is None or part in only]
        with file_lock(self.embedded.run_dir / "services.lock"):
            started = self.embedded.up(only=wanted, progress=progress)
            services = [part for part in SERVICES if part in wanted]
            if services:
                self._migrate(say)
                children = {part: self.child(part) for part in services}
                started += [part for part, child in children.items() if child.start(wait=False)]
                for child in children.values():
                    child.wait_ready()
        return started

    def down(self, *, only: Collection[str] | None = None) -> list[str]:
        """Stop what runs, the last started first; give the parts that were stopped."""
        with file_lock(self.embedded.run_dir / "services.lock"):
            wanted = [part for part in reversed(ALL) if only is None or part in only]
            return [part for part in wanted if self.found(part).stop()]

    def found(self, part: str) -> ChildProcess:
        """Give the child process of a part as it was started, to look at or to stop; needs no other part."""
        if part in (NEO4J, VALKEY):
            return self.embedded.child(part)
        port = self.embedded.ports.get(API) if part == API else None
        spec = ProcessSpec(part, (), self.embedded.run_dir, self._log(part), stop_timeout_s=_STOP_S, port=port)
        return ChildProcess(spec)

    def child(self, part: str) -> ChildProcess:
        """Give the child process of a part, ready to be started."""
        if part in (NEO4J, VALKEY):
            return self.embedded.child(part)
        port = self._choose_api_port() if part == API else None
        log = self._log(part)
        start = log.stat().st_size if log.exists() else 0
        running = self.found(part).process() is not None
        if part == API:
            ready: Callable[[], bool] = lambda: _lives(f"{self._api_url(port or 0)}/health/live")  # noqa: E731
        else:
            mark = {BEAT: b"maxinterval", CONSUMER: b"consumer_ready"}.get(part, b" ready.")
            ready = lambda: running or _says(log, mark, start)  # noqa: E731
        return ChildProcess(
            ProcessSpec(
                name=part,
                argv=self._argv(part),
                run_dir=self.embedded.run_dir,
                log=log,
                env=self._environment(port),
                cwd=self.settings.home,
                ready=ready,
                ready_timeout_s=180,
                stop_timeout_s=_STOP_S,
                port=port,
            )
        )

    def _log(self, part: str) -> Path:
        return self.logs_dir / f"{part}.log"

    def api_url(self) -> str:
        """Give the address of the API: where it runs, else where it would."""
        return self._api_url(self.embedded.ports.get(API) or self.settings.api.port)

    def _api_url(self, port: int) -> str:
        return f"http://{self.settings.api.host}:{port}"

    def _choose_api_port(self) -> int:
        remembered = self.embedded.ports.get(API)
        if remembered is not None and self.found(API).process() is not None:
            return remembered
        # A port that somebody has set goes before the one of last time.
        insist = "port" in self.settings.api.model_fields_set
        return self.embedded.ports.choose(API, preferred=self.settings.api.port, insist=insist)

    def _argv(self, part: str) -> list[str]:
        python = [sys.executable, "-m"]
        celery = [*python, "celery", "--app", "workers.app"]
        level = ["--loglevel", "INFO"]
        # Workers share nothing among themselves; looking for each other costs a second at the start.
        alone = ["--without-mingle", "--without-gossip"]
        match part:
            case "api":
                return [*python, "gunicorn", "--config", "python:api.gunicorn_conf", "api.wsgi:app"]
            case "consumer":
                return [*python, "workers.consumer"]
            case "worker-cpu":
                processes = str(self.settings.workers.cpu_processes)
                pool = ["--pool", "prefork", "--concurrency", processes, *alone]
                return [*celery, "worker", "--queues", "cpu", *pool, "--hostname", "cpu@%h", *level]
            case "worker-gpu":
                return [*celery, "worker", "--queues", "gpu", "--pool", "solo", *alone, "--hostname", "gpu@%h", *level]
            case _:
                return [*celery, "beat", *level]

    def _environment(self, port: int | None) -> dict[str, str]:
        endpoints = self.embedded.endpoints()
        # The children have another working folder; what .env says here holds for them too.
        variables = {name: value or "" for name, value in dotenv_values(".env").items() if name not in os.environ}
        variables |= {
            "INTERESTGRAPH_HOME": str(self.settings.home),
            "INTERESTGRAPH_CACHE": str(self.settings.cache),
            "NEO4J_URI": endpoints.neo4j_uri,
            "NEO4J_USER": endpoints.neo4j_user,
            "REDIS_URL": endpoints.redis_url,
        }
        if self.settings.neo4j_uri is None:
            # Empty is not set: a password of some other server in the environment must not win over the file.
            variables |= {"NEO4J_PASSWORD": "", "NEO4J_PASSWORD_FILE": str(self.embedded.password_file)}
        else:
            variables["NEO4J_PASSWORD"] = endpoints.neo4j_password
        if port is not None:
            variables["INTERESTGRAPH_API__PORT"] = str(port)
        return variables

    def _migrate(self, say: Say) -> None:
        from engine.graph.migrations import migrate
        from engine.graph.store import GraphStore

        with GraphStore.open(self.settings, wait_s=30) as store:
            if applied := migrate(store):
                say(f"schema: {len(applied)} migrations applied")


def _lives(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 - our own address
            return bool(response.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def _says(log: Path, mark: bytes, start: int) -> bool:
    try:
        with log.open("rb") as file:
            # A log that was put aside meanwhile begins anew.
            file.seek(start if file.seek(0, os.SEEK_END) >= start else 0)
            return mark in file.read()
    except OSError:
        return False


def uptime_s(child: ChildProcess) -> float | None:
    """Give the seconds a child has been running."""
    process = child.process()
    return None if process is None else time.time() - process.create_time()
