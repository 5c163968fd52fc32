"""The lock files, and fetching from a repository that cuts, alters, refuses or is not there."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import get_args

import pytest

from engine.embedded import jars as module
from engine.embedded.jars import Jar, JarCache, lock_path, read_lock, write_atomic
from engine.embedded.lock import DROPPED_GROUPS
from engine.embedded.ports import free_port
from engine.errors import EmbeddedServerError
from engine.settings import Neo4jSettings

VERSIONS = get_args(Neo4jSettings.model_fields["version"].annotation)
CONTENT = {name: hashlib.sha256(name.encode()).digest() * 4000 for name in ("alpha", "beta", "gamma")}


@dataclass
class Repository:
    """A Maven repository of tiny files that misbehaves as told."""

    address: str = ""
    answers: dict[str, list[bytes]] = field(default_factory=dict)
    """Wrong contents, given once each before the right one, by artifact."""
    cut_after: dict[str, int] = field(default_factory=dict)
    """Bytes after which the first answer breaks off, by artifact."""
    status: dict[str, list[int]] = field(default_factory=dict)
    """Status codes given once each before the answer, by artifact."""
    ignores_range: bool = False
    requests: list[tuple[str, str | None]] = field(default_factory=list)

    def reply(self, handler: BaseHTTPRequestHandler) -> None:
        artifact = handler.path.split("/")[3]
        asked = handler.headers.get("Range")
        self.requests.append((artifact, asked))
        if self.status.get(artifact):
            handler.send_error(self.status[artifact].pop(0))
            return
        content = self.answers[artifact].pop(0) if self.answers.get(artifact) else CONTENT[artifact]
        start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked and not self.ignores_range else 0  # type: ignore[index]
        body = content[start:]
        handler.send_response(206 if start else 200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        cut = self.cut_after.pop(artifact, None)
        handler.wfile.write(body if cut is None else body[:cut])
        handler.wfile.flush()
        handler.close_connection = True

    def asked(self, artifact: str) -> list[str | None]:
        return [asked for name, asked in self.requests if name == artifact]


@pytest.fixture
def repository() -> Iterator[Repository]:
    repository = Repository()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            repository.reply(self)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        repository.address = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield repository
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_S", 0.01)


def jars() -> list[Jar]:
    return [Jar("org.test", name, "1.0", "", hashlib.sha256(c).hexdigest(), len(c)) for name, c in CONTENT.items()]


def cache_of(folder: Path, repository: Repository) -> JarCache:
    return JarCache(folder, "0.test", repository=repository.address, jars=jars())


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


RIGHT = {f"{name}-1.0.jar": content for name, content in CONTENT.items()}


@pytest.mark.parametrize("version", VERSIONS)
def test_lock_is_complete_and_plain(version: str) -> None:
    entries = read_lock(version)
    assert len(entries) > 100
    for jar in entries:
        assert re.fullmatch(r"[0-9a-f]{64}", jar.sha256) and jar.size > 0, jar
        assert jar.group not in DROPPED_GROUPS, jar
        assert "/" not in jar.filename and ".." not in jar.path, jar
    names = [jar.filename for jar in entries]
    assert len(set(names)) == len(names)
    libraries = [(jar.group, jar.artifact, jar.classifier) for jar in entries]
    assert len(set(libraries)) == len(libraries), "two versions of one library"
    assert {("org.neo4j", "neo4j", version), ("org.neo4j.app", "neo4j-server", version)} <= {
        (jar.group, jar.artifact, jar.version) for jar in entries
    }


def test_every_lock_has_its_setting() -> None:
    assert {path.stem for path in lock_path("").parent.glob("*.json")} == {f"neo4j-{version}" for version in VERSIONS}


def test_unknown_version_names_those_there_are() -> None:
    with pytest.raises(EmbeddedServerError) as caught:
        read_lock("1.2.3")
    assert caught.value.value == "1.2.3"
    assert all(version in (caught.value.remedy or "") for version in VERSIONS)


def test_names_follow_maven() -> None:
    jar = Jar("io.netty", "netty-epoll", "4.2", "linux-x86_64", "0" * 64, 1)
    assert jar.path == "io/netty/netty-epoll/4.2/netty-epoll-4.2-linux-x86_64.jar"


def test_fetches_everything_and_tells_how_far(tmp_path: Path, repository: Repository) -> None:
    seen: list[tuple[int, int]] = []
    folder = cache_of(tmp_path, repository).ensure(lambda done, total: seen.append((done, total)))
    assert contents(folder) == RIGHT
    total = sum(map(len, CONTENT.values()))
    assert max(seen) == (total, total)
    assert cache_of(tmp_path, repository).missing(full=True) == []


def test_cut_connection_goes_on_where_it_stopped(tmp_path: Path, repository: Repository) -> None:
    repository.cut_after["beta"] = 50_000
    folder = cache_of(tmp_path, repository).ensure()
    assert contents(folder) == RIGHT
    assert repository.asked("beta") == [None, "bytes=50000-"]


def test_new_start_goes_on_with_what_an_earlier_one_left(tmp_path: Path, repository: Repository) -> None:
    cache = cache_of(tmp_path, repository)
    cache.folder.mkdir(parents=True)
    (cache.folder / "gamma-1.0.jar.part").write_bytes(CONTENT["gamma"][:1000])
    assert contents(cache.ensure()) == RIGHT
    assert repository.asked("gamma") == ["bytes=1000-"]


def test_repository_without_ranges_is_read_from_the_start(tmp_path: Path, repository: Repository) -> None:
    repository.ignores_range = True
    repository.cut_after["beta"] = 50_000
    assert contents(cache_of(tmp_path, repository).ensure()) == RIGHT


def test_damaged_part_is_thrown_away(tmp_path: Path, repository: Repository) -> None:
    cache = cache_of(tmp_path, repository)
    cache.folder.mkdir(parents=True)
    (cache.folder / "gamma-1.0.jar.part").write_bytes(b"x" * 1000)
    assert contents(cache.ensure()) == RIGHT
    assert repository.asked("gamma") == ["bytes=1000-", None]


def test_trouble_that_passes_is_tried_again(tmp_path: Path, repository: Repository) -> None:
    repository.status["alpha"] = [503, 429]
    assert contents(cache_of(tmp_path, repository).ensure()) == RIGHT


def test_file_that_is_not_there_is_not_asked_for_again(tmp_path: Path, repository: Repository) -> None:
    repository.status["alpha"] = [404, 404, 404, 404]
    with pytest.raises(EmbeddedServerError, match="cannot be fetched"):
        cache_of(tmp_path, repository).ensure()
    assert len(repository.asked("alpha")) == 1


def test_altered_jar_is_fetched_again(tmp_path: Path, repository: Repository) -> None:
    folder = cache_of(tmp_path, repository).ensure()
    repository.requests.clear()
    altered = folder / "beta-1.0.jar"
    # Same length: only its content, or the time of its change, tells.
    altered.write_bytes(b"!" + CONTENT["beta"][1:])
    os.utime(altered, ns=(1, 1))
    cache = cache_of(tmp_path, repository)
    assert [jar.artifact for jar in cache.missing()] == ["beta"]
    assert contents(cache.ensure()) == RIGHT
    assert {name for name, _ in repository.requests} == {"beta"}


def test_full_look_finds_what_size_and_time_hide(tmp_path: Path, repository: Repository) -> None:
    folder = cache_of(tmp_path, repository).ensure()
    altered = folder / "beta-1.0.jar"
    before = altered.stat()
    altered.write_bytes(b"!" + CONTENT["beta"][1:])
    os.utime(altered, ns=(before.st_atime_ns, before.st_mtime_ns))
    cache = cache_of(tmp_path, repository)
    assert cache.missing() == []
    assert [jar.artifact for jar in cache.missing(full=True)] == ["beta"]


def test_wrong_content_once_is_fetched_again(tmp_path: Path, repository: Repository) -> None:
    repository.answers["alpha"] = [b"!" + CONTENT["alpha"][1:]]
    assert contents(cache_of(tmp_path, repository).ensure()) == RIGHT


@pytest.mark.parametrize("wrong", [b"!" + CONTENT["alpha"][1:], CONTENT["alpha"] + b"!", CONTENT["alpha"][:-1]])
def test_wrong_content_twice_is_refused(tmp_path: Path, repository: Repository, wrong: bytes) -> None:
    # A file that is too short comes back when its end is asked for.
    repository.answers["alpha"] = [wrong, wrong, wrong]
    cache = cache_of(tmp_path, repository)
    with pytest.raises(EmbeddedServerError, match="refused") as caught:
        cache.ensure()
    assert caught.value.field == "sha256"
    assert repository.address in (caught.value.remedy or "")
    assert not (cache.folder / "alpha-1.0.jar").exists()
    assert "alpha" in {jar.artifact for jar in cache.missing()}


def test_unreachable_repository_says_what_to_do(tmp_path: Path) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    cache = JarCache(tmp_path, "0.test", repository=address, jars=jars())
    with pytest.raises(EmbeddedServerError, match="cannot be fetched") as caught:
        cache.ensure()
    assert caught.value.value == address
    assert "reached" in (caught.value.remedy or "")


def test_cache_that_cannot_be_written_says_which(tmp_path: Path, repository: Repository) -> None:
    (tmp_path / "neo4j").write_text("a file where a folder should be")
    with pytest.raises(EmbeddedServerError) as caught:
        cache_of(tmp_path, repository).ensure()
    assert caught.value.field == "INTERESTGRAPH_CACHE"


def test_two_at_once_fetch_once(tmp_path: Path, repository: Repository) -> None:
    # Each opens the lock file for itself, so threads exclude each other as processes do.
    errors: list[BaseException] = []

    def fetch() -> None:
        try:
            cache_of(tmp_path, repository).ensure()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=fetch) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sorted(name for name, _ in repository.requests) == sorted(CONTENT)


def test_second_look_reads_no_jar(tmp_path: Path, repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    cache_of(tmp_path, repository).ensure()
    repository.requests.clear()

    def read(path: Path) -> str:
        raise AssertionError(f"{path} was read")

    monkeypatch.setattr(module, "_sha256", read)
    cache_of(tmp_path, repository).ensure()
    assert repository.requests == []


def test_what_the_lock_does_not_name_is_removed(tmp_path: Path, repository: Repository) -> None:
    folder = cache_of(tmp_path, repository).ensure()
    (folder / "injected.jar").write_bytes(b"java would load it")
    assert contents(cache_of(tmp_path, repository).ensure()) == RIGHT


def test_written_file_has_its_mode_whatever_was_there(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "secret"
    old = os.umask(0)
    try:
        write_atomic(path, "first")
        write_atomic(path, "second", mode=0o600)
    finally:
        os.umask(old)
    assert path.read_text() == "second"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["secret"]
