"""The list of commands: one module a noun, imported when the command starts."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Add every command to the application."""
    from interestgraph.cli import (
        demo,
        evaluate,
        events,
        importing,
        interests,
        jobs,
        keys,
        query,
        stack,
        training,
        verify,
        versions,
    )

    for noun in (demo, stack, importing, events, interests, training, evaluate, query, keys, jobs, verify, versions):
        noun.register(app)
