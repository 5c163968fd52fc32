"""A real consumer of the stream, as a child process."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.support.celery_worker import ROOT, wait_until


class ConsumerProcess:
    """One `python -m workers.consumer`.

    Args:
        environment: Settings, by the names of the environment.
        log_path: Where its lines go.
        name: Its name in the group.
    """

    def __init__(self, environment: Mapping[str, str], log_path: Path, *, name: str = "c1") -> None:
        self._environment = dict(environment)
        self._log_path = log_path
        self._name = name
        log_path.parent.mkdir(parents=True, exist_ok=True)
        self._begin = 0
        self.start()

    def start(self) -> None:
        """Start it, again after its end."""
        self._begin = self._log_path.stat().st_size if self._log_path.exists() else 0
        with self._log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "workers.consumer", "--name", self._name],
                cwd=ROOT,
                env=self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def log(self) -> str:
        """What it has logged since it was started last."""
        return self._log_path.read_bytes()[self._begin :].decode(errors="replace")

    def wait_for(self, text: str, *, timeout_s: float = 300) -> None:
        """Wait until its log has a text."""
        wait_until(
            lambda: text in self.log(), timeout_s=timeout_s, why=lambda: f"no {text!r} in:\n{self.log()[-3000:]}"
        )

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(60)

    def stop(self) -> int:
        """Ask it to end and give its exit status."""
        if self.process.poll() is None:
            self.process.terminate()
        return int(self.process.wait(180))


@contextlib.contextmanager
def running_consumer(
    environment: Mapping[str, str], log_path: Path, *, name: str = "c1", ready: bool = True
) -> Iterator[ConsumerProcess]:
    """Run one while a block lasts."""
    consumer = ConsumerProcess(environment, log_path, name=name)
    try:
        if ready:
            consumer.wait_for("consumer_ready")
        yield consumer
    finally:
        if consumer.process.poll() is None:
            consumer.kill()
