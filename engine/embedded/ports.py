"""Free ports on the loopback address, chosen once and remembered."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Final

from engine.embedded.jars import write_atomic

_HIGHEST: Final = 65535


class Ports:
    """Ports by name, kept in a file below the home folder."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, name: str) -> int | None:
        """Give the remembered port of a part."""
        return self._read().get(name)

    def choose(self, name: str, *, preferred: int = 0, insist: bool = False) -> int:
        """Give the remembered port if it is free, else the preferred one, else any free one; remember it.

        Args:
            name: Name of the part.
            preferred: The port to take where none is remembered.
            insist: Whether the preferred port goes before the remembered one.
        """
        ports = self._read()
        taken = {port for other, port in ports.items() if other != name}
        remembered = ports.get(name, 0)
        for candidate in (preferred, remembered) if insist else (remembered, preferred):
            if candidate and candidate not in taken and is_free(candidate):
                port = candidate
                break
        else:
            port = free_port()
            while port in taken:
                port = free_port()
        if ports.get(name) != port:
            write_atomic(self._path, json.dumps({**ports, name: port}, indent=1))
        return port

    def _read(self) -> dict[str, int]:
        try:
            content = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        if not isinstance(content, dict):
            return {}
        return {name: port for name, port in content.items() if type(port) is int and 0 < port <= _HIGHEST}


def is_free(port: int) -> bool:
    """Tell whether nobody listens on a port of the loopback address."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return not is_open(port)


def is_open(port: int, timeout_s: float = 0.2) -> bool:
    """Tell whether somebody answers on a port of the loopback address."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=timeout_s):
            return True
    except OSError:
        return False


def free_port() -> int:
    """Give a port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
