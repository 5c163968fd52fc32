"""`interestgraph verify` and `prune`: is the graph what its events say, and what of them may go."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from engine.domain import MS_PER_SECOND
from engine.errors import InterestGraphError
from engine.settings import get_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.verification.report import Check, Report

DIFFERS = 1
CANNOT = 2
_EXAMPLES = 5


class What(StrEnum):
    """What is compared."""

    INTERACTED = "interacted"
    INTERESTS = "interests"
    FOLLOWS = "follows"
    CO_OCCURRENCE = "co-occurrence"
    POPULARITY = "popularity"
    INTEGRITY = "integrity"
    ALL = "all"


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(verify)
    app.command()(prune)


def verify(
    what: Annotated[list[What] | None, typer.Option("--what", help="Compare only this; again for more.")] = None,
    sample: Annotated[
        int | None, typer.Option("--sample", min=1, help="Compare so many users and items only, drawn by chance.")
    ] = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="First set what differs of users to what their events say.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Count everything again from the events: exit status 0 when the graph is equal, 1 when it differs, 2 when it
    cannot be compared. Events may come in meanwhile."""
    from engine.graph.store import GraphStore
    from engine.verification.repair import repair_users
    from engine.verification.verify import ALL, Part
    from engine.verification.verify import verify as compare

    chosen = ALL if not what or What.ALL in what else tuple(Part(str(part)) for part in what)
    try:
        settings = get_settings()
        with GraphStore.open(settings) as store, _bar() as told:
            repaired = repair_users(store, settings, progress=told) if repair else None
            report = compare(store, settings, what=chosen, sample=sample, progress=told)
    except InterestGraphError as error:
        Console(stderr=True).print(f"[red]error[/red] [bold]{error.code}[/bold] {escape(str(error))}", highlight=False)
        raise typer.Exit(CANNOT) from error
    if as_json:
        found: dict[str, Any] = report.to_dict()
        if repaired is not None:
            found["repaired"] = {
                "items": repaired.items,
                "users": repaired.changed,
                "relationships": repaired.relationships,
            }
        sys.stdout.write(json.dumps(found, indent=1) + "\n")
    else:
        console = Console()
        if repaired is not None:
            done = f"Repaired {repaired.relationships} relationships of {repaired.changed} users"
            console.print(f"{done}, marked {repaired.items} items.", highlight=False)
        _print(console, report)
    if not report.ok:
        raise typer.Exit(DIFFERS)


def prune(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count what would go and write nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete raw events and faded relationships that are beyond the limits of `retention` in the settings."""
    from engine.graph.store import GraphStore
    from engine.retention.prune import prune as prune_now

    settings = get_settings()
    with GraphStore.open(settings) as store, _bar() as told:
        pruned = prune_now(store, settings, dry_run=dry_run, progress=told)
    if as_json:
        sys.stdout.write(json.dumps({"dry_run": dry_run, **pruned.to_dict()}, indent=1) + "\n")
        return
    console = Console()
    table = Table("what", "type", "would go" if dry_run else "gone")
    for name, counts in (("events", pruned.events), ("INTERACTED", pruned.interacted)):
        for kind, number in sorted(counts.items()):
            table.add_row(name, kind, str(number))
    if table.row_count:
        console.print(table)
    else:
        console.print("Nothing is beyond the limits.", highlight=False)
    if pruned.differing:
        console.print(
            f"[yellow]{len(pruned.differing)} users are left alone: they are not what their events say. "
            "Run interestgraph verify.[/yellow]",
            highlight=False,
        )


@contextmanager
def _bar() -> Iterator[Callable[[str, int, int], None]]:
    """Show progress on the error stream, so that what is printed stays clean."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, Any] = {}

        def told(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=None)
            bar.update(tasks[stage], completed=done, total=total or None)

        yield told


def _print(console: Console, report: Report) -> None:
    table = Table("compared", "number", "differ", "what differs")
    for check in report.checks:
        kinds = ", ".join(f"{kind} {number}" for kind, number in sorted(check.kinds.items()))
        colour = "red" if check.differing else "green"
        table.add_row(check.name, str(check.compared), f"[{colour}]{check.differing}[/]", kinds)
    console.print(table)
    for check in report.checks:
        _print_examples(console, check)
    since = ""
    if report.log_begins_at:
        day = datetime.fromtimestamp(report.log_begins_at / MS_PER_SECOND, UTC).strftime("%Y-%m-%d")
        since = f" Raw events from before {day} may be pruned; what they gave is taken as it is kept."
    verdict = "[green]equal[/green]" if report.ok else "[red]differs[/red]"
    console.print(f"{verdict} {report.events} events in {report.seconds:.1f} s.{since}", highlight=False)


def _print_examples(console: Console, check: Check) -> None:
    for reason, number in sorted(check.apart.items()):
        console.print(f"[dim]{check.name}: {number} apart, {reason}[/dim]", highlight=False)
    if not check.differing:
        return
    console.print(f"\n[bold]{check.name}[/bold]: {check.remedy}", highlight=False)
    for example in check.examples[:_EXAMPLES]:
        where = " ".join(f"{name} {value}" for name, value in example.where.items())
        console.print(
            escape(f"  {example.kind}: {where}: found {example.found}, expected {example.expected}"), highlight=False
        )
