"""Who asks, and whether they may."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any, Final, TypeVar

import structlog
from flask import Flask, current_app, g, request

from api.errors import ApiKeyError
from api.keys import KeyRing, Scope
from engine.errors import PermissionDeniedError, SettingsError
from engine.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])

LOOPBACK_NAMES: Final = ("localhost", "127.0.0.1", "[::1]")
_OPEN_BLUEPRINTS: Final = frozenset({"openapi", "swagger"})
_SCOPE: Final = "_interestgraph_scope"


def is_loopback(host: str) -> bool:
    """Tell whether an address to bind to is reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def keys_are_required(settings: Settings) -> bool:
    """Tell whether requests need a key.

    Raises:
        SettingsError: They are switched off on an address that others can reach.
    """
    loopback = is_loopback(settings.api.host)
    if settings.api.require_keys is False and not loopback:
        raise SettingsError(
            "API keys may be off only on a loopback address.",
            field="INTERESTGRAPH_API__REQUIRE_KEYS",
            value=False,
            remedy="Leave it empty, or set INTERESTGRAPH_API__HOST to 127.0.0.1.",
        )
    return not loopback if settings.api.require_keys is None else settings.api.require_keys


def security(scope: Scope) -> list[dict[str, list[str]]]:
    """Give what OpenAPI says of an address that needs a scope: a key in either header."""
    return [{"bearer": [scope.value]}, {"header": [scope.value]}]


def needs(scope: Scope | None) -> Callable[[F], F]:
    """Say which scope a route needs; none opens it to everybody.

    A route without this mark needs `admin`: forgetting it locks the route rather than opening it.
    """

    def mark(function: F) -> F:
        setattr(function, _SCOPE, scope)
        return function

    return mark


def presented_key() -> str | None:
    """Give the key that came with the present request."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and value.strip():
        return value.strip()
    return request.headers.get("X-API-Key")


def scope_of_request() -> Scope | None:
    """Give the scope that the present request needs; addresses that do not exist and the OpenAPI page need none."""
    if request.endpoint is None or request.endpoint == "static" or request.blueprint in _OPEN_BLUEPRINTS:
        return None
    view: Any = current_app.view_functions[request.endpoint]
    scope: Scope | None = getattr(view, _SCOPE, Scope.ADMIN)
    return scope


def register(app: Flask, settings: Settings, keys: KeyRing, count_refusal: Callable[[], None]) -> None:
    """Check each request of an application.

    Args:
        app: The application.
        settings: Whether keys are required.
        keys: Knows the keys.
        count_refusal: Called before a request without a valid key is refused: guessing runs into a limit.
    """
    if not keys_are_required(settings):
        # Without keys, a web page that was opened on this machine must not reach the API by a name it made up
        # for 127.0.0.1 (DNS rebinding).
        app.config["TRUSTED_HOSTS"] = list(LOOPBACK_NAMES)
        return

    @app.before_request
    def check() -> None:
        scope = scope_of_request()
        if scope is None:
            return
        try:
            key = keys.verify(presented_key())
        except ApiKeyError:
            count_refusal()
            raise
        g.key_id = key.id
        structlog.contextvars.bind_contextvars(key_id=key.id)
        if not key.allows(scope):
            raise PermissionDeniedError(
                f"This needs the scope {scope.value}; the key has {', '.join(sorted(key.scopes))}.",
                field="scope",
                value=scope.value,
                remedy=f"Make a key for it: interestgraph keys create NAME --scope {scope.value}.",
            )
