"""`interestgraph evaluate`: train and measure on a public data set, full ranking, seed by seed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from engine.errors import InvalidInputError
from engine.settings import Settings
from engine.threads import wait_briefly

if TYPE_CHECKING:
    from engine.evaluation.case import Case
    from engine.training.loop import Report

_SHOWN = {
    "recall@5": "R@5",
    "recall@10": "R@10",
    "recall@20": "R@20",
    "ndcg@5": "N@5",
    "ndcg@10": "N@10",
    "ndcg@20": "N@20",
    "mrr": "MRR",
    "coverage@10": "C@10",
}
_WIDTH = 110


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(evaluate)


def evaluate(
    sequences: Annotated[
        Path | None, typer.Option(help="One line a user: user id, then item ids, oldest first; plain or .gz.")
    ] = None,
    events: Annotated[
        Path | None, typer.Option(help="CSV user_id, item_id, type, at; split by time (training.test_days).")
    ] = None,
    items: Annotated[Path | None, typer.Option(help="CSV item_id, title, and lists split by | in genres.")] = None,
    attributes: Annotated[Path | None, typer.Option(help="JSON of item id to attribute ids.")] = None,
    modality: Annotated[
        list[str] | None,
        typer.Option(help="NAME=FILE, vectors of the items: .npy by item number, .npz by id; may stand many times."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="First seed.")] = 1,
    seeds: Annotated[int, typer.Option(min=1, help="Number of seeds, one after the other.")] = 1,
    json_out: Annotated[Path | None, typer.Option("--json", help="Write the result as JSON.")] = None,
    assignments: Annotated[
        list[str] | None, typer.Option("--set", help="A setting, section.key=value; may stand many times.")
    ] = None,
) -> None:
    """Train and measure the recommender on a data set in files; after a kill, the same command goes on.

    Sequences: all but the last two items of a user are learnt from, the second last is chosen on, the last is the
    test. The whole catalogue is ranked without the history; ties count as the mean rank.
    """
    wait_briefly()
    from engine.evaluation.case import with_overrides
    from engine.evaluation.run import evaluate_seeds
    from engine.evaluation.vectors import named_file
    from engine.training.group import TrainingGroup

    if (sequences is None) == (events is None):
        raise InvalidInputError(
            "Give sequences or events, one of the two.", field="--sequences", remedy="interestgraph evaluate --help"
        )
    settings = with_overrides(assignments or [])
    vectors: dict[str, Path] = {}
    for name, path in map(named_file, modality or []):
        if name in vectors:
            raise InvalidInputError("The modality stands twice.", field="--modality", value=name)
        vectors[name] = path
    if json_out is not None and not json_out.absolute().parent.is_dir():
        raise InvalidInputError("The folder of the result does not exist.", field="--json", value=str(json_out))
    group = TrainingGroup.join()
    console = Console(highlight=False, quiet=not group.first)
    columns = (
        TextColumn("  {task.description}"),
        BarColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("reads the files", total=None, note="")

        def encoded(done: int, total: int) -> None:
            bar.update(task, description="encodes titles", completed=done, total=total)

        case = _case(sequences, events, items, attributes, vectors, settings, encoded)
        console.print("  " + ", ".join(f"{name} {value}" for name, value in case.describe().items()), width=_WIDTH)

        def report(seed: int, at: Report) -> None:
            note = f"loss {at.loss:.3f}, at most {at.seconds_left:.0f} s left"
            bar.update(task, description=f"seed {seed}, epoch {at.epoch}", completed=at.step, total=at.steps, note=note)
            if at.ndcg is not None:
                console.print(f"  seed {seed}  epoch {at.epoch:2}  loss {at.loss:.3f}  valid NDCG@10 {at.ndcg:.4f}")

        def say(seed: int, what: str) -> None:
            bar.update(task, description=f"seed {seed}, {what}", completed=0, total=None, note="")

        found = evaluate_seeds(
            case,
            range(seed, seed + seeds),
            folder=settings.home / "evaluations",
            report=report,
            say=say,
            done=lambda result: console.print(result_table(result)),
        )
    if "summary" in found:
        console.print(summary_table(found))
    if json_out is not None and group.first:
        temporary = json_out.with_name(f".{json_out.name}")
        temporary.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        temporary.replace(json_out)
        console.print(f"  written to {json_out}")
    group.leave()


def _case(
    sequences: Path | None,
    events: Path | None,
    items: Path | None,
    attributes: Path | None,
    vectors: Mapping[str, Path],
    settings: Settings,
    progress: Any,
) -> Case:
    from engine.evaluation.case import event_case, sequence_case
    from engine.features.text import TextEncoder

    encoder = TextEncoder(settings.model.text_encoder, cache=settings.cache)

    def encode(texts: Any) -> Any:
        return encoder.encode(texts, progress=progress)

    if sequences is not None:
        return sequence_case(sequences, settings, items=items, attributes=attributes, vectors=vectors, encode=encode)
    if events is None:  # the caller has checked
        raise InvalidInputError("There is no file.", field="--events")
    return event_case(events, settings, items=items, attributes=attributes, vectors=vectors, encode=encode)


def result_table(result: dict[str, Any]) -> Table:
    """Draw one seed: validation, test, each term alone, and the test by length of the history."""
    title = (
        f"{result['dataset']['name']}, seed {result['seed']}, {result['epochs']} epochs, "
        f"{result['train_seconds']:.0f} s, {result['peak_memory_mb']} MB"
    )
    table = _table(title)
    rows = {"valid": result["valid"], "test": result["test"]}
    rows |= result["terms"]
    rows |= {f"history {name}": measured for name, measured in result["test_by_history_length"].items()}
    for name, measured in rows.items():
        cells = [f"{measured[metric]:.4f}" if metric in measured else "" for metric in _SHOWN]
        table.add_row(name, *cells, style="bold" if name == "test" else None)
    if len(weights := result["fusion_weights"]) > 1:
        table.caption = "attention to " + ", ".join(f"{name} {weight:.2f}" for name, weight in weights.items())
        table.caption_justify = "left"
    return table


def summary_table(found: dict[str, Any]) -> Table:
    """Draw the mean over seeds, the standard deviation over seeds, and the bootstrap interval over users."""
    table = _table(f"{found['dataset']['name']}, {len(found['seeds'])} seeds, test")
    test = found["summary"]["test"]
    shown = [test[metric] for metric in _SHOWN]
    table.add_row("mean", *(f"{value['mean']:.4f}" for value in shown), style="bold")
    table.add_row("spread", *(f"{value['spread']:.4f}" for value in shown))
    for place, name in enumerate(("low", "high")):
        cells = (f"{value['interval'][place]:.4f}" if "interval" in value else "" for value in shown)
        table.add_row(f"95 % {name}", *cells)
    return table


def _table(title: str) -> Table:
    # Nine columns that can be read in a terminal, and in a log, of 80 characters.
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("", no_wrap=True)
    for name in _SHOWN.values():
        table.add_column(name, justify="right", no_wrap=True)
    return table
