"""Scales of terms are moved together, where that gains for sure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy import sparse

from engine.training.data import InteractionTable, Targets
from engine.training.scoring import ModelScorer, TermParameters
from engine.training.term_scales import fit_scales
from tests.unit.engine.training.test_scoring import untrained_scorer

USERS = 100
LEARNT = TermParameters(1.0, 0.01, 0.7, 10)


class _Known(ModelScorer):
    """A scorer whose terms are given, [B, I] each: item 0 is what every user took."""

    def __init__(self, terms: dict[str, npt.NDArray[np.float32]]) -> None:
        self._given = terms
        self.parameters = LEARNT
        self.items = terms["sequence"].shape[1]
        self.with_interests = False

    def terms(self, users: npt.NDArray[np.integer], **_: object) -> dict[str, npt.NDArray[np.float32]]:
        return {name: values[users] for name, values in self._given.items()}


def _window() -> Targets:
    nothing = np.zeros(0, np.int64)
    history = InteractionTable(
        [str(user) for user in range(USERS)], np.zeros(USERS + 1, np.int64), nothing.astype(np.int32), nothing, nothing
    )
    taken = sparse.csr_array((np.ones(USERS, bool), (np.arange(USERS), np.zeros(USERS, np.int64))), shape=(USERS, 4))
    return Targets(history, np.arange(USERS, dtype=np.int32), taken, 0)


def _rivals(both: int, alone: int) -> _Known:
    """What was taken, a rival by counts, a rival by sequence that only popularity keeps down, and one far behind.

    With the scale f of counts and p of popularity the second item lies 2f - 1 above the first, the third 1.5 - 2f - p:
    it needs f < .5, and then p > .5 or f > .75. The first `both` users have both rivals, the next `alone` only the
    second item.
    """
    sequence = np.tile(np.array([0, -9, -9, -9], np.float32), (USERS, 1))
    counted = np.zeros((USERS, 4), np.float32)
    popularity = np.tile(np.array([1, 1, 0, 0], np.float32), (USERS, 1))
    sequence[: both + alone, 1] = -1
    counted[: both + alone, 1] = 2
    sequence[:both, 2] = 1.5
    counted[:both, 2] = -2
    return _Known({"sequence": sequence, "co_occurrence": counted, "popularity": popularity})


def test_two_scales_move_where_only_both_gain_for_sure() -> None:
    found = fit_scales(_rivals(both=10, alone=2), _window())
    assert found.co_occurrence_scale < 0.5
    assert 1.5 - 2 * found.co_occurrence_scale - found.popularity_scale < 0


def test_what_gains_by_chance_goes_back_to_what_was_learnt() -> None:
    # Two users of a hundred: 1.4 standard errors.
    assert fit_scales(_rivals(both=0, alone=2), _window()) == LEARNT
    assert fit_scales(_rivals(both=0, alone=20), _window()).co_occurrence_scale < 0.5


def test_interests_get_weight_where_they_tell() -> None:
    scorer, targets = untrained_scorer(by_interest=True)
    scorer.parameters = replace(scorer.parameters, co_occurrence_scale=1e-3)  # as good as nothing counted
    found = fit_scales(scorer, targets)
    assert found.interests_scale > 0


def test_counted_edges_get_more_weight_where_they_tell() -> None:
    scorer, targets = untrained_scorer(by_interest=False)
    learnt = scorer.parameters.co_occurrence_scale
    found = fit_scales(scorer, targets)
    assert found.co_occurrence_scale > learnt
