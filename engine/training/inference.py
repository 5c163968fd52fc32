"""Which rule infers edges: tried on items that have behaviour, by hiding it.

A tenth of the items with behaviour is hidden from the history of the validation, edges are counted anew without it,
and the rule infers edges for the hidden items. By counted and inferred edges alone it is measured how many validation
targets are among the first ten: those that are hidden items, and the others, which the inferred edges push down. The
rule is the one with the most hidden targets whose other targets lose at most `MOST_LOST` of what they had without it.
No test target is looked at. Where too few hidden targets are there to choose by, nothing is inferred.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import sparse

from engine.evaluation.baselines import latest_items
from engine.model.co_occurrence import CoOccurrenceTerm, CountSettings
from engine.model.inferred_edges import (
    NEIGHBOURS,
    InferenceRule,
    ItemViews,
    edge_strengths,
    infer_edges,
)
from engine.training.data import InteractionTable, Targets, seen

HIDDEN_SHARE: Final = 0.1
MOST_LOST: Final = 0.015
LEAST_TARGETS: Final = 100
_CUTOFF: Final = 10
_USERS: Final = 10_000
_POWERS: Final = (1.0, 2.0, 4.0)
_OWN: Final = (0.0, 1.0, 2.0, 4.0)
_EXPONENTS: Final = (0.5, 0.7, 1.0)
_HALVINGS: Final = 10
_HIGHEST_FACTOR: Final = 4.0
_BINS: Final = 20


def choose_rule(
    history: InteractionTable,
    validation: Targets,
    views: ItemViews,
    counting: CountSettings,
    *,
    seed: int,
    least_targets: int = LEAST_TARGETS,
) -> InferenceRule | None:
    """Choose view, power, own part and factor, and measure how certain the edges are.

    Args:
        history: Behaviour before the validation.
        validation: What users did next.
        views: What the items are compared by.
        counting: How edges are counted.
        seed: Seed of the hidden items.
        least_targets: Hidden targets that there must be to choose by.

    Returns:
        The rule, or none: nothing to compare items by, too few targets to choose by, or no gain.
    """
    if not views.names or not len(history):
        return None
    hidden = hidden_items(history, validation.positives.shape[1], seed=seed)
    trial = _Trial(history, validation, hidden, counting)
    if trial.hidden_targets < least_targets:
        return None
    best = InferenceRule(views.names[0], NEIGHBOURS, power=2.0, own=2.0, exponent=0.7, factor=0.0)
    best, gain = _best(trial, views, [replace(best, view=view) for view in views.names])
    best, gain = _best(trial, views, [replace(best, power=power) for power in _POWERS])
    best, gain = _best(trial, views, [replace(best, own=own) for own in _OWN])
    best, gain = _best(trial, views, [replace(best, exponent=exponent) for exponent in _EXPONENTS])
    if gain <= 0:
        return None
    return _with_certainty(best, trial, views, history, counting)


def hidden_items(history: InteractionTable, size: int, *, seed: int) -> npt.NDArray[np.bool_]:
    """Draw a tenth of the items with behaviour, bool [I]."""
    taken = np.flatnonzero(np.bincount(history.items, minlength=size))
    hidden = np.zeros(size, dtype=bool)
    count = round(HIDDEN_SHARE * len(taken))
    hidden[np.random.default_rng(seed).choice(taken, size=count, replace=False)] = True
    return hidden


class _Trial:
    """Users whose next item is hidden, and others, with everything counted that the rule does not change."""

    def __init__(
        self, history: InteractionTable, validation: Targets, hidden: npt.NDArray[np.bool_], counting: CountSettings
    ) -> None:
        self.new = np.flatnonzero(hidden)
        self.table = without_items(history, hidden)
        self.term = CoOccurrenceTerm.count(self.table, len(hidden), counting)
        rows = np.repeat(np.arange(len(validation.users)), np.diff(validation.positives.indptr))
        items = validation.positives.indices
        known = np.diff(self.table.offsets)[validation.users[rows]] > 0
        self._hidden = _Entries(self, validation, rows, items, known & hidden[items], hidden)
        self._others = _Entries(self, validation, rows, items, known & ~hidden[items], hidden)
        self.hidden_targets = len(self._hidden.items)
        self.others_before = self._others.hits(None)

    def recall(self, strengths: sparse.csr_array, factor: float) -> tuple[float, float]:
        """Give the recall of hidden targets, and of the others as a share of what it was."""
        scaled = (factor * strengths).T.tocsr()
        return self._hidden.hits(scaled), self._others.hits(scaled) / max(self.others_before, 1e-12)


class _Entries:
    """Targets of some users, ranked among all items by counts [E]."""

    def __init__(
        self,
        trial: _Trial,
        validation: Targets,
        rows: npt.NDArray[np.int64],
        items: npt.NDArray[np.integer],
        chosen: npt.NDArray[np.bool_],
        hidden: npt.NDArray[np.bool_],
    ) -> None:
        places = np.flatnonzero(chosen)
        if len(places) > _USERS:
            places = places[np.unique(np.linspace(0, len(places) - 1, _USERS).astype(np.int64))]
        users = validation.users[rows[places]]
        self.items = items[places]
        self._new_place = np.where(hidden, np.cumsum(hidden) - 1, -1)[self.items]
        latest = latest_items(trial.table, users, trial.term.latest)
        self._history = trial.term.histories(latest)
        top, value, above = [], [], []
        for start in range(0, len(places), 256):
            part = slice(start, start + 256)
            counts = trial.term.counts(latest[part]).toarray()
            known = seen(trial.table, users[part], counts.shape[1]).tocoo()
            own = counts[np.arange(len(counts)), self.items[part]]
            counts[known.coords[0], known.coords[1]] = -1
            above.append((counts > own[:, None]).sum(axis=1))
            value.append(own)
            kept = min(_CUTOFF, counts.shape[1])
            top.append(np.sort(np.partition(counts, -kept, axis=1)[:, -kept:], axis=1))
        none = np.zeros(0)
        self._top = np.concatenate(top) if top else np.zeros((0, _CUTOFF))
        self._value = np.concatenate(value) if value else none
        self._above = np.concatenate(above) if above else none

    def hits(self, edges: sparse.csr_array | None) -> float:
        """Give the share of targets among the first ten, with edges to hidden items CSR [I, N], or without any.

        A target without any count is no hit.
        """
        if not len(self.items):
            return 0.0
        value, above = self._value.copy(), self._above.copy()
        if edges is not None:
            counts = (self._history @ edges).tocsr()
            row = np.repeat(np.arange(len(value)), np.diff(counts.indptr))
            own = self._new_place >= 0
            if own.any():
                mine = counts.indices == self._new_place[row]
                value[row[mine]] = counts.data[mine]
                above = np.where(own, (self._top > value[:, None]).sum(axis=1), above)
            above += np.bincount(row[counts.data > value[row]], minlength=len(value))
        return float(((above < _CUTOFF) & (value > 0)).mean())


def _best(trial: _Trial, views: ItemViews, rules: list[InferenceRule]) -> tuple[InferenceRule, float]:
    """Give the rule with the most hidden targets, each with the largest factor that the other targets bear."""
    found: list[tuple[float, InferenceRule]] = []
    for rule in rules:
        strengths = edge_strengths(trial.term.weights, views, trial.new, rule)
        low, high = 0.0, _HIGHEST_FACTOR
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            if trial.recall(strengths, middle)[1] >= 1 - MOST_LOST:
                low = middle
            else:
                high = middle
        found.append((trial.recall(strengths, low)[0] if low else 0.0, replace(rule, factor=low)))
    gain, rule = max(found, key=lambda pair: pair[0])
    return rule, gain


def _with_certainty(
    rule: InferenceRule, trial: _Trial, views: ItemViews, history: InteractionTable, counting: CountSettings
) -> InferenceRule:
    """Measure which share of the inferred edges is among those counted with nothing hidden, by their strength.

    Edges are put into bins of equal size by weight; shares that fall from one bin to the next are pooled (isotonic
    regression, Ayer et al. 1955).
    """
    size = trial.term.weights.shape[0]
    edges = infer_edges(trial.term.weights, views, trial.new, rule)
    counted = CoOccurrenceTerm.count(history, size, counting).weights.tocoo()
    keys = np.sort(counted.coords[0].astype(np.int64) * size + counted.coords[1])
    wanted = edges.source * size + edges.target
    place = np.minimum(np.searchsorted(keys, wanted), max(len(keys) - 1, 0))
    real = (keys[place] == wanted).astype(np.float64) if len(keys) else np.zeros(len(wanted))
    order = np.argsort(edges.weight, kind="stable")
    bins = [part for part in np.array_split(order, min(_BINS, len(order))) if len(part)]
    strengths = [float(edges.weight[part].mean()) for part in bins]
    shares = pooled([float(real[part].mean()) for part in bins], [float(len(part)) for part in bins])
    return replace(rule, strengths=tuple(strengths), certainties=tuple(shares))


def pooled(values: list[float], sizes: list[float]) -> list[float]:
    """Give the never-falling sequence nearest to the values: pool adjacent violators."""
    blocks: list[list[float]] = []
    for value, size in zip(values, sizes, strict=True):
        blocks.append([value, size, 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            last = blocks.pop()
            mean, weight, count = blocks[-1]
            total = weight + last[1]
            blocks[-1] = [(mean * weight + last[0] * last[1]) / total, total, count + last[2]]
    return [value for value, _, count in blocks for _ in range(int(count))]


def without_items(table: InteractionTable, items: npt.NDArray[np.bool_]) -> InteractionTable:
    """Give the table without the events of some items; users keep their place."""
    keep = ~items[table.items]
    before = np.concatenate(([0], np.cumsum(keep))).astype(np.int64)
    return InteractionTable(
        table.user_ids, before[table.offsets], table.items[keep], table.types[keep], table.times[keep]
    )
