"""One supervised child process: started once, found again by any later command, stopped by its own id."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

from engine.embedded.jars import write_atomic
from engine.errors import EmbeddedServerError

_POLL_S: Final = 0.05
_LOG_LIMIT_BYTES: Final = 50_000_000


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """What to start.

    Attributes:
        name: Name of the part; pid file and log carry it.
        argv: Program and arguments.
        run_dir: Folder of the pid file.
        log: File that takes its output.
        env: Variables beside those of this process.
        cwd: Folder it starts in.
        ready: Tells whether it answers.
        ready_timeout_s: Seconds until it must answer.
        stop_timeout_s: Seconds between SIGTERM and SIGKILL.
        port: Where it listens, to show it.
    """

    name: str
    argv: Sequence[str]
    run_dir: Path
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    ready: Callable[[], bool] = lambda: True
    ready_timeout_s: float = 60
    stop_timeout_s: float = 20
    port: int | None = None


class ChildProcess:
    """A child that outlives the command that started it.

    A pid alone may be stale or taken by another program, so the file holds the start time of the process as well.
    """

    def __init__(self, spec: ProcessSpec) -> None:
        self.spec = spec
        self._pid_file = spec.run_dir / f"{spec.name}.pid"
        self._child: subprocess.Popen[bytes] | None = None

    def process(self) -> psutil.Process | None:
        """Give the running process, or none."""
        try:
            record = json.loads(self._pid_file.read_text(encoding="utf-8"))
            process = psutil.Process(int(record["pid"]))
            same = abs(process.create_time() - float(record["created"])) < 0.01
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except (OSError, ValueError, KeyError, TypeError, psutil.Error):
            return None

    def start(self, *, wait: bool = True) -> bool:
        """Start it where it does not run, and wait until it answers.

        Args:
            wait: Whether to wait; without it the caller calls `wait_ready` later.

        Returns:
            Whether it was started now.

        Raises:
            EmbeddedServerError: It ended or did not answer in time; the error has the last lines of its log.
        """
        if self.process() is not None:
            if wait:
                self.wait_ready()
            return False
        self.spec.log.parent.mkdir(parents=True, exist_ok=True)
        if self.spec.log.exists() and self.spec.log.stat().st_size > _LOG_LIMIT_BYTES:
            self.spec.log.replace(self.spec.log.with_suffix(".log.1"))
        with self.spec.log.open("ab") as log:
            child = subprocess.Popen(
                list(self.spec.argv),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.spec.env},
                cwd=self.spec.cwd,
                start_new_session=True,
            )
        record = {"pid": child.pid, "created": psutil.Process(child.pid).create_time(), "argv": list(self.spec.argv)}
        write_atomic(self._pid_file, json.dumps(record))
        self._child = child
        if wait:
            self.wait_ready()
        return True

    def wait_ready(self) -> None:
        """Wait until it answers.

        Raises:
            EmbeddedServerError: It ended or did not answer in time.
        """
        deadline = time.monotonic() + self.spec.ready_timeout_s
        while not self.spec.ready():
            ended = self._child.poll() is not None if self._child is not None else self.process() is None
            if ended or time.monotonic() > deadline:
                what = "ended" if ended else f"did not answer within {self.spec.ready_timeout_s:.0f} s"
                if not ended:
                    self.stop()
                raise EmbeddedServerError(
                    f"{self.spec.name} {what}. Last lines of its log:\n{self.log_tail()}\n",
                    field="log",
                    value=str(self.spec.log),
                    remedy="interestgraph doctor looks for the usual causes.",
                )
            time.sleep(_POLL_S)
        if self._child is not None:
            # It outlives this command and belongs to init then: nothing to wait for.
            self._child.returncode = 0
            self._child = None

    def stop(self) -> bool:
        """Stop it and everything it started; give whether it ran.

        Raises:
            EmbeddedServerError: It is still there after SIGKILL.
        """
        process = self.process()
        if process is None:
            self._pid_file.unlink(missing_ok=True)
            return False
        family = [process, *_children(process)]
        process.send_signal(signal.SIGTERM)
        if _await_end([process], self.spec.stop_timeout_s):
            process.kill()
        for relative in family[1:]:
            if relative.is_running():
                relative.terminate()
        for survivor in _await_end(family[1:], 3):
            survivor.kill()
        if alive := _await_end(family, 5):
            raise EmbeddedServerError(
                f"{self.spec.name} does not end.", field="pid", value=[member.pid for member in alive]
            )
        self._pid_file.unlink(missing_ok=True)
        return True

    def log_tail(self, lines: int = 15) -> str:
        """Give the last lines of its log."""
        return tail(self.spec.log, lines)


def tail(path: Path, lines: int) -> str:
    """Give the last lines of a file, reading only its end."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 400 * lines))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return "(no log)"
    return "\n".join(text.splitlines()[-lines:])


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def _await_end(processes: Sequence[psutil.Process], timeout_s: float) -> list[psutil.Process]:
    """Wait for processes to end, reaping those that are ours; give those still alive."""
    _, alive = psutil.wait_procs(list(processes), timeout=timeout_s)
    return [process for process in alive if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
