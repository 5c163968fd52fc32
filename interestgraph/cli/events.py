"""`interestgraph events`: send behaviour, replay history, look at the stream and its dead letters."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from engine.domain import MS_PER_SECOND, EpochMs, now_ms
from engine.errors import InterestGraphError, InvalidInputError, shorten
from engine.settings import Settings, get_settings
from interestgraph.cli import importing
from interestgraph.cli.options import AsJson, Columns, CreateMissing, Delimiter, EventKind, Format, TypeNames, Unit

if TYPE_CHECKING:
    from engine.importing.events import EventMapping
    from engine.stream.dead import DeadLetters

events = typer.Typer(help="Send behaviour, replay history; the stream and its dead letters.", no_args_is_help=True)
dead = typer.Typer(help="Events that could not be accepted: look, send again, drop.", no_args_is_help=True)
events.add_typer(dead, name="dead")

_BATCH: Final = 500
_ROOM_WAIT_S: Final = 600.0
_SHOWN: Final = 5

Via = Annotated[str, typer.Option("--via", help="stream (Redis, does not wait for the graph) or rest (the API).")]
ApiUrl = Annotated[str | None, typer.Option(help="Address of the API; that of the stack here by itself.")]
Send = Callable[[list[dict[str, Any]]], "Told"]


class Told:
    """What became of events: counts by outcome, and the first refusals."""

    def __init__(self) -> None:
        self.sent = 0
        self.counts: dict[str, int] = {}
        self.refusals: list[str] = []

    def add(self, outcome: str, count: int = 1) -> None:
        """Count."""
        if count:
            self.counts[outcome] = self.counts.get(outcome, 0) + count

    def refuse(self, why: str) -> None:
        """Count a refused event and keep the reason of the first ones."""
        self.add("refused")
        if len(self.refusals) < _SHOWN:
            self.refusals.append(why)

    def merge(self, other: Told) -> None:
        """Add what another has."""
        self.sent += other.sent
        for outcome, count in other.counts.items():
            self.add(outcome, count)
        self.refusals += other.refusals[: _SHOWN - len(self.refusals)]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(events, name="events")


@events.command()
def send(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, JSON lines, Parquet; - for JSON lines by pipe.")],
    via: Via = "stream",
    column: Columns = None,
    event_type: EventKind = None,
    type_name: TypeNames = None,
    create_missing: CreateMissing = False,
    time_unit: Unit = None,
    file_format: Format = None,
    delimiter: Delimiter = None,
    api_url: ApiUrl = None,
    as_json: AsJson = False,
) -> None:
    """Send the events of a file, as fast as they are taken; sent again, they change nothing."""
    settings = get_settings()
    told = Told()
    with _sender(settings, via, api_url, create_missing=create_missing) as deliver, _bar(as_json) as report:
        if str(file) == "-":
            for part in _parts(_piped(told)):
                told.merge(deliver(part))
                report("send", told.sent, None)
        else:
            mapping = importing.event_mapping(column, event_type, type_name, time_unit)
            for rows in _rows(settings, file, file_format, delimiter, mapping, told):
                for part in _parts(rows.events()):
                    told.merge(deliver(part))
                report("send", told.sent, max(told.sent, int(told.sent / max(rows.share_read, 1e-9))))
    _show(told, as_json=as_json)


@events.command()
def replay(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, JSON lines or Parquet; read into memory.")],
    speed: Annotated[str, typer.Option(help="How many times faster than life: 100x; max is as fast as taken.")] = "1x",
    since: Annotated[str | None, typer.Option("--from", help="Only events from this time on, ISO 8601.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Only events before this time, ISO 8601.")] = None,
    times: Annotated[
        str, typer.Option(help="keep: their own times; now: the time at which each is sent, with ids of this replay.")
    ] = "keep",
    via: Via = "stream",
    column: Columns = None,
    event_type: EventKind = None,
    type_name: TypeNames = None,
    create_missing: CreateMissing = False,
    time_unit: Unit = None,
    file_format: Format = None,
    delimiter: Delimiter = None,
    api_url: ApiUrl = None,
    as_json: AsJson = False,
) -> None:
    """Send the events of a file in the order of their times, with the gaps between them divided by the speed."""
    import polars as pl

    from engine.stream.files import Rows
    from engine.stream.replay import Replay, parse_speed

    if times not in ("keep", "now"):
        raise InvalidInputError("There is no such choice.", field="--times", value=times, remedy="Use keep or now.")
    run = Replay(parse_speed(speed), shift=times == "now", most=_BATCH)
    settings = get_settings()
    told, late_s = Told(), 0.0
    mapping = importing.event_mapping(column, event_type, type_name, time_unit)
    begin, end = _moment(since, "--from"), _moment(until, "--to")
    tables = [
        rows.table.filter(pl.col("at") >= (begin or 0), pl.col("at") < (end or 2**62))
        for rows in _rows(settings, file, file_format, delimiter, mapping, told)
    ]
    history = pl.concat(tables).sort("at", "id") if tables else pl.DataFrame()
    with _sender(settings, via, api_url, create_missing=create_missing) as deliver, _bar(as_json) as report:
        for due in run.due(Rows(history).events()):
            told.merge(deliver(due.events))
            late_s = max(late_s, due.late_s)
            report("replay", told.sent, history.height)
    _show(told, as_json=as_json, late_s=round(late_s, 2))


@events.command()
def status(as_json: AsJson = False) -> None:
    """Show how full the stream is, how far its consumers are, and what waits for the fold."""
    from engine.graph.store import GraphStore
    from engine.stream.connection import connect
    from engine.stream.state import stream_state

    settings = get_settings()
    with connect(settings) as client:
        state = stream_state(client, settings.stream)
    unfolded: int | None = None
    try:
        with GraphStore.open(settings) as store:
            unfolded = int(store.read("stream/unfolded")[0]["events"])
    except InterestGraphError as error:
        Console(stderr=True).print(f"[yellow]{escape(error.message)}[/yellow]", highlight=False)
    told: dict[str, Any] = {
        "length": state.length,
        "pending": state.pending,
        "waiting": state.waiting,
        "lag_s": round(state.lag_s, 3),
        "dead": state.dead,
        "accepted": state.accepted,
        "duplicates": state.duplicates,
        "refused": state.refused,
        "paused_s": round(state.paused_s, 3),
        "unfolded": unfolded,
        "consumers": [
            {"name": each.name, "pending": each.pending, "idle_ms": each.idle_ms} for each in state.consumers
        ],
    }
    if as_json:
        sys.stdout.write(json.dumps(told, indent=1) + "\n")
        return
    console = Console()
    table = Table.grid(padding=(0, 2))
    table.add_row("in the stream", f"{state.length:,} of {settings.stream.max_length:,}")
    table.add_row("in hand", f"{state.pending:,}")
    table.add_row("oldest", f"{state.lag_s:.1f} s" if state.length else "")
    table.add_row("dead letters", f"{state.dead:,}")
    table.add_row("written", f"{state.accepted:,} new, {state.duplicates:,} again, {state.refused:,} refused")
    table.add_row("waiting for the fold", "unknown" if unfolded is None else f"{unfolded:,}")
    for each in state.consumers:
        table.add_row("consumer", f"{each.name}: {each.pending:,} in hand, asked {each.idle_ms / 1000:.1f} s ago")
    console.print(table, highlight=False)


@dead.command("list")
def list_(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Letters shown.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, whole.")] = False,
) -> None:
    """Show dead letters, the oldest first, each with its reason."""
    with _letters() as letters:
        shown = list(islice(letters, limit))
        total = len(letters)
    if as_json:
        for letter in shown:
            sys.stdout.write(json.dumps(letter.to_dict(), ensure_ascii=False) + "\n")
        return
    console = Console()
    table = Table(Column("id", no_wrap=True), "refused", "code", "reason", "event")
    for letter in shown:
        place = f" [{letter.field}={letter.value}]" if letter.field else ""
        table.add_row(
            letter.id,
            datetime.fromtimestamp(letter.at / MS_PER_SECOND, UTC).strftime("%Y-%m-%d %H:%M:%S"),
            letter.code,
            escape(str(shorten(f"{letter.message}{place} {letter.remedy}".strip()))),
            escape(str(shorten(letter.event, 80))),
        )
    console.print(table)
    console.print(f"{len(shown)} of {total}", highlight=False)


Ids = Annotated[list[str] | None, typer.Argument(metavar="ID...", help="Which, as `dead list` shows them.")]
All = Annotated[bool, typer.Option("--all", help="All of them.")]


@dead.command("replay")
def replay_dead(ids: Ids = None, every: All = False, create_missing: CreateMissing = False) -> None:
    """Put dead letters back into the stream, with the time and id they had."""
    with _letters() as letters:
        chosen = _chosen(letters, ids, every)
        done = letters.replay(chosen, create_missing=create_missing)
    Console().print(f"{done} of {len(chosen)} sent again", highlight=False)


@dead.command()
def drop(ids: Ids = None, every: All = False) -> None:
    """Throw dead letters away."""
    with _letters() as letters:
        done = letters.drop(_chosen(letters, ids, every))
    Console().print(f"{done} dropped", highlight=False)


def _chosen(letters: DeadLetters, ids: list[str] | None, every: bool) -> list[str]:
    if bool(ids) == every:
        raise InvalidInputError("It is not said which.", field="ID", remedy="Give ids, or --all.")
    if not every:
        return list(ids or [])
    return [letter.id for letter in letters]


@contextmanager
def _letters() -> Iterator[DeadLetters]:
    from engine.stream.connection import connect
    from engine.stream.dead import DeadLetters

    settings = get_settings()
    with connect(settings) as client:
        yield DeadLetters(client, settings.stream)


@contextmanager
def _sender(settings: Settings, via: str, api_url: str | None, *, create_missing: bool) -> Iterator[Send]:
    """Give the way out: each call sends some events and says what became of them."""
    if via == "stream":
        from engine.stream.producer import EventProducer

        with EventProducer(settings) as producer:

            def put(batch: list[dict[str, Any]]) -> Told:
                told = Told()
                told.sent = len(batch)
                told.add("queued", len(producer.send(batch, create_missing=create_missing, wait_s=_ROOM_WAIT_S)))
                return told

            yield put
    elif via == "rest":
        from interestgraph.cli.services import Services
        from interestgraph.client import Client

        address = api_url or Services(settings).api_url()
        with Client(address, os.environ.get("INTERESTGRAPH_API_KEY"), timeout_s=60, attempts=20) as client:

            def post(batch: list[dict[str, Any]]) -> Told:
                told = Told()
                answer = client.send_events(batch, create_missing=create_missing)
                told.sent = len(batch)
                told.add("accepted", answer.accepted)
                told.add("duplicates", answer.duplicates)
                for outcome in answer.outcomes:
                    if outcome.problem is not None:
                        told.refuse(f"{outcome.problem['detail']} {outcome.problem['value']!r}")
                return told

            yield post
    else:
        raise InvalidInputError("There is no such way.", field="--via", value=via, remedy="Use stream or rest.")


def _rows(
    settings: Settings,
    file: Path,
    file_format: str | None,
    delimiter: str | None,
    mapping: EventMapping,
    told: Told,
) -> Iterator[Any]:
    from engine.stream.files import read_rows

    source = importing.source(file, file_format, delimiter)
    for rows in read_rows(source, mapping, settings=settings, now=now_ms()):
        for rejection in rows.rejections:
            told.refuse(f"row {rejection.row} {rejection.field} {rejection.value!r}: {rejection.reason}")
        yield rows


def _piped(told: Told) -> Iterator[dict[str, Any]]:
    from engine.importing.json_lines import read_objects
    from engine.importing.rejects import Rejection

    for number, found in read_objects(sys.stdin.buffer):
        if isinstance(found, Rejection):
            told.refuse(f"line {number}: {found.reason}")
        else:
            yield found


def _parts(found: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    left = iter(found)
    while part := list(islice(left, _BATCH)):
        yield part


def _moment(text: str | None, option: str) -> EpochMs | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInputError(
            "This is not a time.", field=option, value=text, remedy="Write 2026-01-31 or 2026-01-31T12:00:00Z."
        ) from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * MS_PER_SECOND)


@contextmanager
def _bar(quiet: bool) -> Iterator[Callable[[str, int, int | None], None]]:
    with importing.progress_bar(Console(stderr=True, quiet=quiet)) as report:
        yield report


def _show(told: Told, *, as_json: bool, **more: Any) -> None:
    if as_json:
        sys.stdout.write(json.dumps({"sent": told.sent, **told.counts, **more, "first_refusals": told.refusals}) + "\n")
        return
    console = Console()
    counts: Mapping[str, Any] = {**told.counts, **more}
    console.print(
        f"{told.sent:,} sent" + "".join(f", {value:,} {name}" for name, value in counts.items()), highlight=False
    )
    for why in told.refusals:
        console.print(f"[yellow]{escape(why)}[/yellow]", highlight=False)
