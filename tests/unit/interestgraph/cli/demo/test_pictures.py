from __future__ import annotations

import pytest
from rich.console import Console

from interestgraph.cli.demo.pictures import bar, interests_table, recommendations_table


@pytest.mark.parametrize(
    ("share", "drawn"), [(0, ""), (0.5, "██"), (1, "████"), (2, "████"), (-1, ""), (0.125, "▌"), (0.28125, "█▏")]
)
def test_bar_in_eighths(share: float, drawn: str) -> None:
    assert bar(share, width=4) == drawn


def _text(table: object) -> str:
    console = Console(width=140, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    console.print(table)
    console.file.close()
    return console.export_text()


def test_interests_show_how_they_moved() -> None:
    interests = [
        {"id": "a", "name": "bread", "kind": "category", "share": 0.6},
        {"id": "b", "name": "milk", "kind": "category", "share": 0.4},
    ]
    text = _text(interests_table(interests, {"a": 0.5, "b": 0.5}))
    assert "+10.00%" in text and "-10.00%" in text and "60.0%" in text


def test_recommendations_show_old_rank_and_terms() -> None:
    items = [
        {"rank": 1, "item_id": "x", "title": "Bread", "score": -2.0, "terms": [{"name": "sequence", "value": -2.0}]},
        {"rank": 2, "item_id": "y", "title": "Milk", "score": -3.0},
    ]
    text = _text(recommendations_table(items, ["y"]))
    assert "new" in text and "sequence -2.00" in text and "Milk" in text
