"""How far the learnt weight of an edge follows the model and how far the count, chosen on validation.

A conditional logit (McFadden 1974) of which neighbour of a user's last item was taken: the α ≥ 0 and β ≥ 0 under which
the choices of validation are most likely. Neither may turn the other round. Where choices are few they stay near a half
of each: a normal prior of one standard deviation around it.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from engine.evaluation.edges import Choices
from engine.model.learned_edges import EdgeRule, evidence, shares
from engine.training.graphs import strongest_edges
from engine.training.loop import Trainer

Float64 = npt.NDArray[np.float64]

_PRIOR: Final = EdgeRule()
_DEVIATION: Final = 1.0


def fit_edge_rule(trainer: Trainer) -> EdgeRule:
    """Choose the rule by the validation part of a trained model's split.

    Args:
        trainer: It holds the model and the split.
    """
    source, target, weight = strongest_edges(trainer.term, trainer.settings.model.graph_neighbours)
    choices = Choices.of(trainer.split.validation, source, target)
    # Only the edges that somebody could follow are looked at: a large catalogue has millions.
    edges, place = np.unique(choices.edges, return_inverse=True)
    vectors = trainer.item_vectors(trainer.graph)
    said = evidence(trainer.model, vectors, source[edges], target[edges], weight[edges])
    return most_likely(said[place], choices)


def most_likely(said: Float64, choices: Choices) -> EdgeRule:
    """Give the rule under which choices are most likely.

    Args:
        said: What model and count say of each edge that could be followed [M, 2].
        choices: Which were followed.
    """
    prior = np.array([_PRIOR.model, _PRIOR.count])
    # A user who took several of the neighbours made as many choices.
    taken = np.bincount(choices.user, choices.followed, minlength=choices.users)

    def unlikely(rule: Float64) -> tuple[float, Float64]:
        share = shares(said @ rule, choices.user, choices.users)
        away = (rule - prior) / _DEVIATION**2
        loss = -np.log(np.maximum(share[choices.followed], np.finfo(np.float64).tiny)).sum()
        slope = said.T @ (share * taken[choices.user]) - said[choices.followed].sum(axis=0)
        return float(loss + (away * (rule - prior)).sum() / 2), slope + away

    found = minimize(unlikely, prior, jac=True, method="L-BFGS-B", bounds=[(0, None), (0, None)])
    model, count = (float(value) for value in found.x)
    return EdgeRule(model, count)
