from __future__ import annotations

import pytest

from cypher import catalogue
from engine.errors import SettingsError
from engine.graph.capabilities import from_version


@pytest.mark.parametrize(
    ("version", "abilities"),
    [
        ("5.26.31", {"vector_index"}),
        ("5.27-aura", {"vector_index"}),
        ("2025.01.0", {"vector_index"}),
        ("2026.09.0", {"vector_index", "search_clause"}),
        ("2027.1", {"vector_index", "search_clause"}),
    ],
)
def test_abilities_follow_from_the_version(version: str, abilities: set[str]) -> None:
    assert from_version(version, "community").abilities == abilities


@pytest.mark.parametrize("version", ["5.25.1", "4.4.40", "5.9"])
def test_old_servers_are_refused(version: str) -> None:
    with pytest.raises(SettingsError, match="too old") as caught:
        from_version(version, "community")
    assert "5.26" in str(caught.value.remedy)


def test_statements_name_known_abilities() -> None:
    newest = from_version("2026.09.0", "community").abilities
    assert {s.capability for s in catalogue.statements() if s.capability} <= newest
