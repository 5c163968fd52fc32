"""What a user makes of what is shown: impressions passed by fade an item, a hidden one stays away for a while.

    m(u, j)       = Σ 2^(-(now - t) / h) over the impressions t of j that count
    fatigue(u, j) = -φ · log(1 + m)

An impression counts when it is among the latest that INTERACTED keeps (`events.times_kept`), not older than
`ranking.fatigue_days`, and later than the user's last event on the item of a type that stands for liking: one whose
signals sum to more than nothing. So a click or a purchase takes the fading back. h is `ranking.fatigue_half_life_days`,
φ is `ranking.fatigue`. The term is 0 where nothing was shown and never below -φ · log(1 + events.times_kept).

A hidden item is left out until `ranking.hidden_days` have passed since it was hidden last, or until an event that
stands for liking came after that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from engine.domain import EpochMs, EventType
from engine.interests.decay import days_ms
from engine.settings import Settings

Float64 = npt.NDArray[np.float64]
NOT_SEEN: Final = frozenset({EventType.IMPRESSION, EventType.HIDE})
"""Types after which an item may still be recommended: being shown it is not dealing with it."""


@dataclass(frozen=True, slots=True)
class Shown:
    """Impressions of one item by one user that count.

    Attributes:
        mass: m, their decayed number.
        count: Their number.
        first_at: The oldest of them, epoch ms.
    """

    mass: float
    count: int
    first_at: EpochMs


def feedback_parameters(settings: Settings, at: EpochMs) -> dict[str, Any]:
    """Give what `ranking/user` needs to know of feedback.

    Args:
        settings: Half-life and limits.
        at: The time of the answer, epoch ms.
    """
    ranking = settings.ranking
    unseen = {
        name
        for name, entry in settings.events.types.items()
        if name in NOT_SEEN or (entry.weight == 0 and not entry.in_sequence)
    }
    return {
        "unseen": sorted(unseen),
        "impression": EventType.IMPRESSION.value,
        "hide": EventType.HIDE.value,
        "shown_since": at - int(days_ms(ranking.fatigue_days)),
        "hidden_since": at - int(days_ms(ranking.hidden_days)),
        "shown_half_life_ms": days_ms(ranking.fatigue_half_life_days),
    }


def shown_at(
    times: Sequence[EpochMs], at: EpochMs, *, since: EpochMs, half_life_ms: float, liked_at: EpochMs | None = None
) -> Shown:
    """Give what impressions count for; the statement `ranking/user` computes the same in the graph.

    Args:
        times: Of the impressions, epoch ms.
        at: The time of the answer; a later impression counts as one of that time.
        since: The time up to which they are too old.
        half_life_ms: Time until one counts half.
        liked_at: The time of the last event that takes fading back.
    """
    bar = since if liked_at is None else max(since, liked_at)
    counted = [time for time in times if time > bar]
    mass = sum(2.0 ** (min(0, time - at) / half_life_ms) for time in counted)
    return Shown(mass, len(counted), min(counted, default=0))


def fatigue(shown: Sequence[tuple[int, Shown]], size: int, scale: float) -> Float64:
    """Give -φ · log(1 + m) of every item [I]; exactly 0 for those that were not shown."""
    values = np.zeros(size)
    for index, each in shown:
        values[index] = -scale * np.log1p(each.mass)
    return values
