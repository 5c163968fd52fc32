"""Answers for people of whom no step is known: what they declared, and what is popular in each field."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from engine.ranking.card import TermParameters

NEWCOMER_DIVERSITY: Final = 0.5
_LEAST_SCALE: Final = 1.0


def newcomer_parameters(parameters: TermParameters) -> TermParameters:
    """Give the weights of the terms for a newcomer.

    A model may have learnt that interests, popularity or similar users add little to a history; without a history they
    are all there is, so each has a weight of at least 1.
    """
    return replace(
        parameters,
        interests_scale=max(parameters.interests_scale, _LEAST_SCALE),
        popularity_scale=max(parameters.popularity_scale, _LEAST_SCALE),
        neighbours_scale=max(parameters.neighbours_scale, _LEAST_SCALE),
    )


def newcomer_diversity(diversity: float) -> float:
    """Give the weight of diversity for a newcomer: the answer is spread over many interests to learn from."""
    return max(diversity, NEWCOMER_DIVERSITY)
