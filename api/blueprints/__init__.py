"""Routes, one module a noun."""

from __future__ import annotations

from typing import Final

from flask_openapi3.blueprint import APIBlueprint

from api.blueprints import events, health, interests, items, jobs, recommendations, users, versions

BLUEPRINTS: Final[tuple[APIBlueprint, ...]] = (
    health.blueprint,
    events.blueprint,
    recommendations.blueprint,
    interests.blueprint,
    users.blueprint,
    items.blueprint,
    jobs.blueprint,
    versions.blueprint,
)
