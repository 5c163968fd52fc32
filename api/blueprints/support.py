"""What every route needs."""

from __future__ import annotations

from flask import current_app

from api.container import Container, container_of


def container() -> Container:
    """Give what the routes of the present application work with."""
    return container_of(current_app)
