"""The worked example of docs/interests.md, cell by cell, against the formulas of the engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.domain import MS_PER_DAY
from engine.interests.history import interest_mass, interests_at, shares
from tests.unit.engine.interests.test_worked_example import ABOUT, EVENTS, SETTINGS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "interests.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.partition("## One example, by hand")[2].splitlines()
    if line.startswith("| ") and line[2].isdigit()
]
NAMES = ("dairy", "plant", "snack")


def _number(cell: str) -> float:
    return float(cell.rpartition("=")[2].strip().replace("−", "-"))


def test_the_table_has_every_day() -> None:
    assert [row[0] for row in ROWS] == ["0", "60", "120", "180"]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"day {row[0]}")
def test_every_cell_is_what_the_engine_computes(row: list[str]) -> None:
    at = int(row[0]) * MS_PER_DAY
    states = interests_at(EVENTS, ABOUT, SETTINGS, at)
    half_life_ms = SETTINGS.interests.half_life_days * MS_PER_DAY
    for name, cell in zip(NAMES, row[2:5], strict=True):
        state = states.get(name)
        mass = 0.0 if state is None else state.mass * 2 ** ((state.updated_at - at) / half_life_ms)
        assert _number(cell) == pytest.approx(mass)
    assert _number(row[5]) == pytest.approx(interest_mass(states, at, SETTINGS))
    found = shares(states, SETTINGS)
    for name, cell in zip(NAMES, row[6:9], strict=True):
        assert _number(cell) == pytest.approx(found.get(name, 0.0), abs=5e-4)
