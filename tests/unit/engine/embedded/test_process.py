"""A child process: found again, told from strangers, ended with everything it started."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from engine.embedded.ports import free_port, is_open
from engine.embedded.process import ChildProcess, ProcessSpec, tail
from engine.errors import EmbeddedServerError

SLEEPS = "import time; print('sleeping', flush=True); time.sleep(600)"
LISTENS = "import socket, sys, time; s = socket.create_server(('127.0.0.1', int(sys.argv[1]))); time.sleep(600)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
# Starts a deaf grandchild and tells its pid; the parent itself ends at SIGTERM.
PARENT = f"""
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", {DEAF!r}], stdout=subprocess.PIPE, text=True)
child.stdout.readline()
print("grandchild", child.pid, flush=True)
time.sleep(600)
"""


class Home:
    """A folder of children; what a test leaves running is ended after it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pid_file = folder / "run" / "part.pid"
        self.log = folder / "logs" / "part.log"

    def child(
        self,
        code: str = SLEEPS,
        *arguments: str,
        ready: Callable[[], bool] | None = None,
        ready_timeout_s: float = 60,
        stop_timeout_s: float = 20,
        port: int | None = None,
        env: dict[str, str] | None = None,
    ) -> ChildProcess:
        return ChildProcess(
            ProcessSpec(
                name="part",
                argv=[sys.executable, "-S", "-c", code, *arguments],
                run_dir=self.folder / "run",
                log=self.log,
                env=env or {},
                cwd=self.folder,
                ready=ready or (lambda: bool(self.said())),
                ready_timeout_s=ready_timeout_s,
                stop_timeout_s=stop_timeout_s,
                port=port,
            )
        )

    def said(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    def record(self) -> dict[str, object]:
        record: dict[str, object] = json.loads(self.pid_file.read_text())
        return record


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path)
    yield home
    home.child(stop_timeout_s=0.1).stop()


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_gone(pid: int) -> None:
    """A stopped orphan is reaped by init a moment later."""
    end = time.monotonic() + 180
    while alive(pid):
        assert time.monotonic() < end, f"{pid} is still there"
        time.sleep(0.01)


def test_nothing_runs_at_first(home: Home) -> None:
    assert home.child().process() is None
    assert home.child().stop() is False


def test_started_once_and_found_by_another_object(home: Home) -> None:
    assert home.child().start() is True
    found = home.child().process()
    assert found is not None and found.pid == home.record()["pid"]
    assert home.child().start() is False
    again = home.child().process()
    assert again is not None and again.pid == found.pid
    assert home.said() == "sleeping\n"


def test_stop_ends_it_and_forgets_it(home: Home) -> None:
    home.child().start()
    process = home.child().process()
    assert process is not None
    assert home.child().stop() is True
    assert not alive(process.pid)
    assert not home.pid_file.exists()
    assert home.child().stop() is False


def test_it_gets_folder_variables_and_a_session_of_its_own(home: Home) -> None:
    shown = "os.getcwd(), os.environ['GREETING'], os.getsid(0) == os.getpid()"
    code = f"import os, time; print({shown}, flush=True); time.sleep(600)"
    home.child(code, env={"GREETING": "hello"}).start()
    assert home.said() == f"{home.folder} hello True\n"


def test_it_is_found_while_ctrl_c_hits_the_starter(home: Home) -> None:
    home.child().start()
    process = home.child().process()
    assert process is not None
    assert os.getpgid(process.pid) != os.getpgid(0), "a Ctrl-C in the terminal would end it"


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"pid": "x", "created": 1}', '{"pid": 4194304, "created": 1}'])
def test_damaged_or_stale_pid_file_is_survived(home: Home, text: str) -> None:
    home.pid_file.parent.mkdir(parents=True)
    home.pid_file.write_text(text)
    assert home.child().process() is None
    assert home.child().start() is True
    assert home.child().process() is not None


def test_pid_file_of_a_killed_child_is_survived(home: Home) -> None:
    home.child().start()
    process = home.child().process()
    assert process is not None
    process.kill()
    process.wait()
    assert home.child().process() is None
    assert home.pid_file.exists()
    assert home.child().start() is True
    assert home.record()["pid"] != process.pid


def test_stranger_with_the_same_pid_is_not_mistaken(home: Home) -> None:
    home.child().start()
    record = home.record()
    with subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"]) as stranger:
        try:
            # The pid went to another program; its start differs from the one that was written down.
            home.pid_file.write_text(json.dumps({**record, "pid": stranger.pid}))
            assert home.child().process() is None
            home.child().stop()
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_child_whose_starter_was_killed_before_it_wrote_the_pid_is_not_left(home: Home) -> None:
    home.child().start()
    first = home.record()["pid"]
    assert isinstance(first, int)
    home.pid_file.unlink()
    assert home.child().start() is True
    wait_gone(first)
    second = home.record()["pid"]
    assert isinstance(second, int) and second != first
    home.pid_file.unlink()
    assert home.child().stop() is True
    wait_gone(second)


def test_death_at_the_start_tells_the_last_lines(home: Home) -> None:
    code = "import sys; print('line of 1999'); [print('line', i) for i in range(30)]; sys.exit('no disk left')"
    with pytest.raises(EmbeddedServerError, match="part ended") as caught:
        home.child(code, ready=lambda: False).start()
    assert "no disk left" in caught.value.message and "line 29" in caught.value.message
    assert "1999" not in caught.value.message
    assert caught.value.value == str(home.log)
    assert home.child().process() is None


def test_program_that_is_not_there_is_named(home: Home) -> None:
    spec = ProcessSpec("part", ["/nowhere/server"], home.folder / "run", home.log)
    with pytest.raises(EmbeddedServerError, match="cannot be started") as caught:
        ChildProcess(spec).start()
    assert caught.value.value == "/nowhere/server"
    assert home.child().process() is None


def test_no_answer_in_time_stops_it(home: Home) -> None:
    child = home.child(ready=lambda: False, ready_timeout_s=0.5)
    child.start(wait=False)
    pid = home.record()["pid"]
    assert isinstance(pid, int)
    with pytest.raises(EmbeddedServerError, match="did not answer"):
        child.wait_ready()
    assert not alive(pid)
    assert not home.pid_file.exists()


def test_answer_of_another_program_on_its_port_does_not_count(home: Home) -> None:
    port = free_port()
    with subprocess.Popen([sys.executable, "-S", "-c", LISTENS, str(port)]) as stranger:
        try:
            while not is_open(port):
                time.sleep(0.01)
            with pytest.raises(EmbeddedServerError, match="did not answer"):
                home.child(ready=lambda: is_open(port), ready_timeout_s=0.5, port=port).start()
        finally:
            stranger.kill()


def test_it_is_ready_when_it_listens_itself(home: Home) -> None:
    port = free_port()
    assert home.child(LISTENS, str(port), ready=lambda: is_open(port), port=port).start() is True
    assert is_open(port)


def test_stop_ends_its_children_too(home: Home) -> None:
    home.child(PARENT).start()
    grandchild = int(home.said().split()[1])
    assert alive(grandchild)
    assert home.child().stop() is True
    wait_gone(grandchild)


def test_children_of_a_killed_child_are_ended(home: Home) -> None:
    home.child(PARENT).start()
    grandchild = int(home.said().split()[1])
    process = home.child().process()
    assert process is not None
    process.kill()
    process.wait()
    assert alive(grandchild)
    home.child().stop()
    wait_gone(grandchild)


def test_deaf_child_is_killed_after_its_time(home: Home) -> None:
    home.child(DEAF).start()
    process = home.child().process()
    assert process is not None
    process.send_signal(signal.SIGTERM)
    time.sleep(0.1)
    assert alive(process.pid), "it hears SIGTERM: the test shows nothing"
    assert home.child(stop_timeout_s=0.2).stop() is True
    wait_gone(process.pid)


def test_pid_file_tells_nobody_the_environment(home: Home) -> None:
    home.child(env={"NEO4J_PASSWORD": "hush-hush"}).start()
    assert "hush-hush" not in home.pid_file.read_text()
    assert stat.S_IMODE(home.pid_file.stat().st_mode) & 0o022 == 0


def test_log_is_kept_between_starts_and_put_aside_when_long(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    for time_started in (1, 2):
        home.child(ready=lambda lines=time_started: home.said().count("\n") == lines).start()  # type: ignore[misc]
        home.child().stop()
    assert home.said() == "sleeping\n" * 2
    monkeypatch.setattr("engine.embedded.process._LOG_LIMIT_BYTES", 10)
    home.child(ready=lambda: True).start()
    assert home.log.with_suffix(".log.1").read_text() == "sleeping\n" * 2


def test_tail_reads_the_end_only(tmp_path: Path) -> None:
    path = tmp_path / "log"
    assert tail(path, 3) == "(no log)"
    path.write_bytes(b"\xff" + b"x" * 100_000 + b"\none\ntwo\nthree\n")
    assert tail(path, 2) == "two\nthree"
    assert tail(path, 10).endswith("one\ntwo\nthree") and len(tail(path, 10)) <= 4000
