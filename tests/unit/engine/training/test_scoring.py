"""The terms add up to the score, and their scales are chosen where they help."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import sparse

from engine.model.co_occurrence import CoOccurrenceTerm, CountSettings
from engine.model.recommender import Recommender, RecommenderConfig
from engine.training.data import Dataset, InteractionTable, ItemTable, Targets, leave_one_out
from engine.training.scoring import ModelScorer

ITEMS, SHELVES, USERS = 40, 8, 80


def untrained_scorer(*, by_interest: bool) -> tuple[ModelScorer, Targets]:
    """Users stay on one shelf, or walk a ring; the sequence says nothing, since the model is not trained."""
    rng = np.random.default_rng(0)
    sequences = []
    for _ in range(USERS):
        if by_interest:
            sequences.append(rng.permutation(5) + 5 * rng.integers(SHELVES))
        else:
            sequences.append((rng.integers(ITEMS) + np.arange(5)) % ITEMS)
    items = np.concatenate(sequences).astype(np.int32)
    table = InteractionTable(
        [str(user) for user in range(USERS)],
        np.arange(USERS + 1) * 5,
        items,
        np.ones_like(items),
        np.tile(np.arange(5), USERS),
    )
    about = sparse.csr_array(np.kron(np.eye(SHELVES), np.ones((5, 1))).astype(np.float32))
    names = [str(item) for item in range(ITEMS)]
    data = Dataset(table, ItemTable(names, names, None, about, [str(shelf) for shelf in range(SHELVES)]), ["", "x"])
    split = leave_one_out(data)
    config = RecommenderConfig(ITEMS, SHELVES, {}, 2, dim=8, layers=1, max_history=5)
    torch.manual_seed(0)
    model = Recommender(config)
    model.start_from(rng.normal(size=(ITEMS, 8)).astype(np.float32), sets=False)
    scorer = ModelScorer(
        model,
        model.item_embedding.weight.detach(),
        data,
        split.validation.history,
        CoOccurrenceTerm.count(split.train, ITEMS, CountSettings()),
        strengths=np.array([0.0, 1.0]),
        interest_half_life_days=30,
        popularity_half_life_days=14,
        counted=split.train,
    )
    return scorer, split.validation


def test_the_score_is_the_sum_of_its_terms() -> None:
    scorer, targets = untrained_scorer(by_interest=True)
    scorer.parameters = replace(scorer.parameters, interests_scale=0.4, popularity_scale=0.3)
    terms = scorer.terms(targets.users[:7])
    total = terms["sequence"] + terms["co_occurrence"] + 0.4 * terms["interests"] + 0.3 * terms["popularity"]
    assert scorer(targets.users[:7]) == pytest.approx(total, abs=1e-5)
    for name, values in terms.items():
        assert scorer.alone(name)(targets.users[:7]) == pytest.approx(values, abs=1e-6)


def test_who_has_no_history_is_ranked_by_what_is_popular() -> None:
    scorer, targets = untrained_scorer(by_interest=True)
    scorer.parameters = replace(scorer.parameters, popularity_scale=0.0)
    history = targets.history
    # The first user loses all events.
    scorer._history = history.keeping(np.arange(len(history)) >= history.offsets[1])
    found = scorer(np.array([0, 1]))
    order = np.argsort(-scorer._popularity, kind="stable")
    assert (np.diff(found[0][order]) <= 1e-6).all() and found[0][order[0]] > found[0][order[-1]]
    plain, _ = untrained_scorer(by_interest=True)
    plain.parameters = scorer.parameters
    assert found[1] == pytest.approx(plain(np.array([1]))[0], abs=1e-5)


def test_the_counted_term_is_the_logarithm_of_the_count() -> None:
    scorer, targets = untrained_scorer(by_interest=False)
    p = scorer.parameters
    latest = targets.history.items.reshape(USERS, 3)[:, ::-1]
    term = CoOccurrenceTerm.count(targets.history, ITEMS, CountSettings())
    dense = sum(p.gamma**back * term.weights[latest[:, back]].toarray() for back in range(3))
    expected = p.co_occurrence_scale * np.log(p.co_occurrence_epsilon + dense)
    assert scorer.terms(targets.users)["co_occurrence"] == pytest.approx(expected, abs=1e-4)
