"""Real Celery workers and a real beat, as child processes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import psutil

from engine.embedded import endpoints
from engine.settings import Settings
from tests.support.servers import PATIENT

ROOT = Path(__file__).resolve().parents[2]


def worker_environment(settings: Settings, redis_url: str, home: Path, **extra: str) -> dict[str, str]:
    """Give the variables that point a worker at a database, a broker and a home."""
    if settings.neo4j_uri is None:
        own = endpoints(settings)
        uri, user, password = own.neo4j_uri, own.neo4j_user, own.neo4j_password
    else:
        uri, user, password = settings.neo4j_uri, settings.neo4j_user, settings.password() or ""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("INTERESTGRAPH_", "NEO4J_"))}
    return {
        **kept,
        "NEO4J_URI": uri,
        "NEO4J_USER": user,
        "NEO4J_PASSWORD": password,
        "REDIS_URL": redis_url,
        "INTERESTGRAPH_HOME": str(home),
        "INTERESTGRAPH_CACHE": str(home / "cache"),
        "INTERESTGRAPH_LOG_FORMAT": "json",
        "INTERESTGRAPH_NEO4J__RETRY_S": "2",
        "INTERESTGRAPH_WORKERS__HEARTBEAT_S": "0.2",
        "INTERESTGRAPH_WORKERS__LOST_AFTER_S": "2",
        "INTERESTGRAPH_WORKERS__DISPATCH_INTERVAL_S": "1",
        "INTERESTGRAPH_TRAINING__THREADS": "1",
        "OMP_NUM_THREADS": "1",
        **PATIENT,
        **extra,
    }


class CeleryProcess:
    """One Celery child process: a worker or the beat.

    Args:
        arguments: What follows `celery --app workers.app`.
        environment: Settings, by the names of the environment.
        log_path: Where its lines go.
    """

    def __init__(self, arguments: list[str], environment: Mapping[str, str], log_path: Path) -> None:
        self.log_path = log_path
        log_path.parent.mkdir(parents=True, exist_ok=True)
        with log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "celery", "--app", "workers.app", *arguments],
                cwd=ROOT,
                env=dict(environment),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Process id of the parent."""
        return self.process.pid

    def log(self) -> str:
        """Everything it has logged."""
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def wait_for(self, text: str, *, timeout_s: float = 300) -> None:
        """Wait until its log has a text."""
        wait_until(
            lambda: text in self.log(), timeout_s=timeout_s, why=lambda: f"no {text!r} in:\n{self.log()[-3000:]}"
        )

    def kill(self) -> None:
        """End it and its children as a power cut would."""
        with contextlib.suppress(psutil.NoSuchProcess):
            members = psutil.Process(self.pid).children(recursive=True)
            self.process.send_signal(signal.SIGKILL)
            for member in members:
                with contextlib.suppress(psutil.NoSuchProcess):
                    member.kill()
        self.process.wait(60)

    def ask_to_end(self) -> None:
        """Ask a worker to end, and wait until it has heard it."""
        self.process.terminate()
        self.wait_for("Warm shutdown")

    def ended(self, *, timeout_s: float = 300) -> int:
        """Wait until it has ended and give its exit status."""
        try:
            return int(self.process.wait(timeout_s))
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"it did not end by SIGTERM:\n{self.log()[-3000:]}") from None

    def stop(self) -> int:
        """Ask it to end and give its exit status."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.ended()


def worker_arguments(queue: str, name: str, *, concurrency: int = 1) -> list[str]:
    """Give the command line of a worker of a queue."""
    pool = ["--pool", "solo"] if queue == "gpu" else ["--pool", "prefork", "--concurrency", str(concurrency)]
    alone = ["--without-mingle", "--without-gossip"]  # as the stack starts them
    return ["worker", "--queues", queue, *pool, *alone, "--hostname", f"{name}@test", "--loglevel", "INFO"]


@contextlib.contextmanager
def running_worker(
    queue: str, environment: Mapping[str, str], home: Path, *, name: str = "w1", ready: bool = True
) -> Iterator[CeleryProcess]:
    """Run a worker while a block lasts."""
    worker = CeleryProcess(worker_arguments(queue, f"{queue}-{name}"), environment, home / f"worker-{queue}-{name}.log")
    try:
        if ready:
            worker.wait_for("ready.")
        yield worker
    finally:
        if worker.process.poll() is None:
            worker.kill()


@contextlib.contextmanager
def running_beat(environment: Mapping[str, str], home: Path) -> Iterator[CeleryProcess]:
    """Run the beat while a block lasts."""
    beat = CeleryProcess(["beat", "--loglevel", "INFO", "--pidfile="], environment, home / "beat.log")
    try:
        yield beat
    finally:
        if beat.process.poll() is None:
            beat.kill()


def wait_until(
    condition: Callable[[], bool], *, timeout_s: float = 300, why: Callable[[], str] = lambda: "it never came so"
) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(why())
