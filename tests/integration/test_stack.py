"""`interestgraph up | status | logs | down` with real servers: at once, after kills, on taken ports, half-made stores.

The tests share one home and run in order; each leaves the servers running for the next but the last.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import neo4j
import psutil
import pytest
import redis

from engine.embedded import EmbeddedStack
from engine.embedded.process import MARK
from engine.embedded.stack import NEO4J, PARTS, VALKEY
from engine.settings import Settings, load_settings
from engine.stream.producer import EventProducer
from tests.support.celery_worker import wait_until

MAIN = "from interestgraph.cli import main; main()"
BOTH = ("up", "--only", "neo4j,valkey")


class Stack:
    """A home folder and the command over it."""

    def __init__(self, home: Path) -> None:
        self.home = home

    @property
    def settings(self) -> Settings:
        return load_settings(
            home=self.home, neo4j={"heap_mb": 512, "page_cache_mb": 64}, neo4j_uri=None, redis_url=None
        )

    @property
    def embedded(self) -> EmbeddedStack:
        return EmbeddedStack(self.settings)

    def begin(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        environment = {
            **os.environ,
            "INTERESTGRAPH_HOME": str(self.home),
            "INTERESTGRAPH_NEO4J__HEAP_MB": "512",
            "INTERESTGRAPH_NEO4J__PAGE_CACHE_MB": "64",
            "NEO4J_URI": "",
            "NEO4J_PASSWORD": "",
            "REDIS_URL": "",
            "COLUMNS": "1000",
            **variables,
        }
        return subprocess.Popen(
            [sys.executable, "-c", MAIN, *arguments],
            env=environment,
            cwd=self.home,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, fails: bool = False, variables: dict[str, str] | None = None) -> str:
        """Run the command; give what it printed, or its error where it is to fail."""
        with self.begin(*arguments, **(variables or {})) as command:
            output, error = command.communicate()
        assert (command.returncode != 0) is fails, f"{output}\n{error}"
        return error if fails else output

    def pids(self) -> dict[str, int]:
        found = {}
        for part in PARTS:
            process = self.embedded.child(part).process()
            if process is not None:
                found[part] = process.pid
        return found

    def processes(self) -> list[psutil.Process]:
        """Everything that was started below this home, by the mark in its environment."""
        found = []
        for process in psutil.process_iter():
            try:
                mark = process.environ().get(MARK, "")
                if mark.startswith(str(self.home)) and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def names(self) -> list[str]:
        return sorted(Path(process.exe()).name for process in self.processes())

    def query(self, text: str) -> list[dict[str, object]]:
        endpoints = self.embedded.endpoints()
        login = (endpoints.neo4j_user, endpoints.neo4j_password)
        with neo4j.GraphDatabase.driver(endpoints.neo4j_uri, auth=login) as driver:
            return [record.data() for record in driver.execute_query(text, database_="neo4j").records]

    @contextmanager
    def broker(self) -> Iterator[redis.Redis]:
        with redis.Redis.from_url(self.embedded.endpoints().redis_url, decode_responses=True) as client:
            yield client


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A home whose very first start was killed while the password was being written."""
    stack = Stack(Path(tmp_path_factory.mktemp("stack")))
    embedded = stack.embedded
    embedded.use_free_ports()
    half_written = embedded.neo4j.home / "data" / "dbms" / "auth.ini"
    half_written.parent.mkdir(parents=True)
    half_written.write_text("neo4j:SHA-256,2ee9d8")
    try:
        yield stack
    finally:
        stack.embedded.down()


def test_two_ups_at_once_start_one_pair(stack: Stack) -> None:
    commands = [stack.begin(*BOTH) for _ in range(2)]
    outputs = []
    for command in commands:
        with command:
            output, error = command.communicate()
        assert command.returncode == 0, f"{output}\n{error}"
        outputs.append(output)
    assert sorted("started" in output for output in outputs) == [False, True]
    assert stack.names() == ["java", "valkey-server"]
    assert set(stack.pids()) == set(PARTS)
    stack.query("CREATE (:Kept {n: 1})")
    with stack.broker() as broker:
        broker.set("kept", "1")


def test_up_again_changes_nothing(stack: Stack) -> None:
    before = stack.pids()
    assert stack.embedded.up() == []
    assert stack.pids() == before


def test_secrets_are_closed_and_on_no_command_line(stack: Stack) -> None:
    endpoints = stack.embedded.endpoints()
    with stack.broker() as broker:
        word = str(broker.connection_pool.connection_kwargs["password"])
    lines = [" ".join(process.cmdline()) for process in stack.processes()]
    texts = [path.read_text(errors="replace") for path in stack.home.glob("*/*.log")]
    texts += [path.read_text(errors="replace") for path in stack.home.glob("*/logs/*.log")]
    texts += [path.read_text() for path in stack.home.glob("run/*.pid")]
    assert len(lines) == 2 and len(texts) >= 4
    for text in (*lines, *texts):
        assert endpoints.neo4j_password not in text and word not in text
    assert stat.S_IMODE((stack.home / "secrets").stat().st_mode) == 0o700
    for path in (*stack.home.glob("secrets/*"), stack.home / "valkey" / "valkey.conf"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_servers_listen_on_loopback_only(stack: Stack) -> None:
    for process in stack.processes():
        listening = [c.laddr.ip for c in process.net_connections("inet") if c.status == psutil.CONN_LISTEN]
        assert listening and {ip.removeprefix("::ffff:") for ip in listening} == {"127.0.0.1"}


def test_status_and_logs_show_them(stack: Stack) -> None:
    rows = {row["part"]: row for row in json.loads(stack.run("status", "--json"))}
    pids = stack.pids()
    for part in PARTS:
        assert rows[part]["state"] == "running" and rows[part]["pid"] == pids[part]
        assert rows[part]["address"].endswith(f"127.0.0.1:{stack.embedded.ports.get(part)}")
        assert rows[part]["memory_mb"] > 1 and rows[part]["uptime_s"] >= 0
    assert rows["api"]["state"] == "stopped" and rows["api"]["pid"] is None
    assert "Started." in stack.run("logs", "neo4j")
    assert "no such part" in stack.run("logs", "kafka", fails=True)


def test_killed_servers_come_back_with_their_data(stack: Stack) -> None:
    before = stack.pids()
    for pid in before.values():
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: stack.pids() == {})
    assert sorted(stack.embedded.up()) == sorted(PARTS)
    assert not set(stack.pids().values()) & set(before.values())
    assert stack.query("MATCH (k:Kept) RETURN k.n AS n") == [{"n": 1}]
    with stack.broker() as broker:
        assert broker.get("kept") == "1"


def test_wrong_password_file_is_one_line_that_says_what_to_do(stack: Stack) -> None:
    path = stack.embedded.password_file
    right = path.read_text()
    before = stack.pids()
    try:
        path.write_text("wrong-password")
        error = stack.run(*BOTH, fails=True)
    finally:
        path.write_text(right)
    assert "Traceback" not in error and len(error.strip().splitlines()) == 1
    assert "refuses the password" in error and str(path) in error and "Put the right password there" in error
    assert "wrong-password" not in error
    assert stack.pids() == before, "a server that runs is not punished for a file"


def test_part_with_an_address_is_not_started(stack: Stack, tmp_path: Path) -> None:
    endpoints = stack.embedded.endpoints()
    other = Stack(tmp_path)
    variables = {"NEO4J_URI": endpoints.neo4j_uri, "REDIS_URL": endpoints.redis_url}
    assert "everything was running" in other.run(*BOTH, variables=variables)
    assert other.processes() == [] and list(tmp_path.glob("run/*.pid")) == []
    rows = {row["part"]: row for row in json.loads(other.run("status", "--json", variables=variables))}
    assert (rows["neo4j"]["state"], rows["valkey"]["state"]) == ("external", "external")
    assert endpoints.redis_url not in json.dumps(rows), "the address holds a password"


def test_taken_ports_and_a_lost_mark_lose_no_data(stack: Stack) -> None:
    embedded = stack.embedded
    assert sorted(embedded.down()) == sorted(PARTS)
    before = {part: embedded.ports.get(part) for part in PARTS}
    # As after a kill between the first answer and the mark.
    (embedded.neo4j.home / "initialised").unlink()
    with ExitStack() as programs:
        for port in before.values():
            assert port is not None
            program = programs.enter_context(socket.socket())
            program.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            program.bind(("127.0.0.1", port))
            program.listen()
        assert sorted(stack.embedded.up()) == sorted(PARTS)
    after = {part: stack.embedded.ports.get(part) for part in PARTS}
    assert not set(after.values()) & set(before.values())
    assert stack.query("MATCH (k:Kept) RETURN k.n AS n") == [{"n": 1}]
    assert (stack.embedded.neo4j.home / "initialised").exists()
    with stack.broker() as broker:
        assert broker.get("kept") == "1"


def test_consumer_is_a_part_that_writes_what_the_stream_holds(stack: Stack) -> None:
    with EventProducer(stack.settings) as producer:
        producer.send([{"type": "view", "user_id": "u", "item_id": "i"}], create_missing=True)
        # The schema is not there yet either, so that the command fails.
        with stack.begin("doctor", "--json") as command:
            findings = {each["what"]: each for each in json.loads(command.communicate()[0])}
        assert findings["stream"]["level"] == "warn" and "--only consumer" in findings["stream"]["remedy"]
        assert "started consumer" in stack.run("up", "--only", "consumer")
        wait_until(lambda: producer.length() == 0, why=lambda: stack.run("logs", "consumer"))
    assert stack.query("MATCH (e:Event) RETURN e.user_id AS user") == [{"user": "u"}]
    row = {row["part"]: row for row in json.loads(stack.run("status", "--json"))}["consumer"]
    assert row["state"] == "running" and row["memory_mb"] < 200, "it needs neither torch nor pandas"
    findings = {each["what"]: each for each in json.loads(stack.run("doctor", "--json"))}
    assert findings["stream"]["level"] == "ok", findings["stream"]
    assert stack.run("down", "--only", "consumer").strip() == "stopped consumer"
    assert "consumer_ended" in stack.run("logs", "consumer")


def test_down_leaves_nothing_and_survives_stale_files(stack: Stack) -> None:
    (stack.home / "run" / "beat.pid").write_text(json.dumps({"pid": os.getpid(), "created": 1.0}))
    # As when the command was killed between starting the server and writing its pid.
    (stack.home / "run" / "valkey.pid").unlink()
    assert stack.run("down").strip() == f"stopped {VALKEY}, {NEO4J}"
    assert stack.processes() == []
    assert list(stack.home.glob("run/*.pid")) == []
    assert stack.run("down").strip() == "nothing was running"
