"""Users."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask_openapi3.blueprint import APIBlueprint

from api import cursors, spec
from api.answers import answer, no_content
from api.auth import needs, security
from api.blueprints.support import container
from api.keys import Scope
from api.schemas.common import PageQuery
from api.schemas.users import (
    NeighboursAnswer,
    NeighboursQuery,
    ProfileAnswer,
    ProfileQuery,
    UserAnswer,
    UserBody,
    UserPatch,
    UserPath,
    UsersAnswer,
)
from api.validation import validated
from engine.errors import NotFoundError
from engine.forgetting import forget_user
from engine.graph.entities import StoredUser, User, get_user, list_users, patch_user, upsert_users
from engine.interests.profile import read_profile
from engine.social.neighbours import neighbours

blueprint = APIBlueprint("users", __name__, abp_tags=[spec.USERS])


def _plain(user: StoredUser) -> dict[str, Any]:
    return {
        "id": user.id,
        "attributes": dict(user.attributes),
        "created_at": user.created_at,
        "updated_at": user.updated_at,
        "events_at": user.events_at,
    }


@blueprint.get(
    "/v1/users",
    summary="List users",
    operation_id="listUsers",
    security=security(Scope.READ),
    responses=spec.responses({200: UsersAnswer}),
)
@needs(Scope.READ)
@validated
def index(query: PageQuery) -> Any:
    """By id, page by page."""
    after = cursors.decode(query.cursor, str)
    users = list_users(container().store(), limit=query.n, after=after[0] if after else None)
    following = cursors.encode([users[-1].id]) if len(users) == query.n else None
    return answer({"users": [_plain(user) for user in users], "next": following})


@blueprint.get(
    "/v1/users/<id:user_id>",
    summary="Read a user",
    operation_id="getUser",
    security=security(Scope.READ),
    responses=spec.responses({200: UserAnswer}, 404),
)
@needs(Scope.READ)
@validated
def show(path: UserPath) -> Any:
    """Attributes, and when their latest event was stored."""
    return answer(_plain(get_user(container().store(), path.user_id)))


@blueprint.put(
    "/v1/users/<id:user_id>",
    summary="Make or replace a user",
    operation_id="putUser",
    security=security(Scope.WRITE),
    responses=spec.responses({200: UserAnswer, 201: UserAnswer}, body=True),
)
@needs(Scope.WRITE)
@validated
def put(path: UserPath, body: UserBody) -> Any:
    """Their behaviour and interests stay; a second time changes nothing."""
    store = container().store()
    upserted = upsert_users(store, [User(path.user_id, body.attributes, body.created_at)])
    stored = get_user(store, path.user_id, bookmarks=store.last_bookmarks())
    return answer(_plain(stored), 201 if upserted.created else 200)


@blueprint.patch(
    "/v1/users/<id:user_id>",
    summary="Change a user",
    operation_id="patchUser",
    security=security(Scope.WRITE),
    responses=spec.responses({200: UserAnswer}, 404, body=True),
)
@needs(Scope.WRITE)
@validated
def patch(path: UserPath, body: UserPatch) -> Any:
    """Attributes that are not named stay."""
    return answer(_plain(patch_user(container().store(), path.user_id, attributes=body.attributes)))


@blueprint.delete(
    "/v1/users/<id:user_id>",
    summary="Forget a user",
    operation_id="deleteUser",
    security=security(Scope.WRITE),
    responses=spec.responses({204: None}, 404),
)
@needs(Scope.WRITE)
@validated
def delete(path: UserPath) -> Any:
    """Leaves no edge, vector, event or counter of theirs behind."""
    if not forget_user(container().store(), container().settings, path.user_id):
        raise NotFoundError("There is no such user.", field="user_id", value=path.user_id)
    return no_content()


@blueprint.get(
    "/v1/users/<id:user_id>/profile",
    summary="Read a user's patterns",
    operation_id="getProfile",
    security=security(Scope.READ),
    responses=spec.responses({200: ProfileAnswer}),
)
@needs(Scope.READ)
@validated
def profile(path: UserPath, query: ProfileQuery) -> Any:
    """Rhythm, breadth, novelty, loyalty, price level and drift. A user who is not known has none."""
    found = read_profile(
        container().store(),
        path.user_id,
        settings=container().settings,
        at=query.at,
        offset_minutes=query.offset_minutes,
        since=query.since,
    )
    return answer(asdict(found))


@blueprint.get(
    "/v1/users/<id:user_id>/neighbours",
    summary="Find users near a user",
    operation_id="getNeighbours",
    security=security(Scope.READ),
    responses=spec.responses({200: NeighboursAnswer}),
)
@needs(Scope.READ)
@validated
def near(path: UserPath, query: NeighboursQuery) -> Any:
    """Step by step over users who are similar or followed; a path weighs less with every step."""
    found = neighbours(
        container().store(),
        path.user_id,
        settings=container().settings,
        depth=query.depth,
        limit=query.n,
        follows=query.follows,
    )
    return answer({"user_id": path.user_id, "neighbours": [asdict(neighbour) for neighbour in found]})
