"""Both embedded servers together: up, down, status, addresses."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.embedded.jars import JarCache, Progress, file_lock
from engine.embedded.neo4j_server import Neo4jServer
from engine.embedded.ports import Ports, is_free
from engine.embedded.process import ChildProcess
from engine.embedded.valkey_server import ValkeyServer
from engine.errors import DatabaseUnavailableError, EmbeddedServerError
from engine.settings import Settings

NEO4J: Final = "neo4j"
VALKEY: Final = "valkey"
PARTS: Final = (NEO4J, VALKEY)
_BOLT_PORT: Final = 7687
_REDIS_PORT: Final = 6379


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where database and broker answer, and how to log in."""

    neo4j_uri: str
    neo4j_user: str
    neo4j_password: str
    redis_url: str

    def __repr__(self) -> str:
        return f"Endpoints(neo4j_uri={self.neo4j_uri!r}, neo4j_user={self.neo4j_user!r})"


class EmbeddedStack:
    """Neo4j and Valkey below one home folder; a part with an address of its own in the settings is left alone."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        home = settings.home
        self.run_dir = home / "run"
        self.secrets_dir = home / "secrets"
        self.ports = Ports(self.run_dir / "ports.json")
        self.jars = JarCache(settings.cache, settings.neo4j.version, repository=settings.neo4j.repository)
        self.neo4j = Neo4jServer(
            home / f"neo4j-{settings.neo4j.version}",
            self.jars.folder,
            settings.neo4j,
            secret=self.password_file,
            run_dir=self.run_dir,
        )
        self.valkey = ValkeyServer(home / "valkey", secret=self.secrets_dir / "valkey_password", run_dir=self.run_dir)

    @property
    def password_file(self) -> Path:
        """File that holds the password of Neo4j."""
        return self.secrets_dir / f"neo4j_password_{self.settings.neo4j.version}"

    def parts(self) -> tuple[str, ...]:
        """Give the parts that are embedded: those without an address in the settings."""
        external = {NEO4J: self.settings.neo4j_uri, VALKEY: self.settings.redis_url}
        return tuple(part for part in PARTS if external[part] is None)

    def up(self, *, only: Collection[str] | None = None, progress: Progress | None = None) -> list[str]:
        """Start what does not run and wait until it answers; a second call at the same time waits for the first.

        Returns:
            Names of the parts that were started now.
        """
        started = []
        self.secrets_dir.mkdir(parents=True, exist_ok=True)
        self.secrets_dir.chmod(0o700)
        with file_lock(self.run_dir / "up.lock"):
            wanted = [part for part in self.parts() if only is None or part in only]
            if VALKEY in wanted and self._start_valkey():
                started.append(VALKEY)
            if NEO4J in wanted and self._start_neo4j(progress):
                started.append(NEO4J)
        return started

    def use_free_ports(self) -> None:
        """Choose ports that nobody uses rather than the usual ones, where none are remembered."""
        for part in PARTS:
            if self.ports.get(part) is None:
                self.ports.choose(part)

    def down(self) -> list[str]:
        """Stop what runs; give the parts that were stopped."""
        with file_lock(self.run_dir / "up.lock"):
            return [part for part in (NEO4J, VALKEY) if self.child(part).stop()]

    def child(self, part: str) -> ChildProcess:
        """Give the child process of a part, running or not."""
        port = self.ports.get(part) or 0
        return self.neo4j.process(port) if part == NEO4J else self.valkey.process(port)

    def endpoints(self) -> Endpoints:
        """Give the addresses: those of the settings, else those of the embedded servers.

        Raises:
            DatabaseUnavailableError: An embedded server was never started here.
        """
        settings = self.settings
        try:
            if settings.neo4j_uri is not None:
                uri, user, password = settings.neo4j_uri, settings.neo4j_user, settings.password() or ""
            else:
                uri, user, password = f"bolt://127.0.0.1:{self._port(NEO4J)}", "neo4j", self.neo4j.password()
            url = self.redis_url() or ""
        except FileNotFoundError as error:
            raise _never_started(str(settings.home)) from error
        return Endpoints(uri, user, password, url)

    def redis_url(self) -> str | None:
        """Give the broker's address, or none where it was never started."""
        if self.settings.redis_url is not None:
            return self.settings.redis_url.get_secret_value()
        port = self.ports.get(VALKEY)
        return self.valkey.url(port) if port is not None and self.valkey.has_password() else None

    def _port(self, part: str) -> int:
        port = self.ports.get(part)
        if port is None:
            raise _never_started(str(self.settings.home))
        return port

    def _start_valkey(self) -> bool:
        if self.child(VALKEY).process() is not None:
            self.valkey.require_password()
            self.child(VALKEY).wait_ready()
            return False
        self._start_on_free_port(VALKEY, self.valkey, preferred=_REDIS_PORT)
        return True

    def _start_neo4j(self, progress: Progress | None) -> bool:
        self._refuse_other_version()
        if self.child(NEO4J).process() is not None:
            self.neo4j.require_password()
            self.child(NEO4J).wait_ready()
            self.neo4j.mark_initialised()
            return False
        self.jars.ensure(progress)
        self._start_on_free_port(NEO4J, self.neo4j, preferred=_BOLT_PORT)
        self.neo4j.mark_initialised()
        return True

    def _start_on_free_port(self, part: str, server: Neo4jServer | ValkeyServer, *, preferred: int) -> None:
        """Start a server; once more where its port was taken meanwhile, or a first start had been cut."""
        for again in (True, True, False):
            port = self.ports.choose(part, preferred=preferred)
            server.prepare(port)
            child = server.process(port)
            try:
                child.start()
            except EmbeddedServerError:
                child.stop()
                taken = not is_free(port)
                unfinished = not taken and isinstance(server, Neo4jServer) and server.set_aside_unfinished()
                if not again or not (taken or unfinished):
                    raise
            else:
                return

    def _refuse_other_version(self) -> None:
        others = [
            path.parent.name
            for path in self.settings.home.glob("neo4j-*/initialised")
            if path.parent != self.neo4j.home
        ]
        running = self.child(NEO4J).process()
        if running is not None and f"--home-dir={self.neo4j.home}" not in running.cmdline():
            raise EmbeddedServerError(
                "Neo4j of another version is running here.",
                field="INTERESTGRAPH_NEO4J__VERSION",
                value=self.settings.neo4j.version,
                remedy="Run interestgraph down with its version first.",
            )
        if others and not self.neo4j.is_initialised():
            raise EmbeddedServerError(
                f"This folder holds the graph of {', '.join(sorted(others))}.",
                field="INTERESTGRAPH_NEO4J__VERSION",
                value=self.settings.neo4j.version,
                remedy="Set that version, or another INTERESTGRAPH_HOME.",
            )


def _never_started(home: str) -> DatabaseUnavailableError:
    return DatabaseUnavailableError(
        "No embedded server was started here yet.",
        field="INTERESTGRAPH_HOME",
        value=home,
        remedy="Run: interestgraph up. Or set NEO4J_URI and REDIS_URL.",
    )


def endpoints(settings: Settings) -> Endpoints:
    """Give the addresses of database and broker for these settings."""
    return EmbeddedStack(settings).endpoints()
