"""How strongly inferred edges count in the whole score of a model.

By counted edges alone the rule's factor is right; a trained model ranks items with behaviour higher, so the same edges
would hardly bring a new item into a list. As in `engine.training.inference`, a tenth of the items is hidden on
validation: their counted edges are taken away, and their vectors are the mean of their neighbours'. The factor is the
one of a grid with the most hidden targets whose other targets lose at most `MOST_LOST`. The model has learnt from
events of the hidden items, so its user states are a little better on them than on items that are new in truth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from scipy import sparse

from engine.evaluation.baselines import latest_items
from engine.model.co_occurrence import CoOccurrenceTerm
from engine.model.inferred_edges import InferenceRule, ItemViews, infer_edges, neighbour_vectors, with_behaviour
from engine.training.data import InteractionTable, seen
from engine.training.graphs import whole_graph
from engine.training.inference import MOST_LOST, hidden_items, without_items
from engine.training.loop import Trainer
from engine.training.scoring import ModelScorer, TermParameters

_GRID: Final = tuple(float(f) for f in np.geomspace(0.05, 8, 23))
# A loss of 1 % is not to be seen in fewer.
_USERS: Final = 20_000
_CHUNK: Final = 128
_CUTOFF: Final = 10


def fit_factor(rule: InferenceRule, trainer: Trainer, parameters: TermParameters, views: ItemViews) -> InferenceRule:
    """Give the rule with the factor that suits a model.

    Args:
        rule: The rule by counted edges alone.
        trainer: It holds the model and the split.
        parameters: Weights of the model's terms.
        views: What the items are compared by.
    """
    validation, size = trainer.split.validation, len(trainer.data.items)
    hidden = hidden_items(validation.history, size, seed=trainer.settings.training.seed)
    table = without_items(validation.history, hidden)
    term = CoOccurrenceTerm.count(table, size, trainer.counting)
    edges = infer_edges(term.weights, views, np.flatnonzero(hidden), rule.with_factor(1.0)).matrix(size)
    counted = table if trainer.split.counts_history else without_items(trainer.split.train, hidden)
    scorer = model_scorer(trainer, parameters, table, term, (views, rule), counted=counted)
    rows = np.repeat(np.arange(len(validation.users)), np.diff(validation.positives.indptr))
    items = validation.positives.indices
    known = np.diff(table.offsets)[validation.users[rows]] > 0
    # Only the hidden ones stand for what is new: with those that nobody has taken beside them there were twice as many.
    absent = np.ones(size, dtype=bool)
    absent[with_behaviour(term.weights)] = False
    absent &= ~hidden
    trial = _Trial(scorer, table, term, CoOccurrenceTerm(edges), hidden, absent)
    parts = [_spread(known & hidden[items]), _spread(known & ~hidden[items] & ~absent[items])]
    gain, others = (trial.hits(validation.users[rows[part]], items[part]) for part in parts)
    allowed = [place for place in range(1, len(gain)) if others[place] >= (1 - MOST_LOST) * others[0]]
    return rule.with_factor(_GRID[max(allowed, key=lambda place: float(gain[place]), default=1) - 1])


def model_scorer(
    trainer: Trainer,
    parameters: TermParameters,
    history: InteractionTable,
    term: CoOccurrenceTerm,
    neighbours: tuple[ItemViews, InferenceRule] | None = None,
    *,
    added: sparse.csr_array | None = None,
    vectors: torch.Tensor | None = None,
    counted: InteractionTable | None = None,
) -> ModelScorer:
    """Give the model's scores over a history by given edges.

    Args:
        trainer: It holds the model.
        parameters: Weights of the terms.
        history: What is known of the users.
        term: Edges; the graph is heard over them.
        neighbours: Where given, items without behaviour have the mean of their neighbours' vectors.
        added: Inferred edges that count too; the graph is not heard over them.
        vectors: Vectors of the items [I, D]; the model's own over these edges when empty.
        counted: Behaviour that popularity is counted on; as the split says when empty.
    """
    settings = trainer.settings
    if counted is None:
        counted = history if trainer.split.counts_history else trainer.split.train
    if vectors is None:
        vectors = trainer.item_vectors(
            whole_graph(trainer.data, term, settings.model.graph_neighbours).to(trainer.device)
        )
    if neighbours is not None:
        views, rule = neighbours
        new = np.setdiff1d(np.arange(len(trainer.data.items)), with_behaviour(term.weights))
        plain = vectors.float().cpu().numpy()
        places, means = neighbour_vectors(term.weights, views, new, rule, lambda used: plain[used])
        vectors = vectors.clone()
        vectors[torch.from_numpy(places).to(vectors.device)] = torch.from_numpy(means).to(vectors)
    scorer = ModelScorer(
        trainer.model,
        vectors,
        trainer.data,
        history,
        term if added is None else CoOccurrenceTerm((term.weights + added).tocsr()),
        strengths=trainer.strengths,
        interest_half_life_days=settings.interests.half_life_days,
        popularity_half_life_days=settings.ranking.popularity_half_life_days,
        counted=counted,
    )
    scorer.parameters = parameters
    return scorer


@dataclass(frozen=True, slots=True)
class _Trial:
    """A model's scores over a history, and the counts of the inferred edges at factor 1."""

    scorer: ModelScorer
    table: InteractionTable
    term: CoOccurrenceTerm
    inferred: CoOccurrenceTerm
    is_new: npt.NDArray[np.bool_]
    absent: npt.NDArray[np.bool_]

    def hits(self, users: npt.NDArray[np.integer], items: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
        """Give the share of targets among the first ten, [1 + F]: without new items, then by each factor."""
        p = self.scorer.parameters
        found = np.zeros(1 + len(_GRID))
        for start in range(0, len(users), _CHUNK):
            user, target = users[start : start + _CHUNK], items[start : start + _CHUNK]
            terms = self.scorer.terms(user, interests=bool(p.interests_scale))
            rest = terms["sequence"] + p.popularity_scale * terms["popularity"]
            if p.interests_scale:
                rest += p.interests_scale * terms["interests"]
            known = seen(self.table, user, len(self.is_new)).tocoo()
            rest[known.coords[0], known.coords[1]] = -np.inf
            rest[:, self.absent] = -np.inf
            latest = latest_items(self.table, user, self.term.latest)
            counts, likely = self.term.counts(latest).toarray(), self.inferred.counts(latest).toarray()
            for place, factor in enumerate((None, *_GRID)):
                evidence = counts + (0.0 if factor is None else factor) * likely
                total = rest + p.co_occurrence_scale * np.log(p.co_occurrence_epsilon + evidence)
                if factor is None:
                    total[:, self.is_new] = -np.inf
                own = total[np.arange(len(user)), target]
                above = (total > own[:, None]).sum(axis=1)
                found[place] += ((above < _CUTOFF) & np.isfinite(own)).sum()
        return found / max(len(users), 1)


def _spread(chosen: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Give the chosen places, evenly spread where there are many."""
    places = np.flatnonzero(chosen)
    return places[np.unique(np.linspace(0, len(places) - 1, min(_USERS, len(places))).astype(np.int64))]
