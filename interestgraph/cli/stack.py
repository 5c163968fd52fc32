"""Commands of the stack: `up`, `down`, `status`, `logs`, `doctor`."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import psutil
import typer
from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table

from engine.embedded.process import tail
from engine.errors import InvalidInputError
from engine.settings import Settings, get_settings
from interestgraph.cli.services import ALL, Services, uptime_s

Only = Annotated[str | None, typer.Option("--only", help=f"Parts, separated by commas: {', '.join(ALL)}.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    for command in (up, down, status, logs, doctor):
        app.command()(command)


def up(only: Only = None) -> None:
    """Start Neo4j, Valkey, API, consumer, workers and beat; come back when they answer."""
    start_stack(get_settings(), only=only)


def start_stack(settings: Settings, *, only: str | None = None) -> Services:
    """Start the stack with a progress bar for what has to be fetched."""
    console = Console()
    services = Services(settings)
    begin = time.monotonic()
    columns = (
        TextColumn("fetching Neo4j"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("fetch", total=None, visible=False)
        started = services.up(
            only=_parts(only),
            progress=lambda done, total: bar.update(task, completed=done, total=total, visible=True),
            say=lambda text: console.print(text, highlight=False),
        )
    seconds = time.monotonic() - begin
    what = f"started {', '.join(started)}" if started else "everything was running"
    console.print(f"[green]up[/green] {what} ({seconds:.1f} s)", highlight=False)
    return services


def down(only: Only = None) -> None:
    """Stop everything that was started here, the last started first."""
    stopped = Services(get_settings()).down(only=_parts(only))
    Console().print(f"stopped {', '.join(stopped)}" if stopped else "nothing was running", highlight=False)


def status(as_json: AsJson = False) -> None:
    """Show each part: state, pid, address, memory, uptime."""
    rows = part_rows(get_settings())
    if as_json:
        sys.stdout.write(json.dumps(rows, indent=1) + "\n")
        return
    table = Table()
    for column in ("part", "state", "pid", "address", "memory", "up"):
        table.add_column(column)
    for row in rows:
        memory = f"{row['memory_mb']:.0f} MB" if row["memory_mb"] is not None else ""
        since = f"{row['uptime_s'] / 60:.1f} min" if row["uptime_s"] is not None else ""
        state = f"[{'green' if row['state'] in ('running', 'external') else 'dim'}]{row['state']}[/]"
        table.add_row(row["part"], state, str(row["pid"] or ""), row["address"] or "", memory, since)
    Console().print(table)


def part_rows(settings: Settings) -> list[dict[str, Any]]:
    """Give what is known of each part."""
    services = Services(settings)
    external = {"neo4j": settings.neo4j_uri, "valkey": "REDIS_URL" if settings.redis_url is not None else None}
    rows = []
    for part in ALL:
        row: dict[str, Any] = {"part": part, "pid": None, "address": None, "memory_mb": None, "uptime_s": None}
        port = services.embedded.ports.get(part)
        if external.get(part):
            rows.append({**row, "state": "external", "address": external[part]})
            continue
        pid_file = services.embedded.run_dir / f"{part}.pid"
        child = services.found(part)
        process = child.process()
        if process is None:
            rows.append({**row, "state": "stale pid" if pid_file.exists() else "stopped"})
            continue
        schemes = {"neo4j": "bolt", "valkey": "redis", "api": "http"}
        address = f"{schemes[part]}://127.0.0.1:{port}" if part in schemes and port else None
        memory_mb = sum(_memory_mb(member) for member in family(process))
        row |= {"pid": process.pid, "address": address, "memory_mb": round(memory_mb, 1), "uptime_s": uptime_s(child)}
        rows.append({**row, "state": "running"})
    return rows


def family(process: psutil.Process) -> list[psutil.Process]:
    """Give a process and everything it started."""
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return [process]


def _memory_mb(process: psutil.Process) -> float:
    try:
        return float(process.memory_info().rss) / 1e6
    except psutil.Error:
        return 0.0


def logs(
    part: Annotated[str, typer.Argument(help=f"One of {', '.join(ALL)}.")] = "api",
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, max=10_000, help="Lines from the end.")] = 40,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as lines come.")] = False,
) -> None:
    """Show the log of a part."""
    (name,) = _parts(part) or [part]
    path = Services(get_settings()).found(name).spec.log
    sys.stdout.write(tail(path, lines) + "\n")
    if follow:
        _follow(path)


def _follow(path: Path) -> None:
    with path.open("rb") as file:
        file.seek(0, 2)
        try:
            while True:
                if text := file.read():
                    sys.stdout.write(text.decode("utf-8", "replace"))
                    sys.stdout.flush()
                time.sleep(0.2)
        except KeyboardInterrupt:
            return


def addresses(settings: Settings) -> dict[str, str]:
    """Give the stack's addresses as variables, without secrets: the password stays in its file."""
    services = Services(settings)
    endpoints = services.embedded.endpoints()
    variables = {"INTERESTGRAPH_API_URL": services.api_url(), "INTERESTGRAPH_BOLT_URI": endpoints.neo4j_uri}
    variables["INTERESTGRAPH_BOLT_USER"] = endpoints.neo4j_user
    if settings.neo4j_uri is None:
        variables["INTERESTGRAPH_BOLT_PASSWORD_FILE"] = str(services.embedded.password_file)
    return variables


def doctor(as_json: AsJson = False) -> None:
    """Look for the usual causes when something does not start; exit with 1 when something is wrong."""
    from interestgraph.cli.doctor import examine

    findings = []
    console = Console()
    with Live(console=console, transient=True, refresh_per_second=4):
        for finding in examine(get_settings()):
            findings.append(finding)
            if not as_json:
                style = {"ok": "green", "warn": "yellow", "fail": "red"}[finding.level]
                remedy = f" [dim]{finding.remedy}[/dim]" if finding.remedy else ""
                console.print(
                    f"[{style}]{finding.level:4}[/] {finding.what}: {finding.detail}{remedy}", highlight=False
                )
    if as_json:
        sys.stdout.write(json.dumps([finding.to_dict() for finding in findings], indent=1) + "\n")
    if any(finding.level == "fail" for finding in findings):
        raise typer.Exit(1)


def _parts(text: str | None) -> list[str] | None:
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",") if part.strip()]
    for part in parts:
        if part not in ALL:
            raise InvalidInputError(
                "There is no such part.", field="part", value=part, remedy=f"Use one of {', '.join(ALL)}."
            )
    return parts
