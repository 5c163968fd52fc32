"""What a user is interested in."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask_openapi3.blueprint import APIBlueprint

from api import spec
from api.answers import answer
from api.auth import needs, security
from api.blueprints.support import container
from api.errors import Fault, InvalidRequestError
from api.keys import Scope
from api.schemas.users import DeclaredAnswer, DeclaredInterests, InterestsAnswer, InterestsQuery, UserPath
from api.validation import validated
from engine.domain import now_ms
from engine.interests.declared import declare_interests
from engine.interests.read import read_interests

blueprint = APIBlueprint("interests", __name__, abp_tags=[spec.USERS])


@blueprint.get(
    "/v1/users/<id:user_id>/interests",
    summary="Read the interests of a user",
    operation_id="getInterests",
    security=security(Scope.READ),
    responses=spec.responses({200: InterestsAnswer}),
)
@needs(Scope.READ)
@validated
def read(path: UserPath, query: InterestsQuery) -> Any:
    """Strongest first, decayed to this moment. A user who is not known has none, and `known` says so."""
    settings = container().settings
    limit = query.n or settings.interests.max_shown
    found = read_interests(container().store(), path.user_id, settings=settings, limit=limit)
    return answer(
        {
            "user_id": found.user_id,
            "known": found.known,
            "at": found.at,
            "interests": [asdict(interest) for interest in found.interests],
        }
    )


@blueprint.put(
    "/v1/users/<id:user_id>/interests",
    summary="Declare the interests of a user",
    operation_id="declareInterests",
    security=security(Scope.WRITE),
    responses=spec.responses({200: DeclaredAnswer}, body=True),
)
@needs(Scope.WRITE)
@validated
def declare(path: UserPath, body: DeclaredInterests) -> Any:
    """Replaces what was declared before; what behaviour shows stays. A user who is not there is made."""
    weights: dict[str, float] = {}
    for place, interest in enumerate(body.interests):
        if interest.id in weights:
            raise InvalidRequestError(
                [Fault("This interest stands twice.", f"interests[{place}].id", interest.id, "Give it once.")]
            )
        weights[interest.id] = interest.weight
    declared = declare_interests(container().store(), path.user_id, weights, at=now_ms())
    return answer({"user_id": path.user_id, "declared": declared})
