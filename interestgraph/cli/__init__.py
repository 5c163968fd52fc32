"""The `interestgraph` command."""

from __future__ import annotations

import logging
import sys

import typer
from rich.console import Console
from rich.markup import escape

from engine.errors import InterestGraphError

app = typer.Typer(
    name="interestgraph",
    help="Recommendations from a living graph of interests.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def main() -> None:
    """Run the command; known errors are one line and exit status 1."""
    from interestgraph.cli import commands

    commands.register(app)
    # The driver tells every retry of a transaction; only what fails in the end is news.
    logging.getLogger("neo4j").setLevel(logging.ERROR)
    try:
        app()
    except InterestGraphError as error:
        Console(stderr=True).print(f"[red]error[/red] [bold]{error.code}[/bold] {escape(str(error))}", highlight=False)
        sys.exit(1)
