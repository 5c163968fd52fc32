"""Commands for people at the graph: `migrate`, `env`, `cypher`, `statements`."""

from __future__ import annotations

import json
import shlex
import sys
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from engine.settings import get_settings

DEFAULT_ROWS = 100


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command()(migrate)
    app.command()(env)
    app.command()(cypher)
    app.command()(statements)


def migrate() -> None:
    """Bring the graph's schema to this version; repeatable."""
    from engine.graph.migrations import migrate as apply_migrations
    from engine.graph.store import GraphStore

    with GraphStore.open(get_settings(), wait_s=60) as store:
        applied = apply_migrations(store)
    Console().print(f"schema is up to date; {len(applied)} migrations applied now", highlight=False)


def env() -> None:
    """Print the addresses of the running stack as shell variables: eval "$(interestgraph env)"."""
    from interestgraph.cli.stack import addresses

    for name, value in addresses(get_settings()).items():
        sys.stdout.write(f"export {name}={shlex.quote(value)}\n")


def cypher(
    statement: Annotated[str, typer.Argument(help="A reading statement, for example: MATCH (u:User) RETURN count(u)")],
    parameter: Annotated[
        list[str] | None, typer.Option("--parameter", "-p", help="name=value, the value as JSON or text; repeatable.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Rows shown at most.")] = DEFAULT_ROWS,
    timeout_s: Annotated[float, typer.Option(min=0.1, max=600, help="Seconds it may take.")] = 30,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Ask the graph a question in Cypher, read only, bounded in time and rows."""
    from engine.graph.analyst import ask
    from engine.graph.store import GraphStore

    parameters = dict(_parameter(text) for text in parameter or [])
    with GraphStore.open(get_settings()) as store:
        answer = ask(store, statement, parameters, limit=limit, timeout_s=timeout_s)
    if as_json:
        for row in answer.rows:
            sys.stdout.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")
    else:
        Console().print(table_of(answer.columns, answer.rows))
    if answer.cut:
        Console(stderr=True).print(f"only the first {limit} rows; ask for more with --limit", style="yellow")


def statements() -> None:
    """List the statements the engine sends, with what each is for."""
    from cypher import catalogue

    rows = [{"name": s.name, "mode": s.mode, "purpose": s.purpose} for s in catalogue.statements()]
    Console().print(table_of(["name", "mode", "purpose"], rows))


def table_of(columns: list[str], rows: list[dict[str, Any]]) -> Table:
    """Draw rows as a table."""
    table = Table()
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(_cell(row[column]) for column in columns))
    return table


def _cell(value: Any) -> str:
    text = f"{value:,.4g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 500 else text[:500] + "…"


def _parameter(text: str) -> tuple[str, Any]:
    name, separator, value = text.partition("=")
    if not separator or not name.isidentifier():
        raise typer.BadParameter(f"{text!r} is not name=value")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value
