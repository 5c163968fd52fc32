"""What the OpenAPI document says of every address alike."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any, Final

from flask_openapi3.models.info import Info
from flask_openapi3.models.license import License
from flask_openapi3.models.security_scheme import SecurityScheme
from flask_openapi3.models.tag import Tag
from flask_openapi3.openapi import OpenAPI
from flask_openapi3.types import ResponseDict
from flask_openapi3.utils import get_model_schema
from pydantic import BaseModel

from api.problems import MEDIA_TYPE
from api.schemas.common import Problem

DESCRIPTION: Final = """\
Recommendations from a living graph of interests.

Send behaviour to `POST /v1/events`; its answer carries a freshness token. Ask
`GET /v1/users/{user_id}/recommendations?freshness=<token>`: the answer knows of that behaviour, and says of each
item why it is there.

Every error is `application/problem+json` with `code`, `field`, `value` and `remedy`. Every answer carries
`X-Request-ID`. Times are UTC, in milliseconds since 1970. Lists are read page by page: give `next` of one page as
`cursor` of the following one.
"""

EVENTS: Final = Tag(name="events", description="Behaviour coming in.")
RECOMMENDATIONS: Final = Tag(name="recommendations", description="What the engine answers, and why.")
USERS: Final = Tag(name="users", description="People.")
INTERESTS: Final = Tag(name="interests", description="What people like and items are about.")
ITEMS: Final = Tag(name="items", description="What is recommended.")
JOBS: Final = Tag(name="jobs", description="Work of the workers: training, re-embedding.")
VERSIONS: Final = Tag(name="versions", description="Versions of the embeddings.")
HEALTH: Final = Tag(name="health", description="Whether it works; needs no key.")

ALSO: Final = "x-also"
"""Extension of an operation: examples by further media types that its body may have, as text."""

_PROBLEMS: Final = {
    400: "The body is not JSON that can be read.",
    401: "No API key, or one that is unknown, revoked or over.",
    403: "The key lacks the scope.",
    404: "It is not there.",
    409: "It contradicts what is stored.",
    413: "The body is too large.",
    414: "The address is too long.",
    415: "The body is not declared to be JSON.",
    422: "A value cannot be accepted; the problem names the field.",
    429: "Too many requests; see Retry-After.",
    500: "A fault of ours.",
    503: "A part does not answer; see Retry-After.",
}
_RETRY_AFTER: Final = {
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}, "required": True}
}


def problem_response(status: int) -> dict[str, Any]:
    """Describe one kind of problem."""
    described: dict[str, Any] = {
        "description": _PROBLEMS[status],
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    if status in (429, 503):
        described["headers"] = _RETRY_AFTER
    return described


def responses(
    answers: dict[int, type[BaseModel] | None], *problems: int, body: bool = False, open_to_all: bool = False
) -> ResponseDict:
    """Describe the answers of an address.

    Args:
        answers: Model of the answer for each status code; none for an empty one.
        problems: Status codes of problems beyond those that every address has.
        body: Whether it takes a body.
        open_to_all: Whether it needs no key.
    """
    statuses = {500, *problems}
    if not open_to_all:
        statuses |= {401, 403, 414, 422, 429, 503}
    if body:
        statuses |= {400, 413, 415}
    described: ResponseDict = {str(status): model for status, model in answers.items()}
    described.update({str(status): problem_response(status) for status in sorted(statuses)})
    return described


class Api(OpenAPI):
    """Flask with an OpenAPI document, whose schemas stand in one place each."""

    def __init__(self, import_name: str) -> None:
        super().__init__(
            import_name,
            info=Info(
                title="interestgraph",
                version=version("interestgraph"),
                description=DESCRIPTION,
                license=License(name="Apache-2.0", identifier="Apache-2.0"),
            ),
            security_schemes={
                "bearer": SecurityScheme(
                    type="http", scheme="bearer", description="`interestgraph keys create` makes a key."
                ),
                "header": SecurityScheme.model_validate(
                    {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The same key."}
                ),
            },
            validation_error_model=Problem,
        )

    def generate_spec_json(self) -> None:
        """Make the document."""
        super().generate_spec_json()  # type: ignore[no-untyped-call]
        self.spec_json = tidy(self.spec_json)


def tidy(spec: dict[str, Any]) -> dict[str, Any]:
    """Drop what flask-openapi3 adds of its own and sort what has no order.

    It gives each address a 422 of its own form, and repeats in each schema the definitions that are components already.
    """
    for path in spec["paths"].values():
        for operation in path.values():
            if not isinstance(operation, dict):
                continue
            if "description" in operation:
                operation["description"] = operation["description"].replace("<br/>", "\n")
            for media_type, example in operation.pop(ALSO, {}).items():
                operation["requestBody"]["content"][media_type] = {"schema": {"type": "string"}, "example": example}
            unwanted = operation.get("responses", {}).get("422", {}).get("content", {})
            if "application/json" in unwanted:
                del operation["responses"]["422"]
    schemas = spec["components"]["schemas"]
    schemas["Problem"] = get_model_schema(Problem, mode="serialization")
    for schema in schemas.values():
        for name, definition in schema.pop("$defs", {}).items():
            schemas.setdefault(name, definition)
    spec["components"]["schemas"] = dict(sorted(schemas.items()))
    spec["paths"] = dict(sorted(spec["paths"].items()))
    return spec
