"""Which rule infers edges: tried on items that have behaviour, by hiding it.

A tenth of the items with behaviour is hidden from the history of the validation, edges are counted anew without it,
and the rule infers edges for the hidden items. It is measured how many validation targets are among the first ten:
those that are hidden items, and the others, which the inferred edges push down. A tenth alone has so few hits that
chance would choose; so several tenths are hidden one after the other, none twice, until there are enough hidden
targets, and all of them are added up. The rule is the one with the most hidden targets whose other targets lose at most
`MOST_LOST` of what they had without it. No test target is looked at. Where too few hidden targets are there to choose
by, nothing is inferred.

Items are ranked by counted and inferred edges alone, or by the whole score of a model
(`engine.training.inferred_scale`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
from scipy import sparse

from engine.evaluation.baselines import latest_items
from engine.model.co_occurrence import CoOccurrenceTerm, CountSettings
from engine.model.inferred_edges import (
    NEIGHBOURS,
    InferenceRule,
    ItemViews,
    VectorSource,
    edge_strengths,
    infer_edges,
    with_behaviour,
)
from engine.training.certainty import certainties
from engine.training.data import InteractionTable, Targets, seen
from engine.training.hiding import Fold, hidden_parts

MOST_LOST: Final = 0.015
LEAST_TARGETS: Final = 100
CUTOFF: Final = 10
_HIDDEN_TARGETS: Final = 10_000
# A loss of 1 % is not to be seen in fewer.
_OTHER_TARGETS: Final = 20_000
_CHUNK: Final = 128
_FIRST_SHRINKAGE: Final = 0.5
_SHRINKAGES: Final = (0.25, 0.35, 0.5, 0.7, 1.0)
_CHOICES: Final[Sequence[tuple[str, Sequence[float]]]] = (
    ("power", (1.0, 2.0, 3.0, 4.0)),
    ("own", (0.0, 1.0, 2.0, 4.0, 8.0)),
    ("evening", (0.0, 0.5, 1.0)),
    ("exponent", (0.5, 0.7, 1.0, 1.5)),
)
HIGHEST_FACTOR: Final = 1_000.0
"""By counted edges alone. Without a limit, new items would come before all others wherever validation loses nothing."""

Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


class Ranking(Protocol):
    """How items are ranked on a history of which some items are hidden."""

    width: int
    """Length of the vectors of hidden items; 0 where these do not matter."""

    sources: Sequence[VectorSource]
    """Where these may be from; none where they do not matter."""

    highest_factor: float
    """Factor that a rule may have at most."""

    def scores(self, users: npt.NDArray[np.integer]) -> tuple[npt.NDArray[np.floating], npt.NDArray[np.floating]]:
        """Give the scores of all items [B, I], and what `base` needs of each user [B, S]."""

    def vectors(self, near: sparse.csr_array, rule: InferenceRule) -> npt.NDArray[np.float32]:
        """Give the vectors of hidden items from their nearest [N, D]."""

    def base(
        self, users: npt.NDArray[np.integer], states: npt.NDArray[np.floating], vectors: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.floating]:
        """Give what hidden items have apart from counted edges [B, N]."""

    def total(self, base: npt.NDArray[np.floating], evidence: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        """Give the score of hidden items with so much evidence by edges."""

    def needed(self, base: npt.NDArray[np.floating], total: npt.NDArray[np.floating]) -> Float64:
        """Give the evidence that makes a score: the inverse of `total`."""


RankingOf = Callable[[Fold], Ranking]


class ByCounts:
    """Ranks by counted edges alone.

    Args:
        fold: What is hidden.
    """

    width = 0
    sources: Sequence[VectorSource] = ()
    highest_factor = HIGHEST_FACTOR

    def __init__(self, fold: Fold) -> None:
        self._fold = fold

    def scores(self, users: npt.NDArray[np.integer]) -> tuple[npt.NDArray[np.floating], npt.NDArray[np.floating]]:
        """Give the counts."""
        term = self._fold.term
        return term.counts(latest_items(self._fold.table, users, term.latest)).toarray(), np.zeros((len(users), 0))

    def vectors(self, near: sparse.csr_array, rule: InferenceRule) -> npt.NDArray[np.float32]:
        """Give none."""
        return np.zeros((near.shape[0], 0), dtype=np.float32)

    def base(
        self, users: npt.NDArray[np.integer], states: npt.NDArray[np.floating], vectors: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.floating]:
        """Give nothing."""
        return np.zeros((len(users), len(vectors)))

    def total(self, base: npt.NDArray[np.floating], evidence: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        """Give the evidence; without any an item is not ranked."""
        return np.where(evidence > 0, evidence, -np.inf)

    def needed(self, base: npt.NDArray[np.floating], total: npt.NDArray[np.floating]) -> Float64:
        """Give the score."""
        return np.maximum(np.broadcast_to(total, base.shape).astype(np.float64), 0)


def choose_rule(
    history: InteractionTable,
    validation: Targets,
    views: ItemViews,
    counting: CountSettings,
    *,
    seed: int,
    ranking: RankingOf = ByCounts,
    least_targets: int = LEAST_TARGETS,
) -> InferenceRule | None:
    """Choose a rule, all of its numbers, and measure how certain its edges are.

    Args:
        history: Behaviour before the validation.
        validation: What users did next.
        views: What the items are compared by.
        counting: How edges are counted.
        seed: Seed of the parts.
        ranking: How items are ranked.
        least_targets: Hidden targets that there must be to choose by.

    Returns:
        The rule, or none: nothing to compare items by, too few targets to choose by, or no gain.
    """
    size = validation.positives.shape[1]
    parts = hidden_parts(history, size, seed=seed)
    if not views.names or not parts:
        return None
    wanted = parts[: _folds(history, validation, parts)]
    trials = [
        _Trial(Fold(history, size, new, counting), validation, views, ranking, share=1 / len(wanted)) for new in wanted
    ]
    if sum(trial.hidden_targets for trial in trials) < least_targets:
        return None
    tried: dict[InferenceRule, tuple[float, InferenceRule]] = {}

    def measured(rule: InferenceRule) -> tuple[float, InferenceRule]:
        if rule not in tried:
            tried[rule] = _measured(trials, rule)
        return tried[rule]

    def best(rules: Sequence[InferenceRule]) -> InferenceRule:
        return max(rules, key=lambda rule: measured(rule)[0])

    start = InferenceRule(views.names[0], NEIGHBOURS, power=2.0, own=2.0, exponent=1.0, factor=1.0, evening=0.5)
    sources = trials[0].sources
    if "model" in sources:
        start = replace(start, vectors="model")
    elif sources:
        start = replace(start, shrinkage=_FIRST_SHRINKAGE)
    chosen = best([replace(start, view=view) for view in views.names])
    if "neighbours" in sources:
        chosen = best([chosen, *(replace(chosen, vectors="neighbours", shrinkage=value) for value in _SHRINKAGES)])
    for name, values in _CHOICES:
        changes: list[dict[str, Any]] = [{name: value} for value in values]
        chosen = best([chosen, *(replace(chosen, **change) for change in changes)])
    gain, rule = measured(chosen)
    if not gain:
        return None
    if ranking is not ByCounts:
        # The graph keeps weights that are right by counted edges alone; the model's score scales them.
        alone = [trial.by(ByCounts, validation) for trial in trials]
        factor = _measured(alone, rule)[1].factor or rule.factor
        rule = replace(rule, factor=factor, scale=rule.factor / factor)
    return _with_certainty(rule, [trial.fold for trial in trials], views, history, counting)


def _folds(history: InteractionTable, validation: Targets, parts: Sequence[Int64]) -> int:
    """Give how many parts have enough targets together."""
    known = np.bincount(history.items, minlength=validation.positives.shape[1]) > 0
    each = max(int(known[validation.positives.indices].sum()) // len(parts), 1)
    return min(-(-_HIDDEN_TARGETS // each), len(parts))


class _Trial:
    """Targets of one fold, ranked with everything that the rule does not change.

    Of the others only those are kept that are among the first ten while nothing is inferred: no other can be lost.
    """

    def __init__(self, fold: Fold, validation: Targets, views: ItemViews, ranking: RankingOf, *, share: float) -> None:
        self.fold = fold
        self._share = share
        self._views = views
        self._ranking = ranking(fold)
        self.sources = self._ranking.sources
        self.with_vectors = self._ranking.width > 0
        self.highest_factor = self._ranking.highest_factor
        self._near: dict[str, sparse.csr_array] = {}
        place = np.full(len(fold.absent), -1)
        place[fold.new] = np.arange(len(fold.new))
        users = validation.users[np.repeat(np.arange(len(validation.users)), np.diff(validation.positives.indptr))]
        items = validation.positives.indices
        known = (np.diff(fold.table.offsets)[users] > 0) & ~fold.absent[items]
        hidden = _spread(known & (place[items] >= 0), _HIDDEN_TARGETS * share)
        others = _spread(known & (place[items] < 0), _OTHER_TARGETS * share)
        self.hidden_targets = len(hidden)
        self._own = place[items[hidden]]
        self._hidden, self._top, _, _ = self._ranked(users[hidden], items[hidden])
        self._others, _, value, above = self._ranked(users[others], items[others])
        lost = (above + self._ahead(self._others, value) >= CUTOFF) | ~np.isfinite(value)
        self._others = self._others[~lost]
        self._value, self._above = value[~lost], above[~lost]

    def by(self, ranking: RankingOf, validation: Targets) -> _Trial:
        """Give the same targets ranked otherwise."""
        found = _Trial(self.fold, validation, self._views, ranking, share=self._share)
        found._near = self._near
        return found

    @property
    def hits(self) -> int:
        """Other targets that are among the first ten while nothing is inferred."""
        return len(self._value)

    def critical(self, rule: InferenceRule) -> Float64:
        """Give the factor up to which each of the hits stays one."""
        found = np.zeros(self.hits)
        for part, base, evidence, given in self._new_items(self._others, rule):
            needed = self._ranking.needed(base, self._value[part][:, None]) - given
            # Without evidence an item comes in by what else it has, or never.
            ahead = np.where(self._ranking.total(base, given) > self._value[part][:, None], 0.0, np.inf)
            factor = np.divide(np.maximum(needed, 0), evidence, out=ahead, where=evidence > 0)
            left = CUTOFF - self._above[part]
            factor = np.sort(_smallest(factor, CUTOFF), axis=1)
            full = left <= factor.shape[1]
            found[part] = np.where(full, factor[np.arange(len(factor)), np.minimum(left, factor.shape[1]) - 1], np.inf)
        return found

    def found(self, rule: InferenceRule) -> int:
        """Give how many hidden targets are among the first ten."""
        count = 0
        for part, base, evidence, given in self._new_items(self._hidden, rule):
            total = self._ranking.total(base, rule.factor * evidence + given)
            own = total[np.arange(len(total)), self._own[part]]
            above = (total > own[:, None]).sum(axis=1) + (self._top[part] > own[:, None]).sum(axis=1)
            count += int(((above < CUTOFF) & np.isfinite(own)).sum())
        return count

    def _new_items(self, rows: _Rows, rule: InferenceRule) -> Any:
        """Give base, evidence at factor 1, and evidence without the rule, of the hidden items, some rows at a time."""
        fold = self.fold
        if rule.view not in self._near:
            self._near[rule.view] = self._views.nearest(
                rule.view, fold.new, with_behaviour(fold.term.counted), rule.neighbours
            )
        near = self._near[rule.view]
        edges = edge_strengths(fold.term.counted, near, rule).T.tocsr()
        vectors = self._ranking.vectors(near, rule)
        for part, given in self._given(rows):
            evidence = (rows.history[part] @ edges).toarray()
            yield part, self._ranking.base(rows.users[part], rows.states[part], vectors), evidence, given

    def _given(self, rows: _Rows) -> Iterator[tuple[slice, Float64]]:
        """Give the evidence that hidden items have without a rule, by edges that no behaviour made."""
        edges = self.fold.term.weights[:, self.fold.new].tocsr()
        for start in range(0, len(rows), _CHUNK):
            part = slice(start, start + _CHUNK)
            yield part, (rows.history[part] @ edges).toarray().astype(np.float64)

    def _ahead(self, rows: _Rows, value: Float64) -> Int64:
        """Give how many hidden items that evidence alone puts above a target, while their vectors say nothing."""
        found = np.zeros(len(rows), dtype=np.int64)
        nothing = np.zeros((len(self.fold.new), self._ranking.width), dtype=np.float32)
        for part, given in self._given(rows):
            if not given.any():
                continue
            base = self._ranking.base(rows.users[part], rows.states[part], nothing)
            above = (self._ranking.total(base, given) > value[part][:, None]) & (given > 0)
            found[part] = above.sum(axis=1)
        return found

    def _ranked(
        self, users: npt.NDArray[np.integer], items: npt.NDArray[np.integer]
    ) -> tuple[_Rows, Float64, Float64, Int64]:
        """Rank targets among all but the hidden items: the ten best scores, their own, how many are above."""
        fold = self.fold
        latest = latest_items(fold.table, users, fold.term.latest)
        states, top, value, above = [], [], [], []
        for start in range(0, len(users), _CHUNK):
            user, item = users[start : start + _CHUNK], items[start : start + _CHUNK]
            scores, state = self._ranking.scores(user)
            known = seen(fold.table, user, scores.shape[1]).tocoo()
            scores[known.coords[0], known.coords[1]] = -np.inf
            scores[:, fold.absent] = -np.inf
            scores[:, fold.new] = -np.inf
            own = scores[np.arange(len(user)), item]
            # Without a count and by counts alone a target is no hit.
            own = np.where(self.with_vectors | (own > 0), own, -np.inf)
            above.append((scores > own[:, None]).sum(axis=1))
            value.append(own)
            states.append(state)
            top.append(-_smallest(-scores, CUTOFF))
        rows = _Rows(users, fold.term.histories(latest), np.concatenate(states) if states else np.zeros((0, 0)))
        none = np.zeros(0)
        return (
            rows,
            np.concatenate(top) if top else np.zeros((0, CUTOFF)),
            np.concatenate(value) if value else none,
            np.concatenate(above) if above else none.astype(np.int64),
        )


@dataclass(frozen=True, slots=True)
class _Rows:
    """Users, the fading of the latest items of their history [E, I], and what the ranking keeps of them."""

    users: npt.NDArray[np.integer]
    history: sparse.csr_array
    states: npt.NDArray[np.floating]

    def __len__(self) -> int:
        return len(self.users)

    def __getitem__(self, chosen: Mask) -> _Rows:
        return _Rows(self.users[chosen], self.history[np.flatnonzero(chosen)], self.states[chosen])


def _measured(trials: Sequence[_Trial], rule: InferenceRule) -> tuple[float, InferenceRule]:
    """Give the share of hidden targets that are found with the largest factor that the other targets bear."""
    critical = np.sort(np.concatenate([trial.critical(rule) for trial in trials]))
    allowed = int(MOST_LOST * len(critical))
    # Just below the factor at which one more is lost.
    factor = min(float(critical[allowed]) * (1 - 1e-6), trials[0].highest_factor) if len(critical) else 0.0
    rule = replace(rule, factor=factor)
    if not factor:
        return 0.0, rule
    return sum(trial.found(rule) for trial in trials) / max(sum(trial.hidden_targets for trial in trials), 1), rule


def _with_certainty(
    rule: InferenceRule, folds: Sequence[Fold], views: ItemViews, history: InteractionTable, counting: CountSettings
) -> InferenceRule:
    """Measure which share of the inferred edges is among those counted with nothing hidden, by their strength."""
    size = len(folds[0].absent)
    counted = CoOccurrenceTerm.count(history, size, counting).counted.tocoo()
    keys = np.sort(counted.coords[0].astype(np.int64) * size + counted.coords[1])
    weights, real = [], []
    for fold in folds:
        edges = infer_edges(fold.term.counted, views, fold.new, rule)
        wanted = edges.source * size + edges.target
        place = np.minimum(np.searchsorted(keys, wanted), max(len(keys) - 1, 0))
        weights.append(edges.weight)
        real.append((keys[place] == wanted).astype(np.float64) if len(keys) else np.zeros(len(wanted)))
    strengths, shares = certainties(np.concatenate(weights), np.concatenate(real))
    return replace(rule, strengths=strengths, certainties=shares)


def _spread(chosen: Mask, most: float) -> Int64:
    """Give the chosen places, evenly spread where there are more than `most`."""
    places = np.flatnonzero(chosen)
    return places[np.unique(np.linspace(0, len(places) - 1, min(int(most), len(places))).astype(np.int64))]


def _smallest(values: npt.NDArray[np.floating], most: int) -> npt.NDArray[np.floating]:
    """Give the smallest of each row, in no order."""
    kept = min(most, values.shape[1])
    return np.partition(values, kept - 1, axis=1)[:, :kept] if kept else values
