"""The application."""

from __future__ import annotations

from typing import Any, Final

from flask import Response, redirect

from api import auth, logs, metrics, paths, problems, request_ids
from api.auth import needs
from api.blueprints import BLUEPRINTS
from api.container import EXTENSION, Container
from api.keys import KeyRing
from api.limits import RateLimit
from api.spec import Api
from api.stream_metrics import StreamCollector
from engine.errors import DatabaseUnavailableError
from engine.settings import Settings

_TO_SWAGGER: Final = '<!doctype html><meta http-equiv="refresh" content="0; url=swagger"><a href="swagger">OpenAPI</a>'


def create_app(settings: Settings, container: Container | None = None) -> Api:
    """Make the application. Nothing is opened yet: it starts also while Neo4j or Redis are away.

    Args:
        settings: The settings.
        container: What the routes work with; made from the settings where none is given.

    Raises:
        SettingsError: Keys are off on an address that others can reach.
    """
    container = container or Container(settings)
    app = Api(__name__)
    app.config.update(
        MAX_CONTENT_LENGTH=settings.api.max_body_bytes,
        OPENAPI_HTML_STRING=_TO_SWAGGER,
        RATELIMIT_ENABLED=True,
    )
    app.extensions[EXTENSION] = container

    request_ids.register(app)
    paths.register(app)
    metrics.register(app, StreamCollector(container.stream_state, container.count_unfolded))
    logs.register(app)
    problems.register(app)
    limit = RateLimit(settings.api.rate_limit, container.redis_url, settings.api.redis_timeout_s)
    auth.register(app, settings, KeyRing(container.store), limit.count_refusal)
    limit.register(app)

    @app.errorhandler(DatabaseUnavailableError)
    def remember(error: DatabaseUnavailableError) -> Response:
        container.note_failure(error)
        return problems.answer_error(error)

    for blueprint in BLUEPRINTS:
        app.register_api(blueprint)

    @app.route("/")
    @needs(None)
    def home() -> Any:
        response: Response = redirect("/openapi/")  # type: ignore[assignment]
        return response

    return app
