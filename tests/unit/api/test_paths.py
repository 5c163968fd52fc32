from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from api import paths, problems, request_ids


@pytest.fixture
def client() -> Any:
    app = Flask(__name__)
    request_ids.register(app)
    paths.register(app)
    problems.register(app)

    @app.get("/items/<id:name>")
    def item(name: str) -> dict[str, str]:
        return {"item": name}

    @app.get("/items/<id:name>/similar")
    def similar(name: str) -> dict[str, str]:
        return {"similar": name}

    return app.test_client()


@pytest.mark.parametrize(
    ("address", "answer"),
    [
        ("/items/a", {"item": "a"}),
        ("/items/a%2Fb", {"item": "a/b"}),
        ("/items/a%2fb%2F", {"item": "a/b/"}),
        ("/items/a%2Fsimilar", {"item": "a/similar"}),
        ("/items/a%2Fb/similar?x=%2F", {"similar": "a/b"}),
        ("/items/%252F", {"item": "%2F"}),
        ("/items/a+b%20c", {"item": "a+b c"}),
        ("/items/%C3%BC%2F%E2%82%AC", {"item": "ü/€"}),
    ],
)
def test_id_comes_through(client: Any, address: str, answer: dict[str, str]) -> None:
    assert client.get(address).json == answer


def test_what_is_no_utf8_is_refused(client: Any) -> None:
    # As a WSGI server hands it on; the test client would encode it once more.
    answered = client.get("/items/x", environ_overrides={"PATH_INFO": "/items/\xff"})
    assert (answered.status_code, answered.json["field"]) == (422, "path")


def test_the_stand_in_is_no_slash(client: Any) -> None:
    assert client.get("/items/a%1Fb%2Fc").status_code == 404
