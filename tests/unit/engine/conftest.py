"""What the tests of training and evaluation share."""

from __future__ import annotations

from functools import partial

import pytest

from engine.training import loop
from engine.training.graph_stage import learn_graph


@pytest.fixture
def short_graph_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Learn graph attention in few steps, for tests of something else: its 300 take longer than the rest."""
    monkeypatch.setattr(loop, "learn_graph", partial(learn_graph, steps=40))
