"""The stored results of accuracy, and how their figures are written."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.accuracy.public import RESULTS


def stored_results() -> list[dict[str, Any]]:
    """Give the results, in the order of their names."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(RESULTS.glob("*.json"))]


def digits(value: float) -> str:
    """Give a share with four digits: .0617."""
    return f"{value:.4f}".removeprefix("0")
