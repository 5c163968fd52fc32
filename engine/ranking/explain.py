"""Reasons: for each recommended item its terms, the paths behind them, and one sentence.

Paths of the graph's terms are exact. c_j and a_j are sums, so each summand has a share of the evidence, and that share
of the term's value is what the path is worth: the values of a path add up to the term.

The sequence term is not a sum. Its steps are attributed by leaving one out: the effect of a past item is what the
log-probability of the recommended one loses when every step with that item is taken out of the history and the user is
encoded again. Only positive effects have a share; effects need not add up to anything.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from engine.domain import EpochMs, Term
from engine.ranking.card import TermParameters
from engine.ranking.profile import Profile, Step
from engine.ranking.score import (
    CO_OCCURRENCE,
    DEMOGRAPHICS,
    FATIGUE,
    INTERESTS,
    NEIGHBOURS,
    SEQUENCE,
    Scores,
    inferred_scale,
    log_sum_exp,
    sequence_steps,
)
from engine.ranking.sentences import sentence
from engine.ranking.state import Float32, Float64, Snapshot

LEFT_OUT_ITEMS: Final = 10
SHOWN_STEPS: Final = 5
METHOD: Final = "leave_one_out"
_ROUNDING: Final = 1e-9

Path = tuple[Mapping[str, object], ...]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an item is recommended.

    Attributes:
        terms: Terms with their paths; they add up to the score.
        text: The strongest reason as a sentence.
    """

    terms: tuple[Term, ...]
    text: str


class Explainer:
    """Explains items of one answer.

    Args:
        snapshot: The state that was answered from.
        profile: The user.
        scores: Scores of all items.
        vector: z_u, or none.
        parameters: Weights of the terms.
        now: The time of the answer, epoch ms.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        profile: Profile,
        scores: Scores,
        vector: Float32 | None,
        parameters: TermParameters,
        now: EpochMs,
    ) -> None:
        self._snapshot = snapshot
        self._profile = profile
        self._scores = scores
        self._vector = vector
        self._parameters = parameters
        self._now = now
        self._scales = {
            "inferred_scale": inferred_scale(parameters, vector),
            "resemblance_scale": parameters.resemblance_scale,
        }
        self._following = [
            (place, step, *snapshot.following(step.index, **self._scales))
            for place, step in enumerate(profile.steps[: parameters.latest])
        ]
        self._rank_of = _ranks(snapshot.log_share)
        self._shown = dict(profile.shown)
        self._neighbours = dict(profile.neighbours)

    def explain(self, places: Sequence[int]) -> list[Reason]:
        """Explain some items, given by index."""
        effects = self._effects(places)
        return [self._reason(place, effects[number]) for number, place in enumerate(places)]

    def _reason(self, place: int, effects: list[tuple[Step, float]]) -> Reason:
        paths: dict[str, Path] = {}
        values = self._scores.terms(place)
        for name, value in values.items():
            if name == SEQUENCE:
                paths[name] = self._sequence_path(effects)
            elif name == CO_OCCURRENCE:
                paths[name] = self._co_occurrence_path(place, value)
            elif name == INTERESTS:
                paths[name] = self._interests_path(place, value)
            elif name == NEIGHBOURS:
                paths[name] = self._neighbours_path(place, value)
            elif name == DEMOGRAPHICS:
                paths[name] = self._demographics_path(place)
            elif name == FATIGUE:
                paths[name] = self._fatigue_path(place, value)
            else:
                paths[name] = self._popularity_path(place, value)
        terms = tuple(Term(name, value, paths[name]) for name, value in values.items())
        return Reason(terms, sentence(terms, self._now))

    def _co_occurrence_path(self, place: int, value: float) -> Path:
        evidence: dict[int, float] = defaultdict(float)
        newest: dict[int, Step] = {}
        for distance, step, targets, weights in self._following:
            found = np.flatnonzero(targets == place)
            if len(found):
                evidence[step.index] += self._parameters.gamma**distance * float(weights[found[0]])
                newest.setdefault(step.index, step)
        return tuple(
            {
                **self._item(newest[index]),
                "share": share,
                "value": share * value,
                **self._source(index, place),
            }
            for index, share in _shares(evidence)
        )

    def _source(self, source: int, place: int) -> Mapping[str, object]:
        """Say of a step's edge whether most of it is resemblance, or inferred; nothing of a counted one."""
        similarity = self._snapshot.similarity_of(source, place, **self._scales)
        if similarity is not None:
            return {"source": "resembles", "similarity": similarity}
        certainty = self._snapshot.certainty_of(source, place, inferred_scale=self._scales["inferred_scale"])
        return {} if certainty is None else {"source": "inferred", "certainty": certainty}

    def _interests_path(self, place: int, value: float) -> Path:
        share_of = dict(self._profile.shares)
        interests, weights = self._snapshot.catalogue.about.of_item(place)
        about = dict(zip(interests.tolist(), weights.tolist(), strict=True))
        evidence = {index: share_of[index] * weight for index, weight in about.items() if index in share_of}
        known = self._snapshot.interests
        return tuple(
            {
                "kind": "interest",
                "interest_id": known.ids[index],
                "interest_kind": known.kinds[index],
                "name": known.names[index],
                "user_share": share_of[index],
                "about": about[index],
                "share": share,
                "value": share * value,
            }
            for index, share in _shares(evidence)
        )

    def _popularity_path(self, place: int, value: float) -> Path:
        return (
            {
                "kind": "popularity",
                "rank": int(self._rank_of[place]),
                "of": len(self._snapshot.catalogue.index),
                "part": float(np.exp(self._snapshot.log_share[place])),
                "share": 1.0,
                "value": value,
            },
        )

    def _neighbours_path(self, place: int, value: float) -> Path:
        found = self._neighbours.get(place)
        if found is None or found.weight <= 0:
            return ()
        steps: list[Mapping[str, object]] = [
            {"kind": "user", "user_id": name, "share": part / found.weight, "value": part / found.weight * value}
            for name, part in found.by
        ]
        rest = 1.0 - sum(part for _, part in found.by) / found.weight
        if rest > _ROUNDING:
            steps.append({"kind": "users", "share": rest, "value": rest * value})
        return tuple(steps)

    def _demographics_path(self, place: int) -> Path:
        """Give the values of the user with what each adds; some may take away. Shares are of the amounts."""
        scale = self._parameters.demographics_scale
        parts = self._snapshot.demographics.parts(self._profile.groups, place, scale)
        whole = sum(abs(added) for _, _, added in parts)
        return tuple(
            {
                "kind": "group",
                "attribute": value.attribute,
                "name": value.label,
                "users": value.users,
                "lift": lift,
                "share": abs(added) / whole if whole > 0 else 0.0,
                "value": added,
            }
            for value, lift, added in parts
        )

    def _fatigue_path(self, place: int, value: float) -> Path:
        shown = self._shown.get(place)
        if shown is None:
            return ()
        return (
            {
                "kind": "impressions",
                "count": shown.count,
                "mass": shown.mass,
                "first_at": shown.first_at,
                "share": 1.0,
                "value": value,
            },
        )

    def _sequence_path(self, effects: list[tuple[Step, float]]) -> Path:
        total = sum(max(effect, 0.0) for _, effect in effects)
        ordered = sorted(effects, key=lambda pair: -pair[1])[:SHOWN_STEPS]
        return tuple(
            {
                **self._item(step),
                "share": max(effect, 0.0) / total if total > 0 else 0.0,
                "effect": effect,
                "method": METHOD,
            }
            for step, effect in ordered
        )

    def _effects(self, places: Sequence[int]) -> list[list[tuple[Step, float]]]:
        """Give for each item what it loses without each of the latest distinct items of the history."""
        space = self._snapshot.space
        if space is None or self._vector is None or not places:
            return [[] for _ in places]
        read = [self._profile.steps[step] for step in sequence_steps(self._snapshot, self._profile)]
        groups: dict[int, list[int]] = {}
        for number in range(len(read) - 1, -1, -1):
            groups.setdefault(read[number].index, []).append(number)
        chosen = [group for group in list(groups.values())[:LEFT_OUT_ITEMS] if len(group) < len(read)]
        if not chosen:
            # A history of one item only: all of it is due to that item.
            return [[(read[-1], 0.0)] for _ in places]
        without = space.encoder.encode_without_each(
            space.matrix[[step.index for step in read]],
            [step.type for step in read],
            [step.at for step in read],
            chosen,
        )
        alive = self._snapshot.catalogue.alive
        # [I, G + 1]: the whole history first, then without each group
        logits = (space.matrix @ np.vstack([self._vector, without]).T).astype(np.float64)
        log_probability = logits[list(places)] - np.array(
            [log_sum_exp(logits[alive, column]) for column in range(logits.shape[1])]
        )
        lost = log_probability[:, :1] - log_probability[:, 1:]
        return [[(read[group[0]], float(effect)) for group, effect in zip(chosen, row, strict=True)] for row in lost]

    def _item(self, step: Step) -> dict[str, object]:
        catalogue = self._snapshot.catalogue
        return {
            "kind": "item",
            "item_id": catalogue.ids[step.index],
            "title": catalogue.titles[step.index],
            "event": step.type,
            "at": step.at,
        }


def _shares(evidence: Mapping[int, float]) -> list[tuple[int, float]]:
    """Give each summand's share of the sum, strongest first."""
    total = sum(evidence.values())
    if total <= 0:
        return []
    return sorted(((index, value / total) for index, value in evidence.items()), key=lambda pair: (-pair[1], pair[0]))


def _ranks(values: Float64) -> npt.NDArray[np.int64]:
    """Give the rank of each value, 1 for the largest; equal ones share the better rank."""
    descending = np.sort(values)[::-1]
    return np.asarray(np.searchsorted(-descending, -values, side="left") + 1, np.int64)


def plain_terms(scores: Scores, place: int) -> tuple[Term, ...]:
    """Give the terms of an item without paths."""
    return tuple(Term(name, value) for name, value in scores.terms(place).items())
