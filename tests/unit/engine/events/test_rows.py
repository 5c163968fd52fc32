"""A batch as parameters: flat lists, nodes in the place of names."""

from __future__ import annotations

import pytest

from engine.domain import MS_PER_DAY, Event
from engine.events.rows import BatchRows
from engine.interests.decay import days_ms
from engine.interests.update import summarise
from engine.settings import Settings

SETTINGS = Settings(_env_file=None)
BATCH = BatchRows(
    folded_later=frozenset({"view", "purchase"}),
    items={"milk": 1, "bread": 2},
    about={"milk": [(12, 0.25), (11, 0.75)], "bread": [(11, 1.0)]},
    named={"oat": [(13, 1.0)]},
    names={"oat": [("x13", 1.0)]},
    interest_half_life_ms=days_ms(60),
)


def test_one_user_of_a_batch() -> None:
    day = MS_PER_DAY
    events = [
        Event("1", "purchase", "ann", "milk", 0),
        Event("2", "purchase", "ann", "milk", 60 * day, value=2.0, at_given=False),
        Event("3", "view", "ann", "bread", 60 * day, recommendation_id="r"),
        Event("4", "search", "ann", None, 60 * day, query="oat"),
    ]
    [update] = summarise(events, SETTINGS)
    row = BATCH.user(update)
    assert row["unfolded"] == [
        ["1", "purchase", "milk", 0, None, None, None],
        ["2", "purchase", "milk", 60 * day, 2.0, False, None],
        ["3", "view", "bread", 60 * day, None, None, [None, None, "r", None, None, None]],
    ]
    assert row["folded"] == [
        ["4", "search", None, 60 * day, None, None, ["oat", None, None, None, ["x13"], [1.0]]],
    ]
    assert (row["items"], list(row["interactions"])) == ([1, 2], ["1 purchase", "2 view"])
    node, kind, times, _, at, _ = row["interactions"]["1 purchase"]
    assert (node, kind, times, at) == (1, "purchase", [0, 60 * day], 60 * day)
    assert row["touched"] == [11, 12, 13]
    view, search = SETTINGS.events.types["view"].weight, SETTINGS.events.types["search"].weight
    assert {key: move[0] for key, move in row["interests"].items()} == pytest.approx(
        {"11": 0.75 * 1.5 + view, "12": 0.25 * 1.5, "13": search}
    )
    assert [move[1:] for move in row["interests"].values()] == [[60 * day, 3], [60 * day, 2], [60 * day, 1]]
    assert row["newest"] == 60 * day
    assert all(type(move) is list for move in row["interests"].values())
