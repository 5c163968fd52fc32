"""Ports: remembered, apart from each other, never one that somebody uses."""

from __future__ import annotations

import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.embedded.ports import Ports, free_port, is_free, is_open


@contextmanager
def taken(port: int = 0, address: str = "127.0.0.1") -> Iterator[int]:
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((address, port))
        server.listen()
        yield server.getsockname()[1]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "ports.json"


def test_nothing_is_remembered_at_first(path: Path) -> None:
    assert Ports(path).get("neo4j") is None


def test_choice_is_remembered_by_others(path: Path) -> None:
    port = Ports(path).choose("neo4j")
    assert Ports(path).get("neo4j") == port
    assert Ports(path).choose("neo4j", preferred=free_port()) == port
    assert stat.S_IMODE(path.stat().st_mode) & 0o022 == 0


def test_preferred_port_is_taken_when_free(path: Path) -> None:
    preferred = free_port()
    assert Ports(path).choose("neo4j", preferred=preferred) == preferred


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
def test_preferred_port_of_another_program_is_left_alone(path: Path, address: str) -> None:
    with taken(address=address) as port:
        assert Ports(path).choose("neo4j", preferred=port) != port


def test_remembered_port_changes_when_it_was_taken(path: Path) -> None:
    remembered = Ports(path).choose("neo4j")
    with taken(remembered):
        other = Ports(path).choose("neo4j")
        assert other != remembered and is_free(other)
    assert Ports(path).get("neo4j") == other


def test_parts_get_distinct_ports(path: Path) -> None:
    preferred = free_port()
    ports = [Ports(path).choose(part, preferred=preferred) for part in ("neo4j", "valkey", "api")]
    assert len(set(ports)) == 3
    assert [Ports(path).get(part) for part in ("neo4j", "valkey", "api")] == ports


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"neo4j": "7687"}', '{"neo4j": true}', '{"neo4j": 70000}'])
def test_damaged_file_counts_as_empty(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert Ports(path).get("neo4j") is None
    port = Ports(path).choose("neo4j")
    assert Ports(path).get("neo4j") == port


def test_open_and_free_are_told_apart() -> None:
    with taken() as port:
        assert is_open(port) and not is_free(port)
    assert is_free(port) and not is_open(port)
