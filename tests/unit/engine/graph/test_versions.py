from __future__ import annotations

import pytest

from engine.domain import VersionState
from engine.errors import InvalidInputError
from engine.graph.names import check_identifier, check_version_id, vector_index
from engine.graph.versions import new_version_id, version_from


def test_ids_of_versions_are_the_utc_time() -> None:
    assert new_version_id(0) == "v19700101000000"
    assert check_version_id(new_version_id(1_769_860_800_999)) == "v20260131120000"


def test_names_of_indexes_are_on_the_allow_list() -> None:
    assert check_identifier(vector_index("Item", "v20260131120000")) == "item_embedding_v20260131120000"
    with pytest.raises(InvalidInputError):
        vector_index("Event", "v20260131120000")


def test_a_node_becomes_a_version() -> None:
    node = {"id": "v20260131120000", "state": "ready", "dim": 4, "model": "m", "created_at": 5, "metrics": '{"a": 1}'}
    found = version_from({**node, "embedded_until": 9})
    assert found.state is VersionState.READY
    assert found.metrics == {"a": 1}
    assert found.vectors_at == 0
    assert found.properties["embedded_until"] == 9
