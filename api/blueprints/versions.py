"""Embedding versions: which there are, which one is served."""

from __future__ import annotations

from typing import Any

from flask_openapi3.blueprint import APIBlueprint

from api import spec
from api.answers import answer
from api.auth import needs, security
from api.blueprints.support import container
from api.keys import Scope
from api.schemas.versions import ActivatedAnswer, VersionPath, VersionsAnswer
from api.validation import validated
from engine.domain import VersionState
from engine.graph.versions import EmbeddingVersion, activate, list_versions

blueprint = APIBlueprint("versions", __name__, abp_tags=[spec.VERSIONS])


def _plain(version: EmbeddingVersion) -> dict[str, Any]:
    return {
        "id": version.id,
        "state": str(version.state),
        "dim": version.dim,
        "model": version.model,
        "created_at": version.created_at,
        "activated_at": version.activated_at,
        "metrics": dict(version.metrics),
    }


@blueprint.get(
    "/v1/versions",
    summary="List embedding versions",
    operation_id="listVersions",
    security=security(Scope.READ),
    responses=spec.responses({200: VersionsAnswer}),
)
@needs(Scope.READ)
@validated
def index() -> Any:
    """Newest first."""
    versions = list_versions(container().store())
    active = next((version.id for version in versions if version.state == VersionState.ACTIVE), None)
    return answer({"active": active, "versions": [_plain(version) for version in versions]})


@blueprint.post(
    "/v1/versions/<id:version>/activate",
    summary="Serve another version",
    operation_id="activateVersion",
    security=security(Scope.ADMIN),
    responses=spec.responses({200: ActivatedAnswer}, 404, 409),
)
@needs(Scope.ADMIN)
@validated
def serve(path: VersionPath) -> Any:
    """Every process follows by itself, and no answer mixes two versions. Also the way back to an older one."""
    previous = activate(container().store(), path.version)
    return answer({"active": path.version, "previous": previous})
