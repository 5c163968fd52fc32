"""`interestgraph interests` and `users`: what people like, how interests are related and go, who is like whom."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from engine.domain import MS_PER_SECOND, EpochMs, JobState
from engine.errors import InvalidInputError
from engine.settings import get_settings

interests = typer.Typer(help="Interests: of a user, related ones, their course; topics.", no_args_is_help=True)
users = typer.Typer(help="Users: patterns of behaviour, and who is near.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
InterestId = Annotated[str, typer.Argument(metavar="ID", help="Its id, for example category:tea.")]
UserId = Annotated[str, typer.Argument(metavar="USER", help="The user's id.")]
Most = Annotated[int, typer.Option("-n", min=1, max=100, help="Most of them.")]
At = Annotated[str | None, typer.Option(help="As of this time: ISO 8601 with zone, or epoch milliseconds; now.")]
Watch = Annotated[bool, typer.Option("--watch", "-w", help="Follow the job to its end.")]
_BAR = 30


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(interests, name="interests")
    app.add_typer(users, name="users")


@interests.command("of")
def of_user(
    user: UserId,
    limit: Most = 20,
    at: At = None,
    evidence: Annotated[int, typer.Option(min=0, max=20, help="Items named for each interest.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Show a user's interests, strongest first, now or at a past time."""
    from engine.graph.store import GraphStore
    from engine.interests.read import read_interests

    settings = get_settings()
    with GraphStore.open(settings) as store:
        found = read_interests(store, user, settings=settings, at=_time(at), limit=limit, evidence=evidence)
    if as_json:
        _print_json(asdict(found))
        return
    table = Table("interest", "kind", "share", "behaviour", "declared", "model", "events", "by")
    for entry in found.interests:
        by = ", ".join(f"{given.title or given.item_id or given.type} {given.gave:+.2f}" for given in entry.evidence)
        numbers = (f"{value:.3f}" for value in (entry.share, entry.behaviour, entry.declared, entry.model))
        table.add_row(entry.name or entry.id, entry.kind or "", *numbers, str(entry.count), by)
    Console().print(table)


@interests.command()
def show(interest: InterestId, as_json: AsJson = False) -> None:
    """Show an interest with what it is part of and what is part of it."""
    from engine.graph.store import GraphStore
    from engine.interests.hierarchy import read_interest

    with GraphStore.open(get_settings()) as store:
        found = read_interest(store, interest)
    if as_json:
        _print_json(asdict(found))
        return
    _print_pairs(
        {
            "interest": f"{found.interest.name} ({found.interest.kind})",
            "part of": " < ".join(entry.name or entry.id for entry in found.part_of),
            "parts": ", ".join(entry.name or entry.id for entry in found.parts),
            "items": found.items,
            "users": found.users,
        }
    )


@interests.command()
def related(interest: InterestId, limit: Most = 10, as_json: AsJson = False) -> None:
    """Show what is related to an interest: by who shares them, and by vectors."""
    from engine.graph.store import GraphStore
    from engine.interests.related import read_related

    with GraphStore.open(get_settings()) as store:
        found = read_related(store, interest, limit=limit)
    if as_json:
        _print_json(asdict(found))
        return
    table = Table("shared", "kind", "weight", "users", "items", title="by who shares them")
    for entry in found.related:
        table.add_row(
            entry.name or entry.id,
            entry.kind or "",
            f"{entry.weight:.3f}",
            str(entry.users or ""),
            str(entry.items or ""),
        )
    Console().print(table)
    table = Table("alike", "kind", "cosine", title=f"by vectors of {found.version or 'no version'}")
    for alike in found.alike:
        table.add_row(alike.name or alike.id, alike.kind or "", f"{alike.similarity:.3f}")
    Console().print(table)


@interests.command()
def trend(
    interest: InterestId,
    days: Annotated[bool, typer.Option("--days", help="Days instead of weeks.")] = False,
    number: Annotated[int, typer.Option(min=1, max=120, help="How many of them.")] = 12,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Show how an interest goes over all users, and whether it rises."""
    from engine.graph.store import GraphStore
    from engine.interests.trend import read_trend

    settings = get_settings()
    with GraphStore.open(settings) as store:
        found = read_trend(
            store, interest, settings=settings, bucket="day" if days else "week", number=number, at=_time(at)
        )
    if as_json:
        _print_json(asdict(found))
        return
    highest = max((bucket.mass for bucket in found.buckets), default=0.0)
    table = Table("from", "events", "added", "mass", "")
    for bucket in found.buckets:
        bar = "█" * round(_BAR * max(bucket.mass, 0.0) / highest) if highest > 0 else ""
        table.add_row(_day(bucket.start), str(bucket.events), f"{bucket.added:.2f}", f"{bucket.mass:.2f}", bar)
    console = Console()
    console.print(table)
    momentum = "unknown" if found.momentum is None else f"{found.momentum:.2f} (above 1 it rises)"
    console.print(f"momentum {momentum}; {found.coverage:.0%} of the behaviour read", highlight=False)


@interests.command()
def relate(follow: Watch = False) -> None:
    """Have the workers count again how interests are related."""
    _ask("relate_interests", {}, follow=follow)


@interests.command()
def topics(
    number: Annotated[int | None, typer.Option(min=1, max=10_000, help="How many; by the number of items.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the clustering.")] = None,
    follow: Watch = False,
) -> None:
    """Have the workers find topics in what items say, as interests."""
    given = {"number": number, "seed": seed}
    _ask("discover_topics", {name: value for name, value in given.items() if value is not None}, follow=follow)


@users.command()
def profile(
    user: UserId,
    at: At = None,
    since: Annotated[str | None, typer.Option(help="Tell how interests moved since this time.")] = None,
    offset_minutes: Annotated[int, typer.Option(min=-720, max=840, help="Minutes east of UTC.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Show a user's patterns: rhythm, breadth, novelty, loyalty, price level, drift."""
    from engine.graph.store import GraphStore
    from engine.interests.profile import read_profile

    settings = get_settings()
    with GraphStore.open(settings) as store:
        found = read_profile(
            store, user, settings=settings, at=_time(at), since=_time(since), offset_minutes=offset_minutes
        )
    if as_json:
        _print_json(asdict(found))
        return
    hours = sorted(enumerate(found.rhythm.hours), key=lambda pair: -pair[1])[:3]
    _print_pairs(
        {
            "events": found.events,
            "busiest hours": ", ".join(f"{hour}:00 {share:.0%}" for hour, share in hours if share),
            "breadth": found.breadth and f"as wide as {found.breadth.effective:.1f} equal interests",
            "novelty": None if found.novelty is None else f"{found.novelty:.0%} of the latest events on new items",
            "loyalty": found.loyalty
            and f"{found.loyalty.herfindahl:.2f}, {found.loyalty.strongest} {found.loyalty.part:.0%}",
            "price": found.price and f"mean {found.price.mean:.2f}, median {found.price.median:.2f}",
            "drift": found.drift and found.drift.distance is not None and f"{found.drift.distance:.3f} of 1",
        }
    )


@users.command()
def neighbours(
    user: UserId,
    depth: Annotated[int, typer.Option(min=1, max=10, help="Most steps.")] = 1,
    limit: Most = 20,
    follows: Annotated[bool, typer.Option(help="Whether following counts beside similarity.")] = True,
    as_json: AsJson = False,
) -> None:
    """Show the users near one."""
    from engine.graph.store import GraphStore
    from engine.social import neighbours as social

    settings = get_settings()
    with GraphStore.open(settings) as store:
        found = social.neighbours(store, user, settings=settings, depth=depth, limit=limit, follows=follows)
    if as_json:
        _print_json([asdict(entry) for entry in found])
        return
    table = Table("user", "weight", "path", "last step")
    for entry in found:
        table.add_row(entry.id, f"{entry.weight:.3f}", " → ".join(entry.path), entry.via)
    Console().print(table)


@users.command()
def similar(
    everyone: Annotated[bool, typer.Option("--all", help="Everybody, not only whose vector changed.")] = False,
    follow: Watch = False,
) -> None:
    """Have the workers find again who is like whom."""
    _ask("find_similar_users", {"everyone": everyone}, follow=follow)


def _ask(kind: str, params: dict[str, Any], *, follow: bool) -> None:
    from engine.graph.store import GraphStore
    from interestgraph.cli.jobs import enqueue, watch_job

    console = Console()
    with GraphStore.open(get_settings()) as store:
        job = enqueue(store, kind, params, console)
        if follow and watch_job(store, job.id, console).state != JobState.SUCCEEDED:
            raise typer.Exit(1)


def _time(given: str | None) -> EpochMs | None:
    if given is None:
        return None
    if given.isdecimal():
        return int(given)
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InvalidInputError(
            "This is no time.",
            field="--at or --since",
            value=given,
            remedy="Use ISO 8601 with zone, for example 2026-05-01T00:00Z, or epoch milliseconds.",
        )
    return int(moment.timestamp() * MS_PER_SECOND)


def _day(at: EpochMs) -> str:
    return datetime.fromtimestamp(at / MS_PER_SECOND, UTC).strftime("%Y-%m-%d")


def _print_pairs(rows: Mapping[str, Any]) -> None:
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, value in rows.items():
        if value not in (None, "", False):
            table.add_row(f"[dim]{name}[/dim]", str(value))
    Console().print(table)


def _print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, indent=1, ensure_ascii=False) + "\n")
