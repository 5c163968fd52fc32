"""The statements of events on the other supported server; `tests/integration` runs them on the default one."""

from __future__ import annotations

import pytest

from engine.graph.store import GraphStore
from engine.settings import Settings
from tests.conftest import wipe
from tests.integration.test_apply_events import (  # noqa: F401 - they run here too
    _items,
    test_a_search_moves_the_interests_it_names,
    test_an_id_with_other_content_is_a_conflict,
    test_any_order_and_batching_gives_the_formula,
    test_history_is_the_latest_first,
    test_the_same_again_changes_nothing,
    test_the_same_batches_at_the_same_time_count_once,
    test_the_same_id_for_two_users_at_the_same_time_is_one_event_and_one_conflict,
)


@pytest.fixture
def store(lts_store: GraphStore) -> GraphStore:
    wipe(lts_store)
    return lts_store


@pytest.fixture
def settings() -> Settings:
    return Settings(_env_file=None)
