"""One supervised child process: started once, found again by any later command, stopped by its own id."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

from engine.embedded.jars import write_atomic
from engine.errors import EmbeddedServerError

MARK: Final = "INTERESTGRAPH_CHILD"
"""Variable that tells every process of a part, also one whose parent was killed."""
_POLL_S: Final = 0.1
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
        port: Where it listens; it is ready only when it, and nobody else, does so.
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

    A pid alone may be stale or taken by another program, so the file holds the start of the process as well. What
    carries the part's mark without being in the file, because a parent or the starting command was killed at the
    wrong moment, is ended before a new start and by `stop`.
    """

    def __init__(self, spec: ProcessSpec) -> None:
        self.spec = spec
        self._pid_file = spec.run_dir / f"{spec.name}.pid"
        self._mark = str(self._pid_file.absolute())
        self._child: subprocess.Popen[bytes] | None = None

    def process(self) -> psutil.Process | None:
        """Give the running process, or none."""
        try:
            record = json.loads(self._pid_file.read_text(encoding="utf-8"))
            process = psutil.Process(int(record["pid"]))
            if record.get("start") is not None:
                same = _start(process.pid) == record["start"]
            else:
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
        self._end(self._left_over())
        self.spec.log.parent.mkdir(parents=True, exist_ok=True)
        if self.spec.log.exists() and self.spec.log.stat().st_size > _LOG_LIMIT_BYTES:
            self.spec.log.replace(self.spec.log.with_suffix(".log.1"))
        try:
            with self.spec.log.open("ab") as log:
                child = subprocess.Popen(
                    list(self.spec.argv),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, **self.spec.env, MARK: self._mark},
                    cwd=self.spec.cwd,
                    start_new_session=True,
                )
        except OSError as error:
            raise EmbeddedServerError(
                f"{self.spec.name} cannot be started: {error.strerror}.", field="program", value=self.spec.argv[0]
            ) from error
        record = {
            "pid": child.pid,
            "start": _start(child.pid),
            "created": psutil.Process(child.pid).create_time(),
            "argv": list(self.spec.argv),
        }
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
        while True:
            # Looked at first: what answers while the child is dead is another program on its port.
            ended = self._child.poll() is not None if self._child is not None else self.process() is None
            if not ended and self.spec.ready() and self.listens():
                break
            if ended or time.monotonic() > deadline:
                what = "ended" if ended else f"did not answer within {self.spec.ready_timeout_s:.0f} s"
                log = self.log_tail()
                self.stop()
                if self._child is not None:
                    self._child.poll()
                raise EmbeddedServerError(
                    f"{self.spec.name} {what}. Last lines of its log:\n{log}\n",
                    field="log",
                    value=str(self.spec.log),
                    remedy="interestgraph doctor looks for the usual causes.",
                )
            time.sleep(_POLL_S)
        if self._child is not None:
            # It outlives this command and belongs to init then: nothing to wait for.
            self._child.returncode = 0
            self._child = None

    def listens(self) -> bool:
        """Tell whether it listens on its port; true where it has none."""
        if not self.spec.port:
            return True
        process = self.process()
        if process is None:
            return False
        try:
            connections = process.net_connections("tcp")
        except psutil.AccessDenied:
            return True
        except psutil.Error:
            return False
        return any(
            connection.status == psutil.CONN_LISTEN and connection.laddr.port == self.spec.port
            for connection in connections
        )

    def owns_port(self) -> bool:
        """Tell that it listens on its port, where somebody does.

        Raises:
            EmbeddedServerError: It is another program; without this, a server would notice at the end of its start.
        """
        if not self.listens():
            raise EmbeddedServerError(
                f"Another program listens on the port of {self.spec.name}.",
                field="port",
                value=self.spec.port,
                remedy="Start again; another port will be chosen.",
            )
        return True

    def stop(self) -> bool:
        """Stop it and everything it started; give whether anything ran.

        Raises:
            EmbeddedServerError: It is still there after SIGKILL.
        """
        process = self.process()
        if process is not None:
            # First it alone: it ends its own children better than we do.
            children = _children(process)
            self._end([process], timeout_s=self.spec.stop_timeout_s)
            self._end(children)
        left_over = self._left_over()
        self._end(left_over)
        self._pid_file.unlink(missing_ok=True)
        return process is not None or bool(left_over)

    def _left_over(self) -> list[psutil.Process]:
        """Give the processes that carry this part's mark."""
        found = []
        for process in psutil.process_iter():
            try:
                marked = process.environ().get(MARK) == self._mark and process.status() != psutil.STATUS_ZOMBIE
            except (psutil.Error, OSError):
                continue
            if marked and process.pid != os.getpid():
                found.append(process)
        return found

    def _end(self, processes: Sequence[psutil.Process], *, timeout_s: float = 5) -> None:
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate()
        for survivor in _await_end(processes, timeout_s):
            with contextlib.suppress(psutil.NoSuchProcess):
                survivor.kill()
        if alive := _await_end(processes, 5):
            raise EmbeddedServerError(
                f"{self.spec.name} does not end.",
                field="pid",
                value=[member.pid for member in alive],
                remedy="See what it waits for; it may be a disk that does not answer.",
            )

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


def _start(pid: int) -> str | None:
    """Tell when a process started, in ticks of this boot, which no change of the clock moves; none but on Linux."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The name, in brackets, may hold spaces; the start is the 22nd field, the 20th after it.
    return f"{boot}/{stat.rpartition(')')[2].split()[19]}"


def _await_end(processes: Sequence[psutil.Process], timeout_s: float) -> list[psutil.Process]:
    """Wait for processes to end, reaping those that are ours; give those still alive.

    One that belongs to an init which does not reap, as in many containers, stays a zombie: it has ended all the same.
    """
    deadline = time.monotonic() + timeout_s
    alive = list(processes)
    while True:
        _, alive = psutil.wait_procs(alive, timeout=_POLL_S)
        alive = [process for process in alive if process.is_running() and not _is_zombie(process)]
        if not alive or time.monotonic() > deadline:
            return alive


def _is_zombie(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
