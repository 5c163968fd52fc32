"""How much each term of the score counts: scales chosen together, by NDCG@10 on validation.

A first step may gain no more than chance would give where two together gain for sure: counted edges that count less
leave room for popularity. So the scales move in turns, each to the best of its grid, until none moves, and are judged
then. The best of dozens gains by chance alone: what does not hold its ground goes back to what was learnt, the least
certain first, as long as one gains less than two standard errors over users.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from engine.evaluation.protocols import rank
from engine.training.data import Targets
from engine.training.scoring import ModelScorer, TermParameters

_SCALES: Final = (0.0, 0.1, 0.2, 0.4, 0.8, 1.2, 1.6, 2.4)
"""Of interests and popularity."""
_FACTORS: Final = (0.1, 0.2, 0.3, 0.5, 0.7, 0.85, 1.2, 1.4, 1.7, 2.0, 2.5, 3.0, 4.0)
"""Of the learnt scale of counted edges."""
_ROUNDS: Final = 3
_USERS: Final = 8_000
"""Users by whom scales are looked for."""
_JUDGES: Final = 30_000
"""Users by whom they are judged: a gain of 3 % of Beauty's NDCG is 1.8 standard errors of 8,000, and 4.8 of 22,000."""
_SCORES: Final = 300_000_000
"""Scores of one term that are made at most for each look: a large catalogue is fitted on fewer users."""
_CHUNK: Final = 256
"""Users whose terms are kept at once, no more than `rank` asks for at once: a term has a number for each item."""
_ERRORS: Final = 2.0
"""Standard errors by which a scale must gain to stay."""

Float64 = npt.NDArray[np.float64]


def fit_scales(scorer: ModelScorer, targets: Targets) -> TermParameters:
    """Choose the scales of counted edges, interests and popularity.

    Args:
        scorer: Holds what was learnt, and is left as it is.
        targets: A validation window.
    """
    learnt = scorer.parameters
    window = _Window(scorer, targets, _USERS)
    if not window.users:
        return learnt
    tried: dict[str, Sequence[float]] = {
        "popularity_scale": (learnt.popularity_scale, *_SCALES),
        "co_occurrence_scale": [learnt.co_occurrence_scale * factor for factor in (1.0, *_FACTORS)],
    }
    if scorer.with_interests:
        tried = {"interests_scale": _SCALES, **tried}
    best = learnt
    for _ in range(_ROUNDS):
        before = best
        for name, scales in tried.items():
            changes: list[dict[str, Any]] = [{name: scale} for scale in scales]
            candidates = list(dict.fromkeys([best, *(replace(best, **change) for change in changes)]))
            best = candidates[int(np.argmax([values.mean() for values in window.ndcg(candidates)]))]
        if best == before:
            break
    return _held(_Window(scorer, targets, _JUDGES), learnt, best, list(tried))


def _held(window: _Window, learnt: TermParameters, best: TermParameters, names: Sequence[str]) -> TermParameters:
    """Take back, one by one, what gains no more than chance would give."""
    while moved := [name for name in names if getattr(best, name) != getattr(learnt, name)]:
        without: list[TermParameters] = []
        for name in moved:
            change: dict[str, Any] = {name: getattr(learnt, name)}
            without.append(replace(best, **change))
        reached, *others = window.ndcg([best, *without])
        certain = [_certainty(reached - values) for values in others]
        least = int(np.argmin(certain))
        if certain[least] > _ERRORS:
            break
        best = without[least]
    return best


def _certainty(gain: Float64) -> float:
    """Give a mean gain in its standard errors."""
    error = gain.std() / np.sqrt(len(gain))
    return float(gain.mean() / error) if error > 0 else 0.0


class _Window:
    """Some users of a validation window, and how well parameters rank what they took next.

    Args:
        scorer: Gives the terms.
        targets: The window.
        users: How many of its users at most.
    """

    def __init__(self, scorer: ModelScorer, targets: Targets, users: int) -> None:
        most = max(min(users, _SCORES // scorer.items), 1)
        self._places = np.unique(np.linspace(0, len(targets.users) - 1, most).astype(np.int64))
        self._scorer = scorer
        self._targets = targets

    @property
    def users(self) -> int:
        """Their number."""
        return len(self._targets.users) and len(self._places)

    def ndcg(self, candidates: Sequence[TermParameters]) -> list[Float64]:
        """Give NDCG@10 of each user [B] under each of some parameters; all are served by the same terms."""
        learnt, targets = self._scorer.parameters, self._targets
        found: list[list[Float64]] = [[] for _ in candidates]
        for start in range(0, len(self._places), _CHUNK):
            part = self._places[start : start + _CHUNK]
            some = Targets(targets.history, targets.users[part], targets.positives[part], targets.start)
            terms = self._scorer.terms(some.users, interests=self._scorer.with_interests)
            for values, parameters in zip(found, candidates, strict=True):
                total = terms["sequence"] + terms["co_occurrence"] * np.float32(
                    parameters.co_occurrence_scale / learnt.co_occurrence_scale
                )
                if parameters.interests_scale:
                    total += np.float32(parameters.interests_scale) * terms["interests"]
                if parameters.popularity_scale:
                    total += np.float32(parameters.popularity_scale) * terms["popularity"]
                ranks = rank(partial(_given, scores=total), some, protocol="discovery", with_lists=False)
                values.append(ranks.by_user()["ndcg@10"])
        return [np.concatenate(values) for values in found]


def _given(users: npt.NDArray[np.integer], *, scores: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return scores
