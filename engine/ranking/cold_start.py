"""Answers for people of whom no step is known: what they declared, what is popular, and with whom it is.

Their attributes say with whom: see `engine.ranking.demographics`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from engine.ranking.card import TermParameters

NEWCOMER_DIVERSITY: Final = 0.5
_LEAST_SCALE: Final = 1.0
_POPULARITY_BESIDE_FRIENDS: Final = 0.25
"""What is popular orders what friends took; at 1 it hides it (benchmarks/accuracy/newcomers.py)."""


def newcomer_parameters(parameters: TermParameters, *, with_friends: bool) -> TermParameters:
    """Give the weights of the terms for a newcomer.

    A model may have learnt that interests, popularity or similar users add little to a history; without a history they
    are all there is, so each has a weight of at least 1; but popularity has 1/4 beside what friends took.

    Args:
        parameters: Weights for a user with a history.
        with_friends: Whether somebody near the user took something.
    """
    popularity = max(parameters.popularity_scale, _LEAST_SCALE)
    return replace(
        parameters,
        interests_scale=max(parameters.interests_scale, _LEAST_SCALE),
        popularity_scale=_POPULARITY_BESIDE_FRIENDS if with_friends else popularity,
        neighbours_scale=max(parameters.neighbours_scale, _LEAST_SCALE),
    )


def newcomer_diversity(diversity: float) -> float:
    """Give the weight of diversity for a newcomer: the answer is spread over many interests to learn from."""
    return max(diversity, NEWCOMER_DIVERSITY)
