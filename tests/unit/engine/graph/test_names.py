from __future__ import annotations

import pytest

from engine.errors import InvalidInputError
from engine.graph.names import attention_property, check_identifier, embedding_property, learned_property


def test_properties_of_a_version() -> None:
    assert embedding_property("v20260131120000") == "embedding_v20260131120000"
    assert attention_property("v20260131120000") == "attention_v20260131120000"
    assert learned_property("v20260131120000") == "learned_v20260131120000"


@pytest.mark.parametrize("version", ["", "v1", "v2026013112000`", "v20260131120000\n", "x" * 100])
def test_other_version_ids_are_refused(version: str) -> None:
    with pytest.raises(InvalidInputError):
        embedding_property(version)


@pytest.mark.parametrize("name", ["Job", "User` {x: 1}", "embedding_", "item"])
def test_identifiers_outside_the_allow_list_are_refused(name: str) -> None:
    with pytest.raises(InvalidInputError):
        check_identifier(name)
