"""Folding and counting again on every supported server."""

from __future__ import annotations

import pytest

from engine.settings import Settings
from tests.integration.test_cooccurrence import (  # noqa: F401 - they run here on each server
    graph,
    test_any_order_and_batching_equals_the_recount,
    test_rows_keep_the_strongest_and_a_newcomer_must_beat_the_weakest,
    test_two_folds_at_the_same_time_count_once,
    wide,
)


@pytest.fixture
def settings() -> Settings:
    return Settings(_env_file=None)
