"""`interestgraph keys`, as a person runs it."""

from __future__ import annotations

import os
import subprocess
import sys

from api.keys import KeyRing, Scope, list_keys
from engine.graph.store import GraphStore
from engine.settings import Settings
from tests.support.api_server import ROOT, address_of


def run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from interestgraph.cli import main; main()", "keys", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=180,
    )


def test_made_listed_revoked(neo4j_server: Settings, store: GraphStore) -> None:
    environment = address_of(neo4j_server, "redis://127.0.0.1:1/0")
    made = run(environment, "create", "shop", "--scope", "read", "--days", "30")
    assert made.returncode == 0, made.stderr
    key = made.stdout.strip()
    found = KeyRing(lambda: store).verify(key)
    assert (found.name, found.scopes) == ("shop", {Scope.READ})
    assert key not in made.stderr

    listed = run(environment, "list")
    assert found.id in listed.stdout
    assert "valid until" in listed.stdout
    assert key.split("_", 2)[2] not in listed.stdout

    assert run(environment, "revoke", found.id).returncode == 0
    assert list_keys(store)[0].revoked_at is not None

    wrong = run(environment, "create", "shop", "--scope", "root")
    assert wrong.returncode == 1
    assert "no such scope" in wrong.stderr
    assert "Traceback" not in wrong.stderr
