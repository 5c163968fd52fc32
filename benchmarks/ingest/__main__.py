"""How fast events become graph: `python -m benchmarks.ingest`.

Neo4j, Valkey, API, worker, beat, consumer and the generator share this machine. Real purchases are replayed: the first
part is imported as the past, the following ones are sent live. Graphs that take minutes to make are kept below the
home folder for later runs. Exit status 1 when a must is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.ingest import driver, growth, latency, throughput, verification
from benchmarks.ingest.purchases import PASSES, Purchases
from benchmarks.ingest.result import VERDICTS, Result, together, with_unit
from benchmarks.ingest.stack import ALL, Stack, copied, import_all, prepared, wait_until_moved
from engine.settings import load_settings

LIVE: Final = (latency.SINGLE, latency.ANSWER, throughput.STREAM, throughput.REST, driver.NAME)
ROWS: Final = (*LIVE, growth.GRAPH, growth.PAST, verification.NAME)
WHOLE_WAY: Final = "end-to-end"
"""Name of the row that is made from two others."""
_COLOURS: Final = {"aim": "green", "must": "cyan", "missed": "red", "reported": "dim"}
_CONSOLE: Final = Console(stderr=True)
_ROOT: Final = Path(__file__).resolve().parents[2]


class Line:
    """One line on the terminal that says how it goes on; on a file, one line every ten seconds."""

    def __init__(self, row: str) -> None:
        self._row = row
        self._said = 0.0

    def __call__(self, text: str) -> None:
        if time.monotonic() - self._said < (0.2 if _CONSOLE.is_terminal else 10):
            return
        self._said = time.monotonic()
        _CONSOLE.print(f"{self._row}: {text}", end="\r" if _CONSOLE.is_terminal else "\n", highlight=False)

    def progress(self, stage: str, done: int, total: int | None) -> None:
        """Say how far a stage is."""
        self(f"making the graph, {stage}: {done:,}" + (f" of {total:,}" if total else ""))


def main() -> None:
    """Measure, print the table, write JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ingest", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0, help="how long a rate is sustained")
    parser.add_argument("--quick", action="store_true", help="short looks: a bar is no verdict then")
    parser.add_argument("--only", action="append", choices=ROWS, help="rows to measure; repeatable")
    parser.add_argument(
        "--home", type=Path, default=load_settings().cache / "bench-ingest", help="folder of the graphs"
    )
    parser.add_argument("--json", type=Path, help="file for the numbers; with --only, its other rows stay")
    options = parser.parse_args()
    # What a user has set for a stack of his own must not change what is measured.
    for name in ("NEO4J_URI", "NEO4J_PASSWORD", "NEO4J_PASSWORD_FILE", "REDIS_URL", "INTERESTGRAPH_HOME"):
        os.environ.pop(name, None)
    os.environ.setdefault("INTERESTGRAPH_API__RATE_LIMIT", "1000000 per minute")
    minutes = 0.5 if options.quick else options.minutes
    chosen = options.only or list(ROWS)
    began, environment = time.monotonic(), _environment()
    before: dict[str, Any] = {}
    if options.only and options.json and options.json.exists():
        try:
            before = _earlier(options.json, environment, quick=options.quick)
        except ValueError as error:
            parser.error(f"--json {options.json}: {error}; name another file")
    results: list[Result] = []
    failures: dict[str, str] = {}
    seconds: dict[str, float] = {}
    with ExitStack() as opened:
        live = _Live(options.home, opened) if set(chosen) & set(LIVE) else None
        for name in [row for row in ROWS if row in chosen]:
            line = Line(name)
            started = time.monotonic()
            try:
                results += _measure(name, live, options.home, minutes, line, quick=options.quick)
            except Exception as error:
                failures[name] = f"{type(error).__name__}: {error}"
                _CONSOLE.print(f"[red]{name}[/red] {failures[name]}", highlight=False, markup=True)
            seconds[name] = round(time.monotonic() - started, 1)
    at = datetime.now(UTC).isoformat(timespec="seconds")
    when = {"at": at, "commit": environment["commit"], "load_1_min": environment["machine"]["load_1_min"]}
    order = (*ROWS, WHOLE_WAY)
    rows = together(before.get("rows", []), [{**result.to_dict(), **when} for result in results], order)
    failures = {**{name: text for name, text in before.get("failures", {}).items() if name not in chosen}, **failures}
    seconds = {**before.get("seconds", {}), **seconds}
    if {throughput.STREAM, driver.NAME} & set(chosen) and (whole_way := _end_to_end(rows)):
        results.append(whole_way)
        rows = together(rows, [{**whole_way.to_dict(), **when}], order)
    report = {
        "at": at,
        **environment,
        "options": {"minutes": minutes, "quick": options.quick, "only": options.only},
        "seconds": {**seconds, "all": round(time.monotonic() - began, 1)},
        "rows": rows,
        "failures": failures,
    }
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    _print(results, report)
    missed = [result for result in results if result.verdict == "missed"]
    sys.exit(1 if missed or failures else 0)


class _Live:
    """The stack with the past imported, and the events that follow; started when first needed."""

    def __init__(self, home: Path, opened: ExitStack) -> None:
        self.purchases = Purchases()
        self.events: Iterator[dict[str, Any]] = self.purchases.live()
        self._home = home
        self._opened = opened
        self._stack: Stack | None = None

    def stack(self, line: Line) -> Stack:
        """Give the running stack."""
        if self._stack is None:
            past = self._home / "past"
            key = f"past={self.purchases.past.height} passes={PASSES}"
            prepared(past, lambda store, settings: _filled(store, settings, self.purchases, line), key=key)
            self._stack = Stack(copied(past, self._home / "run"))
            self._opened.callback(self._stack.down)
            line("starting the stack")
            self._stack.up(*ALL)
            self.store = self._opened.enter_context(self._stack.store())
        return self._stack

    def settle(self, line: Line) -> None:
        """Wait until the graph has worked in what came before."""
        wait_until_moved(self.stack(line), self.store, timeout_s=300, tell=lambda left: line(f"{left:,} wait"))


def _filled(store: Any, settings: Any, purchases: Purchases, line: Line) -> dict[str, Any]:
    import_all(store, settings, purchases.dataset(), line.progress)
    return {"events": purchases.past.height}


def _measure(name: str, live: _Live | None, home: Path, minutes: float, line: Line, *, quick: bool) -> list[Result]:
    if name == growth.GRAPH:
        return [growth.larger_graph(home, 10 if quick else 40, line.progress, line)]
    if name == growth.PAST:
        return [growth.longer_past(home, 60 if quick else 400, line.progress, line)]
    if name == verification.NAME:
        return [verification.whole_year(home, line.progress, line)]
    assert live is not None
    stack = live.stack(line)
    live.settle(line)
    requests = 200 if quick else 1000
    if name == latency.SINGLE:
        return latency.single_event(stack, live.events, requests, line)
    if name == latency.ANSWER:
        users = [str(user) for user in live.purchases.past["user_id"].unique().sort()]
        return latency.changed_answer(stack, users, requests, line)
    if name == throughput.STREAM:
        return [throughput.stream_rate(stack, live.store, live.events, minutes, line)]
    if name == throughput.REST:
        return [throughput.rest_rate(stack, live.store, live.events, minutes, line)]
    # Only the database works: what the fold has to do afterwards would run beside the one that is measured second.
    stack.services.down(only=("worker-cpu", "beat", "consumer", "api"))
    return [driver.driver_share(stack, live.store, live.events, 5 if quick else 30, line)]


def _earlier(path: Path, environment: Mapping[str, Any], *, quick: bool) -> dict[str, Any]:
    """Read an earlier run whose other rows stay.

    Raises:
        ValueError: It cannot be read, or its rows cannot stand beside those of this run.
    """
    found = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(found, dict) or not {"rows", "machine", "versions", "settings", "options"} <= found.keys():
        raise ValueError("this is no result of an earlier run")
    if quick or found["options"]["quick"]:
        raise ValueError("a short look does not stand beside whole runs")
    for part, own, other in (
        *((part, environment[part], found[part]) for part in ("versions", "settings")),
        *((part, environment["machine"][part], found["machine"].get(part)) for part in ("cores", "processor")),
    ):
        if own != other:
            raise ValueError(f"{part} were others then")
    return found


def _end_to_end(rows: Sequence[Mapping[str, Any]]) -> Result | None:
    """Give the whole way's share of the bare driver's rate, where both were measured."""
    by_name = {row["name"]: row for row in rows}
    if throughput.STREAM not in by_name or driver.NAME not in by_name:
        return None
    rate, bare = by_name[throughput.STREAM]["measured"], by_name[driver.NAME]["details"]["bare_per_s"]
    return Result(WHOLE_WAY, "stream, moved and folded, share of a bare driver's rate", "", None, None,
                  round(rate / bare, 3), more_is_better=True)  # fmt: skip


def _environment() -> dict[str, Any]:
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=_ROOT, capture_output=True, text=True, check=False
    )
    settings = load_settings()
    return {
        "commit": commit.stdout.strip(),
        "machine": {"cores": os.cpu_count(), "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
                    "processor": _processor(), "load_1_min": os.getloadavg()[0]},
        "versions": {"python": platform.python_version(), "neo4j": settings.neo4j.version,
                     **{name: metadata.version(name) for name in ("neo4j-rust-ext", "redis", "celery", "gunicorn")}},
        "settings": {name: getattr(settings, name).model_dump(mode="json")
                     for name in ("co_occurrence", "stream", "api", "workers")},
    }  # fmt: skip


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor()
    )


def _print(results: list[Result], report: dict[str, Any]) -> None:
    title = f"{report['commit']}, {report['machine']['cores']} cores, {report['at']}"
    table = Table(title=title)
    for column in ("", "must", "aim", "measured", "verdict"):
        table.add_column(column, justify="left" if column in ("", "verdict") else "right")
    for result in results:
        table.add_row(
            result.what,
            *(with_unit(value, result.unit) for value in (result.must, result.aim, result.measured)),
            f"[{_COLOURS[result.verdict]}]{VERDICTS[result.verdict]}[/]",
        )
    for name, text in report["failures"].items():
        table.add_row(name, "", "", "", f"[red]{text[:80]}[/]")
    Console().print(table)


if __name__ == "__main__":
    main()
