"""What follows from answers, counted by the embedding version that made them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from engine.ranking.answers import version_of

MOST_VERSIONS: Final = 50
OTHER: Final = "other"


class _Outcome(Protocol):
    @property
    def outcome(self) -> str: ...


class FollowUps:
    """Counts accepted events that name an answer of ours, by version and type.

    A name is not proof: who may send events may make one up. So at most `MOST_VERSIONS` versions are told apart.
    """

    def __init__(self) -> None:
        self._versions: set[str] = set()

    def count(self, raws: Sequence[object], outcomes: Sequence[_Outcome]) -> Counter[tuple[str, str]]:
        """Count the events of one batch.

        Args:
            raws: The events as they came.
            outcomes: What became of each, in the same order; duplicates were counted before.
        """
        counts: Counter[tuple[str, str]] = Counter()
        for raw, outcome in zip(raws, outcomes, strict=True):
            if outcome.outcome != "accepted" or not isinstance(raw, Mapping):
                continue
            version = version_of(raw.get("recommendation_id"))
            if version is not None:
                counts[self._known(version), str(raw["type"])] += 1
        return counts

    def _known(self, version: str) -> str:
        if version not in self._versions:
            if len(self._versions) >= MOST_VERSIONS:
                return OTHER
            self._versions.add(version)
        return version
