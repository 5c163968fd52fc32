"""`interestgraph train`: a model from the graph, with progress, measured against simple rankings."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from engine.errors import InterestGraphError
from engine.settings import Settings, get_settings, load_settings
from engine.threads import wait_briefly

if TYPE_CHECKING:
    from engine.graph.store import GraphStore
    from engine.training.loop import Report
    from engine.training.train import Metrics, Trained

_NAMES = {
    "model": "interestgraph",
    "co_occurrence": "counted co-occurrence",
    "popularity": "popularity",
    "popularity_7_days": "popularity, last 7 days",
}
_SHOWN = ("recall@10", "ndcg@10", "mrr", "coverage@10")


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(train)


def train(
    epochs: Annotated[int | None, typer.Option(min=1, help="Most epochs; the setting by itself.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed; the setting by itself.")] = None,
    max_seconds: Annotated[float | None, typer.Option(min=1, help="Seconds after which it ends.")] = None,
    embed: Annotated[bool, typer.Option(help="Enqueue the job that embeds and activates.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print the metrics as JSON.")] = False,
) -> None:
    """Train a model on the graph; after a kill, the same command goes on where it was."""
    from engine.graph.store import GraphStore

    given = {"epochs": epochs, "seed": seed, "max_seconds": max_seconds}
    overrides = {name: value for name, value in given.items() if value is not None}
    settings = get_settings()
    if overrides:
        settings = load_settings(training={**settings.training.model_dump(), **overrides})
    with GraphStore.open(settings) as store:
        trained = train_with_progress(store, settings, Console(quiet=as_json, highlight=False))
        if as_json:
            sys.stdout.write(json.dumps({"version": trained.version, "metrics": trained.metrics}) + "\n")
        if embed:
            _enqueue(store, settings, trained.version, Console(stderr=True, highlight=False))


def train_with_progress(store: GraphStore, settings: Settings, console: Console) -> Trained:
    """Train in this process and draw progress, loss, validation and time left; end with the table of metrics."""
    wait_briefly()
    from engine.pipelines.train import train_from_graph

    columns = (
        TextColumn("  {task.description}"),
        BarColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("reads the graph", total=None, note="")

        def stage(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total or None, note="")

        def report(at: Report) -> None:
            best = f", best NDCG@10 {at.best_ndcg:.4f}" if at.best_ndcg is not None else ""
            note = f"loss {at.loss:.3f}{best}, at most {at.seconds_left:.0f} s left"
            bar.update(task, description=f"epoch {at.epoch}", completed=at.step, total=at.steps, note=note)
            if at.ndcg is not None:
                console.print(f"  epoch {at.epoch:2}  loss {at.loss:.3f}  validation NDCG@10 {at.ndcg:.4f}")

        checkpoints = settings.home / "checkpoints" / "command"
        trained = train_from_graph(store, settings, checkpoints=checkpoints, stage=stage, report=report)
    for line in media_lines(trained.card):
        console.print(f"  {line}", highlight=False)
    console.print(metrics_table(trained.metrics, trained.card))
    return trained


def media_lines(card: Mapping[str, Any]) -> list[str]:
    """Say what a training read of images and audio, and which files it could not."""
    lines: list[str] = []
    for name, entry in (card.get("media") or {}).items():
        refused = entry.get("refused", 0)
        source = entry.get("encoder") or entry.get("vectors")
        lines.append(f"{name}: {entry['items']} items, by {source}" + (f"; {refused} refused" if refused else ""))
        lines += [f"  {example}" for example in entry.get("refused_examples", [])]
    return lines


def metrics_table(metrics: Metrics, card: dict[str, Any]) -> Table:
    """Draw the metrics of the last days: new items, and all items."""
    days = card["settings"]["training"]["test_days"]
    table = Table(title=f"held-out last {days:g} days", title_justify="left")
    table.add_column("new items for the user")
    for name in _SHOWN:
        table.add_column(name, justify="right")
    for name, measured in metrics.items():
        row = [f"{measured['discovery'].get(metric, float('nan')):.4f}" for metric in _SHOWN]
        table.add_row(_NAMES.get(name, name), *row, style="bold" if name == "model" else None)
    return table


def _enqueue(store: GraphStore, settings: Settings, version: str, console: Console) -> None:
    from engine.jobs import JobKind, create_job
    from workers.contracts import send_job

    job = create_job(store, JobKind.REEMBED, {"selection": "all", "version": version, "activate": True})
    try:
        send_job(settings, job)
    except InterestGraphError as error:
        console.print(f"job {job.id} waits: {error.message}", style="yellow")
        return
    console.print(f"job {job.id} embeds the graph and activates {version}: interestgraph jobs watch {job.id}")
