"""`interestgraph keys`: API keys."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from engine.domain import MS_PER_SECOND, EpochMs, now_ms

keys = typer.Typer(help="API keys: make, list, revoke.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(keys, name="keys")


@keys.command()
def create(
    name: Annotated[str, typer.Argument(help="Whom it is for.")],
    scope: Annotated[
        list[str] | None, typer.Option("--scope", "-s", help="read, write or admin; may be given again.")
    ] = None,
    days: Annotated[float | None, typer.Option(help="Days until it ends by itself.")] = None,
) -> None:
    """Make a key. It is printed once, alone on standard output, and kept nowhere."""
    from api.keys import create_key
    from engine.graph.store import GraphStore
    from engine.settings import get_settings

    with GraphStore.open(get_settings()) as store:
        made, key = create_key(store, name, scope or ["read", "write"], valid_days=days)
    Console(stderr=True).print(
        f"Key [bold]{made.id}[/bold] for {made.name}: {', '.join(sorted(made.scopes))}. It is shown only now.",
        highlight=False,
    )
    typer.echo(key)


@keys.command("list")
def list_() -> None:
    """Show every key, without its secret."""
    from api.keys import list_keys
    from engine.graph.store import GraphStore
    from engine.settings import get_settings

    with GraphStore.open(get_settings()) as store:
        known = list_keys(store)
    table = Table("id", "name", "scopes", "made", "state")
    now = now_ms()
    for key in known:
        if key.revoked_at is not None:
            state = f"revoked {_day(key.revoked_at)}"
        elif key.expires_at is not None:
            state = f"{'valid until' if now < key.expires_at else 'over since'} {_day(key.expires_at)}"
        else:
            state = "valid"
        table.add_row(key.id, key.name, ", ".join(sorted(key.scopes)), _day(key.created_at), state)
    Console().print(table)


@keys.command()
def revoke(key_id: Annotated[str, typer.Argument(metavar="ID", help="Its id, as `list` shows it.")]) -> None:
    """Make a key useless, within five seconds."""
    from api.keys import revoke_key
    from engine.graph.store import GraphStore
    from engine.settings import get_settings

    with GraphStore.open(get_settings()) as store:
        revoked = revoke_key(store, key_id)
    Console().print(f"Key {revoked.id} of {revoked.name} is revoked.", highlight=False)


def _day(at: EpochMs) -> str:
    return datetime.fromtimestamp(at / MS_PER_SECOND, UTC).strftime("%Y-%m-%d %H:%M")
