"""The score of every item for one user, term by term.

    s(u, j) = sequence + co_occurrence + interests + popularity + neighbours + demographics + fatigue
    sequence      = log softmax_j(z_u · e_j)
    co_occurrence = λ · log(1 + c_j / ε),   c_j = Σ_k γ^k · (w(h_k → j) + κ · sim(h_k, j)),
                    h_0 the newest step, k < latest, an inferred w times σ where there is a term of the sequence
    interests     = μ · log(1 + a_j / ε_i), a_j = Σ_x share(u, x) · about(j, x)
    popularity    = ν · log share_j,        share_j = (mass_j + 1) / Σ (mass + 1)
    neighbours    = ν_n · log(1 + n_j / ε_n), n_j as in `engine.social.items`
    demographics  = ω / |A| · Σ_a lift(v_a, j), as in `engine.ranking.demographics`
    fatigue       = -φ · log(1 + m_j),      m_j as in `engine.ranking.feedback`

Sequence is missing without a user vector, neighbours where there are none or they have no weight, demographics but
for newcomers with attributes that are used, fatigue where the
user was shown nothing lately.

λ log(1 + c/ε) is λ log(ε + c) less λ log ε, which is the same for every item: the ranking is the one that was measured
in training, and a term without any evidence is exactly 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from engine.ranking.card import TermParameters
from engine.ranking.feedback import fatigue
from engine.ranking.profile import Profile
from engine.ranking.state import Float32, Float64, Snapshot, VectorSpace

SEQUENCE: Final = "sequence"
CO_OCCURRENCE: Final = "co_occurrence"
INTERESTS: Final = "interests"
POPULARITY: Final = "popularity"
NEIGHBOURS: Final = "neighbours"
DEMOGRAPHICS: Final = "demographics"
FATIGUE: Final = "fatigue"
TERMS: Final = (SEQUENCE, CO_OCCURRENCE, INTERESTS, POPULARITY, NEIGHBOURS, DEMOGRAPHICS, FATIGUE)


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of all items of a snapshot.

    Attributes:
        names: Terms that were computed; those without anything to go by are missing.
        values: Value of each term, float64 [T, I].
        total: Their sum, float64 [I].
    """

    names: tuple[str, ...]
    values: Float64
    total: Float64

    def terms(self, index: int) -> dict[str, float]:
        """Give the terms of an item; they add up to its score."""
        return dict(zip(self.names, self.values[:, index].tolist(), strict=True))

    def score(self, index: int) -> float:
        """Give the score of an item: its terms added in their order."""
        return float(sum(self.values[:, index].tolist()))

    def values_of(self, name: str) -> Float64:
        """Give one term of all items [I]."""
        return np.asarray(self.values[self.names.index(name)], np.float64)


def user_vector(snapshot: Snapshot, profile: Profile) -> Float32 | None:
    """Encode the history of a profile in the snapshot's space; none without a space or an embedded step."""
    if snapshot.space is None:
        return None
    steps = sequence_steps(snapshot, profile)
    if not steps:
        return None
    read = [profile.steps[step] for step in steps]
    vectors = snapshot.space.matrix[[step.index for step in read]]
    return snapshot.space.encoder.encode(vectors, [step.type for step in read], [step.at for step in read])


def sequence_steps(snapshot: Snapshot, profile: Profile) -> list[int]:
    """Give the places of those steps that the encoder reads, oldest first: the latest with a vector of their own."""
    if snapshot.space is None:
        return []
    embedded = snapshot.space.embedded
    places = [place for place, step in enumerate(profile.steps) if embedded[step.index]]
    return places[: snapshot.space.encoder.card.max_history][::-1]


def score_items(snapshot: Snapshot, profile: Profile, vector: Float32 | None, parameters: TermParameters) -> Scores:
    """Score every item.

    Args:
        snapshot: The state to answer from.
        profile: The user.
        vector: z_u [D], made by the snapshot's own encoder, or none.
        parameters: Weights of the terms.
    """
    size = len(snapshot.catalogue)
    terms: dict[str, Float64] = {}
    if vector is not None and snapshot.space is not None:
        terms[SEQUENCE] = sequence_term(snapshot, snapshot.space, vector)
    terms[CO_OCCURRENCE] = log_evidence(
        co_occurrence(snapshot, profile, parameters, inferred_scale=inferred_scale(parameters, vector)),
        parameters.co_occurrence_epsilon,
        parameters.co_occurrence_scale,
    )
    terms[INTERESTS] = log_evidence(
        affinity(snapshot, profile), parameters.interests_epsilon, parameters.interests_scale
    )
    terms[POPULARITY] = parameters.popularity_scale * snapshot.log_share
    if profile.neighbours and parameters.neighbours_scale > 0:
        taken = np.zeros(size)
        taken[[index for index, _ in profile.neighbours]] = [item.weight for _, item in profile.neighbours]
        terms[NEIGHBOURS] = log_evidence(taken, parameters.neighbours_epsilon, parameters.neighbours_scale)
    if profile.groups and parameters.demographics_scale > 0:
        terms[DEMOGRAPHICS] = snapshot.demographics.term(profile.groups, size, parameters.demographics_scale)
    if profile.shown and parameters.fatigue_scale > 0:
        terms[FATIGUE] = fatigue(profile.shown, size, parameters.fatigue_scale)
    values = np.stack(list(terms.values()))
    total = values[0].copy()
    for value in values[1:]:
        total += value
    return Scores(tuple(terms), values, total)


def sequence_term(snapshot: Snapshot, space: VectorSpace, vector: Float32) -> Float64:
    """Give log softmax(z · e_j) over the items that are there [I]."""
    logits = (space.matrix @ vector).astype(np.float64)
    return np.asarray(logits - log_sum_exp(logits[snapshot.catalogue.alive]), np.float64)


def log_sum_exp(logits: Float64) -> float:
    """Give log Σ exp(logits)."""
    if len(logits) == 0:
        return 0.0
    highest = float(logits.max())
    return highest + float(np.log(np.exp(logits - highest).sum()))


def inferred_scale(parameters: TermParameters, vector: Float32 | None) -> float:
    """Give σ: a new item's shrunk vector leaves it behind in the term of the sequence; without that there is no lag."""
    return 1.0 if vector is None else parameters.inferred_scale


def co_occurrence(
    snapshot: Snapshot, profile: Profile, parameters: TermParameters, *, inferred_scale: float = 1.0
) -> Float64:
    """Give c_j of every item [I]; κ is the parameters', σ is given."""
    found = [
        (targets, parameters.gamma**place * weights)
        for place, step in enumerate(profile.steps[: parameters.latest])
        for targets, weights in [
            snapshot.following(
                step.index, inferred_scale=inferred_scale, resemblance_scale=parameters.resemblance_scale
            )
        ]
        if len(targets)
    ]
    return summed(found, len(snapshot.catalogue))


def affinity(snapshot: Snapshot, profile: Profile) -> Float64:
    """Give a_j of every item [I]."""
    size = len(snapshot.catalogue)
    if not profile.shares:
        return np.zeros(size)
    share = np.zeros(len(snapshot.interests.ids))
    for interest, value in profile.shares:
        share[interest] = value
    about = snapshot.catalogue.about
    return np.bincount(about.item, share[about.interest] * about.weight, minlength=size).astype(np.float64)


def summed(parts: list[tuple[npt.NDArray[np.int32], Float64]], size: int) -> Float64:
    """Add weights by item [I]."""
    if not parts:
        return np.zeros(size)
    return np.bincount(
        np.concatenate([targets for targets, _ in parts]),
        np.concatenate([weights for _, weights in parts]),
        minlength=size,
    ).astype(np.float64)


def log_evidence(evidence: Float64, epsilon: float, scale: float) -> Float64:
    """Give scale · log(1 + evidence / ε); exactly 0 where there is none."""
    return np.asarray(scale * np.log1p(evidence / epsilon), np.float64)
