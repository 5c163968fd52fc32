"""How sure a mean over users is: percentile bootstrap, Efron 1979, https://doi.org/10.1214/aos/1176344552."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

RESAMPLES: Final = 1000


def interval(
    values: npt.NDArray[np.floating], *, seed: int = 0, resamples: int = RESAMPLES, level: float = 0.95
) -> tuple[float, float]:
    """Give the bounds of the mean when users are drawn anew.

    Args:
        values: One value a user [U].
        seed: Seed of the draws.
        resamples: Number of draws.
        level: Share of the draws between the bounds.
    """
    rng = np.random.default_rng(seed)
    means = [values[rng.integers(0, len(values), len(values))].mean() for _ in range(resamples)]
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
