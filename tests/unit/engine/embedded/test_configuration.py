"""What is written for the servers: conf files and passwords."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from engine.embedded import EmbeddedStack, neo4j_server
from engine.embedded.neo4j_server import Neo4jServer
from engine.embedded.valkey_server import ValkeyServer
from engine.errors import DatabaseUnavailableError, EmbeddedServerError
from engine.settings import Neo4jSettings, load_settings


def neo4j(folder: Path, **settings: int) -> Neo4jServer:
    home = folder / "neo4j"
    secret = folder / "secrets" / "neo4j_password"
    return Neo4jServer(home, folder / "lib", Neo4jSettings(**settings), secret=secret, run_dir=folder / "run")


def valkey(folder: Path) -> ValkeyServer:
    return ValkeyServer(folder / "valkey", secret=folder / "secrets" / "valkey_password", run_dir=folder / "run")


def pairs(text: str, separator: str) -> dict[str, str]:
    lines = [line.split(separator, 1) for line in text.splitlines()]
    assert len({key for key, _ in lines}) == len(lines), "a key stands twice"
    return {line[0]: line[1] for line in lines}


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_neo4j_listens_on_loopback_only_and_tells_nobody(tmp_path: Path) -> None:
    conf = pairs(neo4j(tmp_path).configuration(7777), "=")
    listening = {key: value for key, value in conf.items() if "address" in key}
    assert {value.split(":")[0] for value in listening.values()} == {"127.0.0.1"}
    assert conf["server.bolt.listen_address"] == "127.0.0.1:7777" == conf["server.bolt.advertised_address"]
    assert conf["server.default_listen_address"] == "127.0.0.1"
    assert conf["server.http.enabled"] == conf["server.https.enabled"] == "false"
    assert conf["dbms.usage_report.enabled"] == "false"
    assert "dbms.security.auth_enabled" not in conf


def test_neo4j_memory_follows_the_settings(tmp_path: Path) -> None:
    server = neo4j(tmp_path, heap_mb=700, page_cache_mb=90)
    assert pairs(server.configuration(1), "=")["server.memory.pagecache.size"] == "90m"
    argv = server.process(1).spec.argv
    assert "-Xmx700m" in argv and "-Xms256m" in argv


@pytest.mark.parametrize(
    ("machine_mb", "heap_mb", "cache_mb"), [(4096, 512, 128), (24_576, 2048, 384), (1_048_576, 4096, 4096)]
)
def test_neo4j_memory_follows_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, machine_mb: int, heap_mb: int, cache_mb: int
) -> None:
    monkeypatch.setattr(neo4j_server, "memory_mb", lambda: machine_mb)
    server = neo4j(tmp_path)
    assert (server.heap_mb(), server.page_cache_mb()) == (heap_mb, cache_mb)


@pytest.mark.parametrize(
    ("cores", "heap_mb", "collector"), [(2, 512, "Serial"), (2, 2048, "Parallel"), (8, 2048, "G1")]
)
def test_the_collector_fits_cores_and_heap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cores: int, heap_mb: int, collector: str
) -> None:
    monkeypatch.setattr(neo4j_server.os, "cpu_count", lambda: cores)
    argv = neo4j(tmp_path, heap_mb=heap_mb).process(1).spec.argv
    assert [option for option in argv if option.endswith("GC")] == [f"-XX:+Use{collector}GC"]


@pytest.mark.parametrize("limit", ["max\n", "nonsense", str(1 << 62)])
def test_container_without_a_limit_counts_as_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(neo4j_server, "_CGROUP_LIMIT", tmp_path / "absent")
    machine_mb = neo4j_server.memory_mb()
    (tmp_path / "memory.max").write_text(limit)
    monkeypatch.setattr(neo4j_server, "_CGROUP_LIMIT", tmp_path / "memory.max")
    assert neo4j_server.memory_mb() == machine_mb > 0


def test_smaller_container_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "memory.max").write_text(f"{100 * 1024 * 1024}\n")
    monkeypatch.setattr(neo4j_server, "_CGROUP_LIMIT", tmp_path / "memory.max")
    assert neo4j_server.memory_mb() == 100


def test_no_password_is_an_argument(tmp_path: Path) -> None:
    valkey(tmp_path).prepare(1)
    password = valkey(tmp_path).password()
    assert not any(password in word for word in valkey(tmp_path).process(1).spec.argv)
    assert "127.0.0.1:1" not in str(valkey(tmp_path).process(1).spec.env)


def test_valkey_listens_on_loopback_with_a_password_and_keeps_its_data(tmp_path: Path) -> None:
    server = valkey(tmp_path)
    server.prepare(6666)
    conf = pairs((tmp_path / "valkey" / "valkey.conf").read_text(), " ")
    assert (conf["bind"], conf["port"]) == ("127.0.0.1", "6666")
    assert conf["requirepass"] == server.password() and len(server.password()) >= 32
    assert conf["appendonly"] == "yes"
    assert conf["set-proc-title"] == "no", "the mark in its environment would be lost"
    # A full queue must refuse, never forget.
    assert conf["maxmemory-policy"] == "noeviction"
    assert server.url(6666) == f"redis://:{server.password()}@127.0.0.1:6666/0"


def test_valkey_secrets_are_closed_under_an_open_umask(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        valkey(tmp_path).prepare(1)
    finally:
        os.umask(old)
    assert mode(tmp_path / "secrets" / "valkey_password") == 0o600
    assert mode(tmp_path / "valkey" / "valkey.conf") == 0o600


def test_valkey_keeps_its_password(tmp_path: Path) -> None:
    valkey(tmp_path).prepare(1)
    before = valkey(tmp_path).password()
    valkey(tmp_path).prepare(2)
    assert valkey(tmp_path).password() == before


def test_initialised_store_without_its_password_is_not_given_another(tmp_path: Path) -> None:
    server = neo4j(tmp_path)
    server.mark_initialised()
    with pytest.raises(EmbeddedServerError, match="password of the embedded Neo4j is gone") as caught:
        server.prepare(1)
    assert str(tmp_path / "neo4j") in (caught.value.remedy or "")
    assert not (tmp_path / "secrets" / "neo4j_password").exists()


def test_unfinished_store_is_moved_not_deleted(tmp_path: Path) -> None:
    server = neo4j(tmp_path)
    assert not server.set_aside_unfinished()
    kept = tmp_path / "neo4j" / "data" / "databases" / "store"
    kept.parent.mkdir(parents=True)
    kept.write_text("rows")
    assert server.set_aside_unfinished()
    (aside,) = (tmp_path / "neo4j").glob("data.unfinished-*")
    assert (aside / "databases" / "store").read_text() == "rows"


def test_store_that_was_up_is_never_moved(tmp_path: Path) -> None:
    server = neo4j(tmp_path)
    (tmp_path / "neo4j" / "data" / "databases").mkdir(parents=True)
    server.mark_initialised()
    assert not server.set_aside_unfinished()
    assert (tmp_path / "neo4j" / "data" / "databases").is_dir()


def test_folder_of_another_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "neo4j-5.26.31").mkdir()
    (tmp_path / "neo4j-5.26.31" / "initialised").write_text("5.26.31\n")
    stack = EmbeddedStack(load_settings(home=tmp_path, neo4j_uri=None, redis_url=None))
    with pytest.raises(EmbeddedServerError, match=r"holds the graph of neo4j-5\.26\.31"):
        stack.up(only=["neo4j"])
    assert stack.ports.get("neo4j") is None


def test_part_with_an_address_is_not_ours(tmp_path: Path) -> None:
    stack = EmbeddedStack(
        load_settings(
            home=tmp_path, neo4j_uri="bolt://db.example:7687", neo4j_password="p", redis_url="redis://broker:6379/0"
        )
    )
    assert stack.parts() == ()
    assert stack.up() == []
    found = stack.endpoints()
    assert (found.neo4j_uri, found.redis_url) == ("bolt://db.example:7687", "redis://broker:6379/0")


def test_endpoints_before_the_first_start_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailableError, match="interestgraph up"):
        EmbeddedStack(load_settings(home=tmp_path, neo4j_uri=None, redis_url=None)).endpoints()


def test_endpoints_do_not_print_their_secrets(tmp_path: Path) -> None:
    settings = load_settings(
        home=tmp_path, neo4j_uri="bolt://h:1", neo4j_password="hush", redis_url="redis://:quiet@h/0"
    )
    shown = repr(EmbeddedStack(settings).endpoints())
    assert "bolt://h:1" in shown and "hush" not in shown and "quiet" not in shown
