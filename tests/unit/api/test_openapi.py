from __future__ import annotations

import json
from typing import Any

from api.openapi import PATH, document

SPEC: dict[str, Any] = json.loads(document())
OPEN_TO_ALL = {"/health/live", "/health/ready"}


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, operation) for path, item in SPEC["paths"].items() for method, operation in item.items()]


def test_file_is_what_the_code_says() -> None:
    assert PATH.read_text(encoding="utf-8") == document(), "run: python -m api.openapi"


def test_version_and_schemes() -> None:
    assert SPEC["openapi"].startswith("3.1")
    assert set(SPEC["components"]["securitySchemes"]) == {"bearer", "header"}


def test_each_operation_is_described() -> None:
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(names) == len(set(names))
    for path, method, operation in operations():
        place = f"{method} {path}"
        assert operation["summary"], place
        assert operation["description"], place
        assert operation["tags"], place
        assert "<br" not in operation["description"], place
        if path not in OPEN_TO_ALL:
            scopes = {scope for entry in operation["security"] for names in entry.values() for scope in names}
            assert len(scopes) == 1, place
            assert {"401", "403", "422", "429", "503"} <= set(operation["responses"]), place
        for status, response in operation["responses"].items():
            content = response.get("content", {})
            if int(status) >= 400 and path != "/health/ready":
                assert list(content) == ["application/problem+json"], (place, status)
        assert ("requestBody" in operation) == ({"400", "413", "415"} <= set(operation["responses"])), place


def test_every_reference_leads_somewhere() -> None:
    def walk(value: Any) -> None:
        if isinstance(value, dict):
            if "$ref" in value:
                target: Any = SPEC
                for part in value["$ref"].removeprefix("#/").split("/"):
                    target = target[part]
            for inner in value.values():
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)

    walk(SPEC)
    assert "$defs" not in json.dumps(SPEC)
