"""How certain an inferred edge is, by its strength: the share of edges as strong that turned out real."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

_BINS: Final = 20


def certainties(
    weight: npt.NDArray[np.floating], was_real: npt.NDArray[np.floating]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Give strengths, rising, and the share that was real at each, never falling.

    Edges are put into bins of equal size by weight; shares that fall from one bin to the next are pooled (isotonic
    regression, Ayer et al. 1955).

    Args:
        weight: Weights of the edges [E].
        was_real: 1 for an edge that was real, else 0 [E].
    """
    order = np.argsort(weight, kind="stable")
    bins = [part for part in np.array_split(order, min(_BINS, len(order))) if len(part)] if len(order) else []
    strengths = tuple(float(weight[part].mean()) for part in bins)
    shares = pooled([float(was_real[part].mean()) for part in bins], [float(len(part)) for part in bins])
    return strengths, tuple(shares)


def pooled(values: list[float], sizes: list[float]) -> list[float]:
    """Give the never-falling sequence nearest to the values: pool adjacent violators."""
    blocks: list[list[float]] = []
    for value, size in zip(values, sizes, strict=True):
        blocks.append([value, size, 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            last = blocks.pop()
            mean, weight, count = blocks[-1]
            total = weight + last[1]
            blocks[-1] = [(mean * weight + last[0] * last[1]) / total, total, count + last[2]]
    return [value for value, _, count in blocks for _ in range(int(count))]
