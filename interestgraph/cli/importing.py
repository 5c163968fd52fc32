"""`interestgraph import`: items, users, events and links from files, and ready data sets."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from engine.errors import InvalidInputError
from engine.importing.rejects import DEFAULT_MAX_ROWS, DEFAULT_MAX_SHARE, RejectLimit
from engine.settings import Settings, get_settings
from interestgraph.cli.options import (
    Again,
    AsJson,
    Attributes,
    Columns,
    CreateMissing,
    Delimiter,
    DryRun,
    File,
    Format,
    MaxRejects,
    MaxShare,
    NoAttributes,
    RejectsFile,
    Unit,
)

if TYPE_CHECKING:
    # Polars is loaded only by the commands that read files.
    from engine.graph.store import GraphStore
    from engine.importing.events import EventMapping
    from engine.importing.reading import FileSource
    from engine.importing.run import ImportOptions, ImportReport
    from engine.importing.values import TimeUnit

importing = typer.Typer(
    help="Bring items, users, events and links into the graph from files; run again, it changes nothing.",
    no_args_is_help=True,
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(importing, name="import")


@importing.command()
def items(
    file: File,
    column: Columns = None,
    interest: Annotated[
        list[str] | None,
        typer.Option(
            "--interest",
            "-i",
            metavar="KIND=COLUMN[*WEIGHT]",
            help="Column that says what items are about; repeatable.",
        ),
    ] = None,
    separator: Annotated[str | None, typer.Option(help="What stands between several interests in one field.")] = None,
    part_of: Annotated[
        list[str] | None,
        typer.Option("--part-of", metavar="KIND=LARGER", help="Kind that is part of a larger kind; repeatable."),
    ] = None,
    text: Annotated[
        list[str] | None, typer.Option("--text", "-t", help="Columns that describe the item, for the text encoder.")
    ] = None,
    attribute: Attributes = None,
    no_attributes: NoAttributes = False,
    time_unit: Unit = None,
    file_format: Format = None,
    delimiter: Delimiter = None,
    rejects: RejectsFile = None,
    max_reject_share: MaxShare = DEFAULT_MAX_SHARE,
    max_rejects: MaxRejects = DEFAULT_MAX_ROWS,
    dry_run: DryRun = False,
    again: Again = False,
    as_json: AsJson = False,
) -> None:
    """Put items; fields: id, title, available, created_at, description, image, audio (names of media files)."""
    from engine.importing.items import InterestColumn, ItemMapping, import_items

    rows = source(file, file_format, delimiter)
    mapping = ItemMapping(
        columns=_columns(column),
        interests=tuple(
            InterestColumn(kind, name, weight, separator) for kind, name, weight in map(_interest, interest or [])
        ),
        text=tuple(text or ()),
        attributes=_attributes(attribute, none=no_attributes),
        time_unit=_unit(time_unit),
        part_of=tuple(_pair(text, "--part-of") for text in part_of or []),
    )
    limit = RejectLimit(max_reject_share, max_rejects)
    with _importing(file, rejects, limit, dry_run=dry_run, again=again, as_json=as_json) as (store, settings, options):
        report = import_items(store, rows, mapping, settings=settings, options=options)
    _show([report], as_json=as_json)


@importing.command()
def users(
    file: File,
    column: Columns = None,
    attribute: Attributes = None,
    no_attributes: NoAttributes = False,
    time_unit: Unit = None,
    file_format: Format = None,
    delimiter: Delimiter = None,
    rejects: RejectsFile = None,
    max_reject_share: MaxShare = DEFAULT_MAX_SHARE,
    max_rejects: MaxRejects = DEFAULT_MAX_ROWS,
    dry_run: DryRun = False,
    again: Again = False,
    as_json: AsJson = False,
) -> None:
    """Put users; fields: id, created_at."""
    from engine.importing.users import UserMapping, import_users

    rows = source(file, file_format, delimiter)
    mapping = UserMapping(_columns(column), _attributes(attribute, none=no_attributes), _unit(time_unit))
    limit = RejectLimit(max_reject_share, max_rejects)
    with _importing(file, rejects, limit, dry_run=dry_run, again=again, as_json=as_json) as (store, settings, options):
        report = import_users(store, rows, mapping, settings=settings, options=options)
    _show([report], as_json=as_json)


@importing.command()
def events(
    file: File,
    column: Columns = None,
    event_type: Annotated[
        str | None, typer.Option("--type", help="Type of every event; else a column says it.")
    ] = None,
    type_name: Annotated[
        list[str] | None,
        typer.Option("--type-name", metavar="THEIRS=OURS", help="For example buy=purchase; repeatable."),
    ] = None,
    create_missing: CreateMissing = False,
    time_unit: Unit = None,
    file_format: Format = None,
    delimiter: Delimiter = None,
    rejects: RejectsFile = None,
    max_reject_share: MaxShare = DEFAULT_MAX_SHARE,
    max_rejects: MaxRejects = DEFAULT_MAX_ROWS,
    dry_run: DryRun = False,
    again: Again = False,
    as_json: AsJson = False,
) -> None:
    """Store behaviour; fields: user_id, item_id, type, at, value, id, query, recommendation_id."""
    from engine.importing.events import import_events

    rows = source(file, file_format, delimiter)
    mapping = event_mapping(column, event_type, type_name, time_unit, create_missing=create_missing)
    limit = RejectLimit(max_reject_share, max_rejects)
    with _importing(file, rejects, limit, dry_run=dry_run, again=again, as_json=as_json) as (store, settings, options):
        report = import_events(store, rows, mapping, settings=settings, options=options)
    _show([report], as_json=as_json)


@importing.command()
def social(
    file: File,
    column: Columns = None,
    both_ways: Annotated[bool, typer.Option("--both-ways", help="Each row says two links.")] = False,
    create_missing: CreateMissing = False,
    file_format: Format = None,
    delimiter: Delimiter = None,
    rejects: RejectsFile = None,
    max_reject_share: MaxShare = DEFAULT_MAX_SHARE,
    max_rejects: MaxRejects = DEFAULT_MAX_ROWS,
    dry_run: DryRun = False,
    again: Again = False,
    as_json: AsJson = False,
) -> None:
    """Set who follows whom; fields: source, target, weight."""
    from engine.importing.social import SocialMapping, import_social

    rows = source(file, file_format, delimiter)
    mapping = SocialMapping(_columns(column), both_ways=both_ways, create_missing=create_missing)
    limit = RejectLimit(max_reject_share, max_rejects)
    with _importing(file, rejects, limit, dry_run=dry_run, again=again, as_json=as_json) as (store, _, options):
        report = import_social(store, rows, mapping, options=options)
    _show([report], as_json=as_json)


@importing.command()
def dataset(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Which; without it, they are listed.")] = None,
    folder: Annotated[
        Path | None, typer.Option(help="Where its files are; $INTERESTGRAPH_DATA or ../shared/data by itself.")
    ] = None,
    whole: Annotated[bool, typer.Option("--whole", help="All of it, where only a part is imported otherwise.")] = False,
    shift: Annotated[
        bool, typer.Option(help="Move all times by whole weeks, so that the newest lies in the last seven days.")
    ] = True,
    rejects: RejectsFile = None,
    dry_run: DryRun = False,
    again: Again = False,
    as_json: AsJson = False,
) -> None:
    """Import a ready data set: its items, users, events and links."""
    from engine.importing.datasets import DATASETS, import_dataset

    if name is None:
        table = Table("name", "what it is")
        for known, entry in DATASETS.items():
            table.add_row(known, entry.summary)
        Console().print(table)
        return
    limit = RejectLimit()
    path = Path(name)
    with _importing(path, rejects, limit, dry_run=dry_run, again=again, as_json=as_json) as (store, settings, options):
        reports = import_dataset(
            store, name, settings=settings, folder=folder, whole=whole, shift=shift, options=options
        )
    _show(reports, as_json=as_json)


@contextmanager
def _importing(
    file: Path, rejects: Path | None, limit: RejectLimit, *, dry_run: bool, again: bool, as_json: bool
) -> Iterator[tuple[GraphStore | None, Settings, ImportOptions]]:
    """Open the store, unless nothing is written, and draw progress."""
    from engine.graph.migrations import check
    from engine.graph.store import GraphStore
    from engine.importing.run import ImportOptions

    # The driver tells every retry of a transaction; those are no news here.
    logging.getLogger("neo4j").setLevel(logging.ERROR)
    settings = get_settings()
    store = None if dry_run else GraphStore.open(settings)
    try:
        if store is not None:
            check(store)
        with progress_bar(Console(stderr=True, quiet=as_json)) as report:
            path = rejects if rejects is not None else Path(f"{file.name}.rejects.jsonl")
            yield store, settings, ImportOptions(rejects=path, limit=limit, again=again, progress=report)
    finally:
        if store is not None:
            store.close()


@contextmanager
def progress_bar(console: Console) -> Iterator[Callable[[str, int, int | None], None]]:
    """Draw a bar a stage, with rate and time left; gives the callback that moves them."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _RateColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        tasks: dict[str, Any] = {}
        drawn = 0.0

        def report(stage: str, done: int, total: int | None) -> None:
            nonlocal drawn
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=total)
            elif time.monotonic() - drawn < 0.1 and done != total:
                return
            drawn = time.monotonic()
            bar.update(tasks[stage], completed=done, total=total)

        yield report


class _RateColumn(ProgressColumn):
    """Rows a second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f}/s", style="progress.data.speed")


def _show(reports: list[ImportReport], *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps([report.to_dict() for report in reports], ensure_ascii=False) + "\n")
        return
    console = Console()
    console.print(summary_table(reports))
    for report in reports:
        for note in report.notes:
            console.print(f"[dim]{report.kind}: {escape(note)}[/dim]", highlight=False)
        for rejection in report.first:
            where = f"row {rejection.row} {rejection.field}".strip()
            console.print(
                f"[yellow]{where}[/yellow] {escape(f'{rejection.value!r}: {rejection.reason}')}", highlight=False
            )
        if report.rejects is not None:
            console.print(f"rejected rows are named in {escape(str(report.rejects))}", highlight=False)


def summary_table(reports: list[ImportReport]) -> Table:
    """Draw what imports did."""
    table = Table("import", "source", "state", box=SIMPLE_HEAD, pad_edge=False)
    for name in ("rows", "accepted", "duplicates", "rejected", "seconds"):
        table.add_column(name, justify="right")
    for report in reports:
        counts = (report.rows, report.accepted, report.duplicates, report.rejected)
        table.add_row(
            report.kind, report.source, report.state, *(f"{count:,}" for count in counts), f"{report.seconds:.1f}"
        )
    return table


def _pair(text: str, option: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise InvalidInputError("This option is NAME=VALUE.", field=option, value=text)
    return name, value


def _columns(given: list[str] | None) -> dict[str, str | None]:
    return {field: name or None for field, name in (_pair(text, "--column") for text in given or [])}


def _attributes(given: list[str] | None, *, none: bool) -> dict[str, str] | None:
    if none:
        return {}
    if not given:
        return None
    return dict(_pair(text, "--attribute") if "=" in text else (text.partition(":")[0], text) for text in given)


def _interest(text: str) -> tuple[str, str, float]:
    kind, column = _pair(text, "--interest")
    name, star, weight = column.rpartition("*")
    if not star:
        return kind, column, 1.0
    try:
        number = float(weight)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise InvalidInputError(
            "A weight is a positive number.", field="--interest", value=text, remedy="Write category=COLUMN*2."
        )
    return kind, name, number


def event_mapping(
    column: list[str] | None,
    event_type: str | None,
    type_name: list[str] | None,
    time_unit: str | None,
    *,
    create_missing: bool = False,
) -> EventMapping:
    """Give how rows become events, as options say it."""
    from engine.importing.events import EventMapping

    return EventMapping(
        columns=_columns(column),
        type=event_type,
        type_names=dict(_pair(text, "--type-name") for text in type_name or []),
        time_unit=_unit(time_unit),
        create_missing=create_missing,
    )


def source(file: Path, file_format: str | None, delimiter: str | None) -> FileSource:
    """Give the file that options name."""
    from engine.importing.reading import FileSource

    return FileSource(file, file_format=file_format, delimiter=_delimiter(delimiter))


def _unit(given: str | None) -> TimeUnit | None:
    from engine.importing.values import check_time_unit

    return None if given is None else check_time_unit(given)


def _delimiter(given: str | None) -> str | None:
    if given is None:
        return None
    plain = {"\\t": "\t", "tab": "\t"}.get(given, given)
    if len(plain) != 1 or plain in '\r\n"':
        raise InvalidInputError(
            "A delimiter is one character.", field="--delimiter", value=given, remedy="Use , ; | or tab."
        )
    return plain
