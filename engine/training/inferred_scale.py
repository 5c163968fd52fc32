"""Inferred edges in the whole score of a model, and the rule that suits it.

By counted edges alone a rule's factor is right; a trained model ranks items with behaviour higher, so the same edges
would hardly bring a new item into a list. So the rule is chosen by the model's whole score where there is a model: as
in `engine.training.inference`, with the vectors that hidden items would have as new ones: what the model makes of them
without their ids, or the mean of their neighbours'. The model has learnt from events of the hidden items, so its user
states are a little better on them than on items that are new in truth.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from scipy import sparse

from engine.model.co_occurrence import CoOccurrenceTerm
from engine.model.inferred_edges import InferenceRule, ItemViews, VectorSource, neighbour_vectors, with_behaviour
from engine.model.recommender import GraphTensors
from engine.training.data import InteractionTable
from engine.training.graphs import whole_graph
from engine.training.hiding import Fold
from engine.training.inference import HIGHEST_FACTOR, choose_rule
from engine.training.loop import Trainer
from engine.training.scoring import ModelScorer, TermParameters

Floats = npt.NDArray[np.floating]

_MOST_NATS: Final = 5.0
"""About what the highest factor may add to the score of a new item."""
_MOST_FACTOR: Final = 1e30
_LEAST_SCALE: Final = 1e-6
"""Weight of counted edges below which they are left out (`model.counted_edges=false`), and inferred ones with them."""


class ByModel:
    """Ranks by the whole score of a model.

    Args:
        trainer: It holds the model and the split.
        parameters: Weights of the model's terms.
        vectors: Its vectors of all items [I, D].
        fold: What is hidden; it counts nowhere, in the popularity neither.
    """

    def __init__(self, trainer: Trainer, parameters: TermParameters, vectors: torch.Tensor, fold: Fold) -> None:
        hidden = np.zeros(len(fold.absent), dtype=bool)
        hidden[fold.new] = True
        train = trainer.split.train
        counted = fold.table if trainer.split.counts_history else train.keeping(~hidden[train.items])
        self._scorer = model_scorer(trainer, parameters, fold.table, fold.term, vectors=vectors, counted=counted)
        self._p = parameters
        self.highest_factor = highest_factor(parameters.co_occurrence_scale)
        self._plain = vectors.float().cpu().numpy()
        self.width = self._plain.shape[1]
        self._new = fold.new
        # A model that never lost an id makes nothing of an item without one.
        self.sources: Sequence[VectorSource] = ("neighbours",)
        if trainer.config.id_dropout > 0:
            self.sources = ("model", "neighbours")
            made = trainer.item_vectors(_graph_of(trainer, fold.term), new=fold.new)
            self._made = made[torch.from_numpy(fold.new).to(made.device)].float().cpu().numpy()
        self._popularity = parameters.popularity_scale * self._scorer.popularity(fold.new)

    def scores(self, users: npt.NDArray[np.integer]) -> tuple[Floats, Floats]:
        """Give the scores; of a user, the state and the logarithm of the softmax's denominator are kept."""
        p = self._p
        states = self._scorer.states(users)
        terms = self._scorer.terms(users, interests=bool(p.interests_scale), states=states)
        kept = states.float().cpu().numpy()
        denominator = (kept @ self._plain[:1].T) - terms["sequence"][:, :1]
        total = terms["sequence"] + terms["co_occurrence"] + p.popularity_scale * terms["popularity"]
        if p.interests_scale:
            total += p.interests_scale * terms["interests"]
        return total.astype(np.float64), np.concatenate([kept, denominator], axis=1)

    def vectors(self, near: sparse.csr_array, rule: InferenceRule) -> npt.NDArray[np.float32]:
        """Give the vectors of hidden items; one that has none has no number in it and is not ranked."""
        if rule.vectors == "model":
            return self._made
        found = np.full((near.shape[0], self._plain.shape[1]), np.nan, dtype=np.float32)
        rows, means = neighbour_vectors(near, rule, lambda used: self._plain[used])
        found[rows] = means
        return found

    def base(self, users: npt.NDArray[np.integer], states: Floats, vectors: npt.NDArray[np.float32]) -> Floats:
        """Give all terms but that of counted edges."""
        p = self._p
        found: Floats = states[:, :-1] @ vectors.T - states[:, -1:] + self._popularity
        if p.interests_scale:
            found += p.interests_scale * self._scorer.affinity(users, self._new)
        return np.where(np.isnan(found), -np.inf, found)

    def total(self, base: Floats, evidence: Floats) -> Floats:
        """Add the term of edges."""
        p = self._p
        return np.asarray(base + p.co_occurrence_scale * np.log(p.co_occurrence_epsilon + evidence))

    def needed(self, base: Floats, total: Floats) -> npt.NDArray[np.float64]:
        """Give the evidence that makes a score."""
        p = self._p
        with np.errstate(over="ignore"):
            return np.exp((total - base).astype(np.float64) / p.co_occurrence_scale) - p.co_occurrence_epsilon


def highest_factor(scale: float) -> float:
    """Give the highest factor of inferred edges under a weight λ: a term of logarithms needs exp(nats / λ) of evidence.

    Args:
        scale: λ.
    """
    return max(HIGHEST_FACTOR, math.exp(min(_MOST_NATS / scale, math.log(_MOST_FACTOR))))


def rule_for_model(trainer: Trainer, parameters: TermParameters, views: ItemViews) -> InferenceRule | None:
    """Choose on validation how edges of items without behaviour are inferred, by the whole score of a model.

    Args:
        trainer: It holds the model and the split.
        parameters: Weights of the model's terms.
        views: What the items are compared by.
    """
    validation = trainer.split.validation
    if parameters.co_occurrence_scale < _LEAST_SCALE:
        return None
    vectors = trainer.item_vectors(trainer.graph)
    return choose_rule(
        validation.history,
        validation,
        views,
        trainer.counting,
        seed=trainer.settings.training.seed,
        ranking=lambda fold: ByModel(trainer, parameters, vectors, fold),
    )


def model_scorer(
    trainer: Trainer,
    parameters: TermParameters,
    history: InteractionTable,
    term: CoOccurrenceTerm,
    inferred: tuple[ItemViews, InferenceRule] | None = None,
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
        inferred: Where given, items without behaviour have the vectors that this rule gives them.
        added: Inferred edges that count too; the graph is not heard over them.
        vectors: Vectors of the items [I, D]; the model's own over these edges when empty.
        counted: Behaviour that popularity is counted on; as the split says when empty.
    """
    settings = trainer.settings
    if counted is None:
        counted = history if trainer.split.counts_history else trainer.split.train
    if vectors is None:
        vectors = trainer.item_vectors(_graph_of(trainer, term))
    if inferred is not None:
        vectors = _with_new(trainer, term, vectors, *inferred)
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


def _with_new(
    trainer: Trainer, term: CoOccurrenceTerm, vectors: torch.Tensor, views: ItemViews, rule: InferenceRule
) -> torch.Tensor:
    """Give items without behaviour the vectors that a rule gives them [I, D]."""
    known = with_behaviour(term.counted)
    new = np.setdiff1d(np.arange(len(trainer.data.items)), known)
    if rule.vectors == "model":
        return trainer.item_vectors(_graph_of(trainer, term), new=new)
    plain = vectors.float().cpu().numpy()
    near = views.nearest(rule.view, new, known, rule.neighbours)
    rows, means = neighbour_vectors(near, rule, lambda used: plain[used])
    found = vectors.clone()
    found[torch.from_numpy(new[rows]).to(found.device)] = torch.from_numpy(means).to(found)
    return found


def _graph_of(trainer: Trainer, term: CoOccurrenceTerm) -> GraphTensors:
    return whole_graph(trainer.data, term, trainer.settings.model.graph_neighbours).to(trainer.device)
