"""Figures of the docs as SVG, the same file for the same data."""

from __future__ import annotations

from typing import Any


def svg_pyplot() -> Any:
    """Give pyplot, set to draw SVG with fixed ids; save with `metadata={"Date": None}`."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "interestgraph"
    from matplotlib import pyplot

    return pyplot
