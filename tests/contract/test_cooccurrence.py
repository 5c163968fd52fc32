"""Folding and counting again on the other supported server; `tests/integration` does so on the default one."""

from __future__ import annotations

import pytest

from engine.graph.store import GraphStore
from engine.settings import Settings
from tests.conftest import wipe
from tests.integration.test_cooccurrence import (  # noqa: F401 - they run here too
    graph,
    test_any_order_and_batching_equals_the_recount,
    test_rows_keep_the_strongest_and_a_newcomer_must_beat_the_weakest,
    test_two_folds_at_the_same_time_count_once,
    wide,
)
from tests.integration.test_fold_steps import (  # noqa: F401
    test_a_fold_that_dies_anywhere_counts_once,
    test_a_row_grows_by_its_slack_before_it_is_cut,
    test_events_of_several_users_are_withdrawn_in_any_state,
    test_shards_side_by_side_lose_no_move,
)


@pytest.fixture
def store(lts_store: GraphStore) -> GraphStore:
    wipe(lts_store)
    return lts_store


@pytest.fixture
def settings() -> Settings:
    return Settings(_env_file=None)
