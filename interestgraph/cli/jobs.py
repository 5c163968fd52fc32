"""`interestgraph jobs` and `reembed`."""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Column, Table

from engine.domain import MS_PER_SECOND, EpochMs, JobState
from engine.errors import BrokerUnavailableError, InterestGraphError, InvalidInputError
from engine.jobs import Job, create_job, get_job, list_jobs, request_cancel
from engine.settings import get_settings
from workers.contracts import send_job

if TYPE_CHECKING:
    from engine.graph.store import GraphStore

jobs = typer.Typer(help="Jobs of the workers: list, show, start, watch, cancel.", no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
JobId = Annotated[str, typer.Argument(metavar="ID", help="Its id, as `list` shows it; `last` is the newest one.")]
_COLOUR = {
    JobState.QUEUED: "yellow",
    JobState.RUNNING: "cyan",
    JobState.SUCCEEDED: "green",
    JobState.FAILED: "red",
    JobState.CANCELLED: "dim",
}
_POLL_S = 0.3
_QUIET_S = 15


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(jobs, name="jobs")
    app.command()(reembed)


@jobs.command("list")
def list_(
    state: Annotated[list[str] | None, typer.Option("--state", "-s", help="Only this state; again for more.")] = None,
    kind: Annotated[list[str] | None, typer.Option("--kind", "-k", help="Only this kind; again for more.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", help="Most jobs.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show jobs, newest first."""
    with _store() as store:
        found = list_jobs(store, limit=limit, states=state, kinds=kind)
    if as_json:
        _print_json([job.to_dict() for job in found])
        return
    table = Table(Column("id", no_wrap=True), "kind", "state", "done", "made", "took", "message")
    for job in found:
        table.add_row(job.id, job.kind, _state(job), _share(job), _clock(job.created_at), _took(job), job.message[:60])
    Console().print(table)


@jobs.command()
def show(job_id: JobId, as_json: AsJson = False) -> None:
    """Show one job with its parameters and its result."""
    with _store() as store:
        job = _find(store, job_id)
    if as_json:
        _print_json(job.to_dict())
        return
    _print_job(Console(), job)


@jobs.command()
def start(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="Its kind, for example rebuild_co_occurrence.")],
    params: Annotated[str, typer.Option("--params", help="Its parameters, as a JSON object.")] = "{}",
    follow: Annotated[bool, typer.Option("--watch", "-w", help="Follow the job to its end.")] = False,
) -> None:
    """Have the workers run a job of any kind."""
    try:
        given = json.loads(params)
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise InvalidInputError("The parameters are no JSON object.", field="params", value=params)
    console = Console()
    with _store() as store:
        job = enqueue(store, kind, given, console)
        if follow and watch_job(store, job.id, console).state != JobState.SUCCEEDED:
            raise typer.Exit(1)


@jobs.command()
def watch(job_id: JobId) -> None:
    """Follow a job to its end; the exit status is 0 when it succeeds."""
    with _store() as store:
        job = watch_job(store, _find(store, job_id).id, Console())
    if job.state != JobState.SUCCEEDED:
        raise typer.Exit(1)


@jobs.command()
def cancel(job_id: JobId) -> None:
    """Ask a job to stop; what it has written stays."""
    with _store() as store:
        job = request_cancel(store, _find(store, job_id).id)
    what = "is cancelled" if job.state == JobState.CANCELLED else "stops after its present step"
    Console().print(f"Job {job.id} {what}.", highlight=False)


def reembed(
    everything: Annotated[bool, typer.Option("--all", help="Every item, interest and user.")] = False,
    dirty: Annotated[bool, typer.Option("--dirty", help="What changed since its last embedding.")] = False,
    items: Annotated[str | None, typer.Option(help="Items, separated by commas.")] = None,
    users: Annotated[str | None, typer.Option(help="Users, separated by commas.")] = None,
    interests: Annotated[str | None, typer.Option(help="Interests, separated by commas.")] = None,
    version: Annotated[str | None, typer.Option(help="Embedding version; the active one when left out.")] = None,
    hops: Annotated[int | None, typer.Option(help="Steps of the graph that are read, 0 to 2.")] = None,
    activate: Annotated[bool, typer.Option("--activate", help="Serve from this version when all is embedded.")] = False,
    follow: Annotated[bool, typer.Option("--watch", "-w", help="Follow the job to its end.")] = False,
) -> None:
    """Have the workers make vectors of the chosen nodes again."""
    named = {"items": items, "users": users, "interests": interests}
    chosen = [name for name, value in named.items() if value is not None]
    chosen += [name for name, wanted in (("all", everything), ("dirty", dirty)) if wanted]
    if len(chosen) != 1:
        raise InvalidInputError(
            "One selection is needed.",
            field="selection",
            value=", ".join(chosen) or None,
            remedy="Give one of --all, --dirty, --items, --users, --interests.",
        )
    params: dict[str, Any] = {"selection": chosen[0], "activate": activate}
    if named.get(chosen[0]):
        params["ids"] = [part.strip() for part in str(named[chosen[0]]).split(",") if part.strip()]
    params |= {name: value for name, value in (("version", version), ("hops", hops)) if value is not None}
    console = Console()
    with _store() as store:
        job = enqueue(store, "reembed", params, console)
        if follow and watch_job(store, job.id, console).state != JobState.SUCCEEDED:
            raise typer.Exit(1)


def enqueue(store: GraphStore, kind: str, params: dict[str, Any], console: Console) -> Job:
    """Make a job and send it; say so where the broker does not answer."""
    job = create_job(store, kind, params)
    try:
        send_job(get_settings(), job)
    except BrokerUnavailableError:
        console.print("[yellow]The Redis server does not answer; the job waits in the graph until it does.[/yellow]")
    console.print(f"Job [bold]{job.id}[/bold] ({job.kind}) is queued.", highlight=False)
    return job


def watch_job(store: GraphStore, job_id: str, console: Console) -> Job:
    """Follow a job to its end with a progress bar."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    hinted = False
    began = time.monotonic()
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(job_id, total=None)
        while True:
            job = get_job(store, job_id)
            bar.update(task, description=job.message[:60], completed=job.done, total=job.total or None)
            if job.state.is_final:
                break
            if job.state == JobState.QUEUED and not hinted and time.monotonic() - began > _QUIET_S:
                console.print("No worker has taken the job yet. Does one run? interestgraph status", style="yellow")
                hinted = True
            time.sleep(_POLL_S)
    _print_job(console, job)
    return job


def _store() -> GraphStore:
    from engine.graph.store import GraphStore

    return GraphStore.open(get_settings())


def _find(store: GraphStore, job_id: str) -> Job:
    if job_id != "last":
        return get_job(store, job_id)
    newest = list_jobs(store, limit=1)
    if not newest:
        raise InterestGraphError("There are no jobs yet.", remedy="Make one: interestgraph reembed --all.")
    return newest[0]


def _print_job(console: Console, job: Job) -> None:
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    rows: list[tuple[str, object]] = [
        ("job", job.id),
        ("kind", job.kind),
        ("state", _state(job)),
        ("version", job.version or ""),
        ("parameters", json.dumps(dict(job.params))),
        ("done", _share(job)),
        ("took", _took(job)),
        ("message", job.message),
    ]
    rows += [(name, value) for name, value in job.result.items()]
    if job.error is not None:
        rows += [("error", job.error["code"]), ("remedy", job.error.get("remedy") or "")]
    for name, value in rows:
        if value not in ("", None):
            table.add_row(f"[dim]{name}[/dim]", str(value))
    console.print(table)


def _state(job: Job) -> str:
    asked = " (asked to stop)" if job.cancel_requested and not job.state.is_final else ""
    return f"[{_COLOUR[job.state]}]{job.state}[/]{asked}"


def _share(job: Job) -> str:
    return f"{job.done}/{job.total}" if job.total else str(job.done)


def _took(job: Job) -> str:
    if job.started_at is None:
        return ""
    end = job.finished_at or int(time.time() * MS_PER_SECOND)
    return f"{(end - job.started_at) / MS_PER_SECOND:.1f} s"


def _clock(at: EpochMs) -> str:
    return datetime.fromtimestamp(at / MS_PER_SECOND, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, indent=1) + "\n")
