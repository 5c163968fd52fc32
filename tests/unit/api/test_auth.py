from __future__ import annotations

from typing import Any

import pytest

from api.auth import is_loopback, keys_are_required, scope_of_request
from api.factory import create_app
from api.keys import Scope
from engine.errors import SettingsError
from engine.settings import Settings, load_settings


def settings(**api: Any) -> Settings:
    return load_settings(home="/nonexistent", api=api)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "localhost", "::1", "[::1]"])
def test_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.org", ""])
def test_not_loopback(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("host", "asked", "required"),
    [
        ("127.0.0.1", None, False),
        ("127.0.0.1", True, True),
        ("127.0.0.1", False, False),
        ("0.0.0.0", None, True),
        ("0.0.0.0", True, True),
    ],
)
def test_when_keys_are_required(host: str, asked: bool | None, required: bool) -> None:
    assert keys_are_required(settings(host=host, require_keys=asked)) is required


def test_never_off_for_others() -> None:
    with pytest.raises(SettingsError) as caught:
        keys_are_required(settings(host="0.0.0.0", require_keys=False))
    assert caught.value.remedy


def test_scope_of_each_route() -> None:
    app = create_app(settings())
    methods = {"GET": set(), "POST": set(), "PUT": set(), "PATCH": set(), "DELETE": set()}  # type: dict[str, set[Any]]
    for rule in app.url_map.iter_rules():
        if not rule.rule.startswith("/v1/"):
            continue
        for method in set(rule.methods or ()) & set(methods):
            address = rule.rule.replace("<id:", "").replace(">", "")
            with app.test_request_context(address, method=method):
                methods[method].add((rule.rule, scope_of_request()))
    for method, scopes in methods.items():
        assert scopes, method
        for rule, scope in scopes:
            if method == "GET":
                assert scope is Scope.READ, rule
            elif rule.startswith(("/v1/jobs", "/v1/versions")):
                assert scope is Scope.ADMIN, rule
            else:
                assert scope is Scope.WRITE, rule


def test_route_without_a_mark_is_locked() -> None:
    app = create_app(settings())

    @app.route("/forgotten")
    def forgotten() -> str:
        return ""

    with app.test_request_context("/forgotten"):
        assert scope_of_request() is Scope.ADMIN
    for open_to_all in ("/health/live", "/openapi/openapi.json", "/nowhere", "/"):
        with app.test_request_context(open_to_all):
            assert scope_of_request() is None
