"""One line of the table: what must be reached, what is aimed at, what was measured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Verdict = Literal["aim", "must", "missed", "reported"]
VERDICTS: Final[Mapping[Verdict, str]] = {
    "aim": "aim reached",
    "must": "must reached",
    "missed": "missed",
    "reported": "reported",
}


@dataclass(frozen=True, slots=True)
class Result:
    """A measured number beside its two bars.

    Attributes:
        name: Row that it belongs to; `--only` takes it.
        what: What was measured, as the table says it.
        unit: Unit of the numbers.
        must: The bar that has to be reached; none where the number is only reported.
        aim: The bar that is aimed at, or none.
        measured: The number.
        more_is_better: Whether it has to lie above the bars, as a rate does, or below, as a time does.
        details: What it was made from.
    """

    name: str
    what: str
    unit: str
    must: float | None
    aim: float | None
    measured: float
    more_is_better: bool = False
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def verdict(self) -> Verdict:
        """Tell which bar was reached."""
        if self.must is None or self.aim is None:
            return "reported"
        if math.isnan(self.measured):
            return "missed"
        for name, bar in (("aim", self.aim), ("must", self.must)):
            if self.measured >= bar if self.more_is_better else self.measured <= bar:
                return "aim" if name == "aim" else "must"
        return "missed"

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain data."""
        return {
            "name": self.name,
            "what": self.what,
            "unit": self.unit,
            "must": self.must,
            "aim": self.aim,
            "measured": self.measured,
            "verdict": self.verdict,
            "details": dict(self.details),
        }


def with_unit(value: float | None, unit: str) -> str:
    """Give a number of a table as people read it; nothing where there is no bar."""
    if value is None:
        return ""
    text = f"{value:,.0f}" if unit == "1/s" else f"{value:g}"
    return f"{text} {unit}".strip()


def together(
    before: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]], order: Sequence[str]
) -> list[Mapping[str, Any]]:
    """Give the rows that were measured now and, of those before, what was not measured again.

    Args:
        before: Rows of an earlier run.
        now: Rows of this one.
        order: Names of the rows in the order of the table.
    """
    again = {row["name"] for row in now}
    kept = [row for row in before if row["name"] not in again and row["name"] in order]
    return sorted([*kept, *now], key=lambda row: order.index(row["name"]))


def percentile(values: Sequence[float], percent: float) -> float:
    """Give the value that `percent` of them do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(percent / 100 * len(ordered)) - 1)]


def spread(values: Sequence[float]) -> dict[str, float]:
    """Give the usual percentiles."""
    return {f"p{percent}": round(percentile(values, percent), 3) for percent in (5, 50, 90, 99)}
