"""Whether the process lives, and whether it can answer."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any, Final

from flask_openapi3.blueprint import APIBlueprint

from api import spec
from api.answers import answer
from api.auth import needs
from api.blueprints.support import container
from api.metrics import UP
from api.parts import check_parts
from api.schemas.health import LiveAnswer, ReadyAnswer
from api.validation import validated

_VERSION: Final = version("interestgraph")

blueprint = APIBlueprint("health", __name__, abp_tags=[spec.HEALTH])


@blueprint.get(
    "/health/live",
    summary="Does the process answer?",
    operation_id="live",
    responses=spec.responses({200: LiveAnswer}, 422, open_to_all=True),
)
@needs(None)
@validated
def live() -> Any:
    """Restart the process when this does not answer."""
    return answer({"status": "live"})


@blueprint.get(
    "/health/ready",
    summary="Can requests be answered?",
    operation_id="ready",
    responses=spec.responses({200: ReadyAnswer, 503: ReadyAnswer}, 422, open_to_all=True),
)
@needs(None)
@validated
def ready() -> Any:
    """Each part by name.

    `database` and `schema` are required, and that the ranking `state` was loaded once: without them the answer is 503.
    Without the broker jobs wait and rate limits are counted by each process; without a model popular and co-occurring
    items are recommended.
    """
    parts = check_parts(container())
    down = [part.name for part in parts if not part.up]
    is_down = any(part.required and not part.up for part in parts)
    for part in parts:
        UP.labels(part.name).set(part.up)
    status = "down" if is_down else "degraded" if down else "ready"
    return answer(
        {
            "status": status,
            "down": down,
            "parts": [part.to_dict() for part in parts],
            "version": _VERSION,
        },
        503 if is_down else 200,
        {"Retry-After": "2"} if is_down else None,
    )
