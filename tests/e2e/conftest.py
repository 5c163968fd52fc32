"""The whole stack, started by the command as a user would, on a slice of the demo's data."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.servers import PATIENT

COMMAND = str(Path(sys.executable).parent / "interestgraph")
HOUSEHOLDS = "120"


@dataclass(frozen=True)
class Stack:
    """A running stack and how to reach it."""

    environment: dict[str, str]
    output: str

    def run(self, *arguments: str, timeout_s: float = 900) -> subprocess.CompletedProcess[str]:
        """Run the command against this stack."""
        return subprocess.run(
            [COMMAND, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_s,
        )


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The demo's stack after its story on a slice of the data."""
    home = tmp_path_factory.mktemp("home")
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in {"NEO4J_URI", "REDIS_URL", "NEO4J_PASSWORD", "NEO4J_PASSWORD_FILE"}
    }
    environment |= {
        "INTERESTGRAPH_HOME": str(home),
        "INTERESTGRAPH_NEO4J__HEAP_MB": "512",
        "INTERESTGRAPH_API__PORT": "0",
        "INTERESTGRAPH_API__FRESHNESS_WAIT_S": "60",
        **PATIENT,
        "INTERESTGRAPH_TRAINING__EPOCHS": "2",
        "COLUMNS": "160",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    started = Stack(environment, "")
    try:
        done = started.run("demo", "--households", HOUSEHOLDS, timeout_s=3000)
        assert done.returncode == 0, done.stdout + done.stderr
        yield Stack(environment, done.stdout)
    finally:
        started.run("down")
