"""Weights that fade: one additive rule for INTERACTED, INTERESTED_IN, CO_OCCURS and popularity.

A weight w that stands at time u is worth w · 2^-((t - u) / half-life) at time t. A signal s of time a is merged by

    T  = max(u, a)
    w' = w · 2^-((T - u) / half-life) + s · 2^-((T - a) / half-life),    u' = T

which is a sum of signals seen from the newest of them. So the order in which signals arrive does not matter, and
late ones end where they would have stood in time. Both exponents are never positive: nothing can overflow.
"""

from __future__ import annotations

from typing import overload

import numpy as np
import numpy.typing as npt

from engine.domain import MS_PER_DAY

Values = npt.NDArray[np.float64]
Times = npt.NDArray[np.int64]

_LARGEST_EXPONENT = 1023.0


def days_ms(days: float) -> float:
    """Give days in milliseconds, always as a float: Cypher divides whole numbers without a rest."""
    return float(days * MS_PER_DAY)


@overload
def value_at(weight: float, updated_at: int, at: int, half_life_ms: float) -> float: ...
@overload
def value_at(weight: Values, updated_at: Times, at: int | Times, half_life_ms: float) -> Values: ...
def value_at(weight: float | Values, updated_at: int | Times, at: int | Times, half_life_ms: float) -> float | Values:
    """Give what a weight is worth at a time.

    Args:
        weight: The weight as stored; a number or an array.
        updated_at: The time at which it stands, epoch ms.
        at: The time asked for, epoch ms. Before `updated_at` the same formula gives a larger value.
        half_life_ms: Milliseconds until half is left.
    """
    if isinstance(weight, np.ndarray) or isinstance(updated_at, np.ndarray):
        exponent = np.minimum((np.asarray(updated_at) - at) / half_life_ms, _LARGEST_EXPONENT)
        return np.asarray(weight * np.exp2(exponent), dtype=np.float64)
    return float(weight * 2.0 ** min((updated_at - at) / half_life_ms, _LARGEST_EXPONENT))


@overload
def merge(weight: float, updated_at: int, strength: float, at: int, half_life_ms: float) -> tuple[float, int]: ...
@overload
def merge(
    weight: Values, updated_at: Times, strength: Values, at: Times, half_life_ms: float
) -> tuple[Values, Times]: ...
def merge(
    weight: float | Values, updated_at: int | Times, strength: float | Values, at: int | Times, half_life_ms: float
) -> tuple[float, int] | tuple[Values, Times]:
    """Merge a signal into a weight.

    Args:
        weight: The weight so far; a number or an array.
        updated_at: The time at which it stands, epoch ms.
        strength: The signal; negative ones lower the sum.
        at: The time of the signal, epoch ms.
        half_life_ms: Milliseconds until half is left.

    Returns:
        The new weight and the time at which it stands.
    """
    if isinstance(weight, np.ndarray):
        newest = np.maximum(updated_at, at)
        merged = weight * np.exp2((updated_at - newest) / half_life_ms)
        merged = merged + strength * np.exp2((at - newest) / half_life_ms)
        return np.asarray(merged, dtype=np.float64), np.asarray(newest, dtype=np.int64)
    if at >= updated_at:
        return float(weight * 2.0 ** ((updated_at - at) / half_life_ms) + strength), int(at)
    return float(weight + strength * 2.0 ** ((at - updated_at) / half_life_ms)), int(updated_at)
