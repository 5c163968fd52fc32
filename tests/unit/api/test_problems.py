from __future__ import annotations

from typing import Any

import pytest
from flask import Flask, abort

import engine.errors as tree
from api import errors, problems, request_ids
from engine.errors import InterestGraphError


def every_error() -> list[type[InterestGraphError]]:
    found: list[type[InterestGraphError]] = []
    waiting = [InterestGraphError]
    while waiting:
        cls = waiting.pop()
        waiting.extend(cls.__subclasses__())
        if cls.__module__ in (tree.__name__, errors.__name__):
            found.append(cls)
    return sorted(set(found), key=lambda cls: cls.__name__)


def make(cls: type[InterestGraphError]) -> InterestGraphError:
    if cls is errors.InvalidRequestError:
        return errors.InvalidRequestError([errors.Fault("Secret detail.", "name", 1, "Do it.")])
    if cls is errors.RateLimitedError:
        return errors.RateLimitedError("Secret detail.", retry_after_s=7, remedy="Do it.")
    if issubclass(cls, tree.BusyError):
        return cls("Secret detail.", retry_after_s=7, remedy="Do it.")
    return cls("Secret detail.", field="name", value=1, remedy="Do it.")


@pytest.fixture
def app() -> Flask:
    app = Flask(__name__)
    request_ids.register(app)
    problems.register(app)
    return app


EXPECTED = {
    "MalformedBodyError": 400,
    "ApiKeyError": 401,
    "PermissionDeniedError": 403,
    "NotFoundError": 404,
    "ConflictError": 409,
    "FencedError": 409,
    "CancelledError": 409,
    "PayloadTooLargeError": 413,
    "UnsupportedMediaTypeError": 415,
    "InvalidInputError": 422,
    "InvalidRequestError": 422,
    "UnknownReferenceError": 422,
    "RateLimitedError": 429,
    "BusyError": 429,
    "StreamFullError": 429,
    "InterestGraphError": 500,
    "SettingsError": 500,
    "EmbeddedServerError": 500,
    "ImportLimitError": 500,
    "TrainingError": 500,
    "UnavailableError": 503,
    "DatabaseUnavailableError": 503,
    "FreshnessTimeoutError": 503,
    "BrokerUnavailableError": 503,
    "QueryTimeoutError": 503,
    "ModelUnavailableError": 503,
    "AuthenticationFailedError": 503,
    "SchemaVersionError": 503,
    "ArtefactError": 503,
}


@pytest.mark.parametrize("cls", every_error(), ids=lambda cls: cls.__name__)
def test_each_error(app: Flask, cls: type[InterestGraphError]) -> None:
    @app.get("/")
    def fail() -> str:
        raise make(cls)

    answered = app.test_client().get("/", headers={"X-Request-ID": "given-1"})
    status = EXPECTED[cls.__name__]
    assert answered.status_code == status
    assert answered.content_type == "application/problem+json"
    assert answered.headers["X-Request-ID"] == "given-1"
    problem: dict[str, Any] = answered.json
    assert problem["status"] == status
    assert problem["request_id"] == "given-1"
    assert problem["type"] == f"urn:interestgraph:problem:{problem['code']}"
    assert set(problem) == {
        "type", "title", "status", "detail", "code", "field", "value", "remedy", "request_id",
    }  # fmt: skip
    assert ("Retry-After" in answered.headers) == (status in (429, 503))
    assert ("WWW-Authenticate" in answered.headers) == (status == 401)
    hidden = status == 500 or cls is tree.AuthenticationFailedError
    assert ("Secret" in answered.text) == (not hidden)
    if not hidden:
        assert (problem["code"], problem["remedy"]) == (cls.code, "Do it.")


def test_codes_are_one_each() -> None:
    codes = [cls.code for cls in every_error() if "code" in vars(cls)]
    assert len(codes) == len(set(codes))


def test_subclass_made_elsewhere_is_answered_like_its_parent() -> None:
    class OwnError(tree.NotFoundError):
        code = "own"

    assert problems.kind_of(OwnError("x")).status == 404


def test_unexpected_error_leaks_nothing(app: Flask) -> None:
    @app.get("/")
    def fail() -> str:
        raise KeyError("password=hunter2")

    answered = app.test_client().get("/")
    assert answered.status_code == 500
    assert answered.content_type == "application/problem+json"
    assert "hunter2" not in answered.text
    assert answered.json["request_id"] == answered.headers["X-Request-ID"]


def test_404_405_and_abort(app: Flask) -> None:
    @app.get("/here")
    def here() -> str:
        abort(406)

    client = app.test_client()
    missing = client.get("/nowhere")
    assert (missing.status_code, missing.json["code"], missing.json["value"]) == (404, "no_such_address", "/nowhere")
    wrong = client.post("/here")
    assert (wrong.status_code, wrong.json["code"], wrong.json["value"]) == (405, "method_not_allowed", "POST")
    assert "GET" in wrong.headers["Allow"]
    aborted = client.get("/here")
    assert (aborted.status_code, aborted.json["code"]) == (406, "not_acceptable")
    for answered in (missing, wrong, aborted):
        assert answered.content_type == "application/problem+json"


def test_many_faults_are_cut(app: Flask) -> None:
    @app.get("/")
    def fail() -> str:
        raise errors.InvalidRequestError(
            [errors.Fault(f"Fault {i}.", f"a[{i}]", float("nan"), None) for i in range(60)]
        )

    problem = app.test_client().get("/").json
    assert problem["field"] == "a[0]"
    assert problem["value"] == "nan"
    assert len(problem["errors"]) == 50
    assert problem["errors_left_out"] == 10


@pytest.mark.parametrize("cls", [tree.NotFoundError, tree.InvalidInputError, tree.DatabaseUnavailableError])
def test_remedy_where_the_error_has_none(app: Flask, cls: type[InterestGraphError]) -> None:
    @app.get("/")
    def fail() -> str:
        raise cls("Wrong.")

    assert app.test_client().get("/").json["remedy"]
