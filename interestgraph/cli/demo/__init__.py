"""`interestgraph demo`: the whole loop on real purchases, told in the terminal."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.settings import get_settings


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(demo)


def demo(
    whole: Annotated[
        bool, typer.Option("--whole", help="Import all 1.4 million purchases, not the last weeks.")
    ] = False,
    households: Annotated[
        int | None, typer.Option(min=20, help="Import only that many households; for a quick look.")
    ] = None,
    retrain: Annotated[bool, typer.Option("--retrain", help="Train again, also where a model is active.")] = False,
    user: Annotated[str | None, typer.Option(help="The household to look at; a busy one by itself.")] = None,
) -> None:
    """Start everything, import real purchases, train, embed, recommend, explain; leave the stack running."""
    from interestgraph.cli.demo.story import Story

    Story(get_settings(), whole=whole, households=households, retrain=retrain, user=user).tell()
