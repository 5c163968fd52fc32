"""What a user is interested in, and interests by themselves."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask_openapi3.blueprint import APIBlueprint

from api import cursors, spec
from api.answers import answer
from api.auth import needs, security
from api.blueprints.support import container
from api.errors import Fault, InvalidRequestError
from api.keys import Scope
from api.schemas.common import PageQuery
from api.schemas.interests import (
    InterestPath,
    InterestsPageAnswer,
    InterestViewAnswer,
    RelatedAnswer,
    RelatedQuery,
    TrendAnswer,
    TrendQuery,
)
from api.schemas.users import DeclaredAnswer, DeclaredInterests, InterestsAnswer, InterestsQuery, UserPath
from api.validation import validated
from engine.domain import now_ms
from engine.events.token import decode_token
from engine.graph.entities import list_interests
from engine.interests.declared import declare_interests
from engine.interests.hierarchy import read_interest
from engine.interests.read import read_interests
from engine.interests.related import read_related
from engine.interests.trend import read_trend

blueprint = APIBlueprint("interests", __name__)


@blueprint.get(
    "/v1/users/<id:user_id>/interests",
    summary="Read the interests of a user",
    operation_id="getInterests",
    tags=[spec.USERS],
    security=security(Scope.READ),
    responses=spec.responses({200: InterestsAnswer}),
)
@needs(Scope.READ)
@validated
def read(path: UserPath, query: InterestsQuery) -> Any:
    """Strongest first, as of now or of a past time. A user who is not known has none, and `known` says so."""
    parts = container()
    options: dict[str, Any] = {
        "settings": parts.settings,
        "at": query.at,
        "limit": query.n or parts.settings.interests.max_shown,
        "evidence": query.evidence,
    }
    store = parts.store()
    if query.freshness is None:
        found = read_interests(store, path.user_id, **options)
    else:
        bookmarks = decode_token(query.freshness).bookmarks
        found = parts.fresh_reads.run(lambda: read_interests(store, path.user_id, bookmarks=bookmarks, **options))
    return answer(
        {
            "user_id": found.user_id,
            "known": found.known,
            "at": found.at,
            "mass": found.mass,
            "past": found.past,
            "complete": found.complete,
            "interests": [asdict(interest) for interest in found.interests],
        }
    )


@blueprint.put(
    "/v1/users/<id:user_id>/interests",
    summary="Declare the interests of a user",
    operation_id="declareInterests",
    tags=[spec.USERS],
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


@blueprint.get(
    "/v1/interests",
    summary="List interests",
    operation_id="listInterests",
    tags=[spec.INTERESTS],
    security=security(Scope.READ),
    responses=spec.responses({200: InterestsPageAnswer}),
)
@needs(Scope.READ)
@validated
def index(query: PageQuery) -> Any:
    """By id, page by page."""
    after = cursors.decode(query.cursor, str)
    interests = list_interests(container().store(), limit=query.n, after=after[0] if after else None)
    following = cursors.encode([interests[-1].id]) if len(interests) == query.n else None
    return answer({"interests": [asdict(interest) for interest in interests], "next": following})


@blueprint.get(
    "/v1/interests/<id:interest_id>",
    summary="Read an interest",
    operation_id="getInterest",
    tags=[spec.INTERESTS],
    security=security(Scope.READ),
    responses=spec.responses({200: InterestViewAnswer}, 404),
)
@needs(Scope.READ)
@validated
def show(path: InterestPath) -> Any:
    """What it is part of, what is part of it, and how many items and users it has."""
    view = asdict(read_interest(container().store(), path.interest_id))
    return answer({**view.pop("interest"), **view})


@blueprint.get(
    "/v1/interests/<id:interest_id>/related",
    summary="Find interests related to one",
    operation_id="getRelatedInterests",
    tags=[spec.INTERESTS],
    security=security(Scope.READ),
    responses=spec.responses({200: RelatedAnswer}, 404),
)
@needs(Scope.READ)
@validated
def related(path: InterestPath, query: RelatedQuery) -> Any:
    """By how users and items share them, as last counted, and by their vectors."""
    return answer(asdict(read_related(container().store(), path.interest_id, limit=query.n)))


@blueprint.get(
    "/v1/interests/<id:interest_id>/trend",
    summary="Read how an interest goes",
    operation_id="getTrend",
    tags=[spec.INTERESTS],
    security=security(Scope.READ),
    responses=spec.responses({200: TrendAnswer}, 404),
)
@needs(Scope.READ)
@validated
def trend(path: InterestPath, query: TrendQuery) -> Any:
    """Its mass over all users by day or week, decayed as the interests of one user are, and whether it rises."""
    store, settings = container().store(), container().settings
    found = read_trend(
        store, path.interest_id, settings=settings, bucket=query.bucket, number=query.number, at=query.at
    )
    return answer(asdict(found))
