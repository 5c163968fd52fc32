from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InterestGraphError, InvalidInputError
from engine.events.parse import parse_event
from engine.importing.event_rows import Occurrences, check_events, check_mapping
from engine.importing.reading import ROW, column_of
from engine.importing.rejects import Rejection
from engine.settings import EventSettings

SETTINGS = EventSettings()
AT = 1_700_000_000_000
NOW = AT + 1000
FIELDS = ("id", "type", "user_id", "item_id", "at", "value", "query", "followed_id", "recommendation_id")


def check(rows: list[dict[str, Any]], **names: str) -> tuple[pl.DataFrame, list[Rejection]]:
    table = pl.DataFrame({name: column_of([row.get(name) for row in rows], name) for name in FIELDS})
    table = table.with_columns(pl.int_range(1, len(rows) + 1, dtype=pl.Int64, eager=True).alias(ROW))
    return check_events(
        table,
        {name: name for name in FIELDS},
        constant_type=None,
        type_names=names,
        unit="ms",
        now=NOW,
        settings=SETTINGS,
    )


def row(**more: Any) -> dict[str, Any]:
    return {"type": "purchase", "user_id": "u", "item_id": "i", "at": AT, **more}


BAD: list[tuple[dict[str, Any], str]] = [
    (row(user_id=None), "user_id"),
    (row(user_id="  "), "user_id"),
    (row(user_id="x" * 10_000), "user_id"),
    (row(user_id="a\x07b"), "user_id"),
    (row(item_id=None), "item_id"),
    (row(item_id="a\nb"), "item_id"),
    (row(type="buy"), "type"),
    (row(type=None), "type"),
    (row(at=-1), "at"),
    (row(at=NOW + 400_000), "at"),
    (row(at="soon"), "at"),
    (row(at=None), "at"),
    (row(value="much"), "value"),
    (row(value=float("inf")), "value"),
    (row(value=-1.0), "value"),
    (row(value=1e13), "value"),
    (row(type="rating"), "value"),
    (row(type="rating", value=6.0), "value"),
    (row(type="rating", value=0.5), "value"),
    (row(type="search", item_id=None), "query"),
    (row(type="search", query="tea"), "item_id"),
    (row(type="search", item_id=None, query="x" * 1001), "query"),
    (row(query="tea"), "query"),
    (row(type="follow", item_id=None), "followed_id"),
    (row(type="follow", followed_id="u2"), "item_id"),
    (row(followed_id="u2"), "followed_id"),
    (row(type="dwell"), "value"),
    (row(type="dwell", value="86401"), "value"),
    (row(id="\x00"), "id"),
    (row(id="x" * 513), "id"),
    (row(recommendation_id="x" * 513), "recommendation_id"),
]


@pytest.mark.parametrize(("bad", "field"), BAD)
def test_a_bad_row_is_named_and_its_neighbours_stay(bad: dict[str, Any], field: str) -> None:
    good, rejections = check([row(user_id="before"), bad, row(user_id="after")])
    assert good["user_id"].to_list() == ["before", "after"]
    assert {(rejection.row, rejection.field) for rejection in rejections} == {(2, field)}
    assert all(rejection.reason.endswith((".", ", search.")) for rejection in rejections)


@pytest.mark.parametrize("bad", [bad for bad, _ in BAD if bad["at"] is not None])
def test_what_is_rejected_here_is_refused_by_the_api(bad: dict[str, Any]) -> None:
    with pytest.raises(InterestGraphError):
        parse_event({name: value for name, value in bad.items() if value is not None}, settings=SETTINGS, now=NOW)


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "type": st.sampled_from(["purchase", "view", "rating", "search", "buy"]),
                "user_id": st.sampled_from(["u", "v", "", "a\x01"]),
                "item_id": st.sampled_from(["i", "j", None]),
                "at": st.sampled_from([0, AT, AT + 1, -5, NOW + 10**9]),
                "value": st.sampled_from([None, 0.0, -0.0, 3.0, 7.5, -1.0]),
                "query": st.sampled_from([None, "tea"]),
            }
        ),
        min_size=1,
        max_size=12,
    )
)
def test_rows_are_judged_as_the_api_judges_events(rows: list[dict[str, Any]]) -> None:
    accepted = []
    for number, raw in enumerate(rows, start=1):
        try:
            event = parse_event(raw, settings=SETTINGS, now=NOW)
        except InvalidInputError:
            continue
        accepted.append((number, event.type, event.user_id, event.item_id, event.at, repr(event.value), event.query))
    good, rejections = check(rows)
    read = good.select(ROW, "type", "user_id", "item_id", "at", "value", "query").rows()
    assert [(*left, repr(value), query) for *left, value, query in read] == accepted
    assert {rejection.row for rejection in rejections} == set(range(1, len(rows) + 1)) - {a[0] for a in accepted}


def test_minus_zero_is_zero_so_that_ids_are_the_same() -> None:
    good, _ = check([row(value=-0.0), row(value=0.0)])
    assert [repr(value) for value in good["value"]] == ["0.0", "0.0"]


def test_types_can_have_other_names() -> None:
    good, rejections = check([row(type="buy"), row(type=" view ")], buy="purchase")
    assert good["type"].to_list() == ["purchase", "view"]
    assert rejections == []


def test_an_id_with_other_content_is_rejected_and_a_repeat_is_kept() -> None:
    good, rejections = check([row(id="e"), row(id="e"), row(id="e", value=2.0), row(), row()])
    assert good[ROW].to_list() == [1, 2, 4, 5]
    assert [(rejection.row, rejection.field, rejection.value) for rejection in rejections] == [(3, "id", "e")]


def test_only_what_lies_in_the_future_may_be_accepted_another_time() -> None:
    _, rejections = check([row(at=NOW + 10**9), row(at=-1)])
    assert [rejection.settled for rejection in rejections] == [False, True]


contents = st.lists(
    st.tuples(st.sampled_from("uv"), st.sampled_from("ij"), st.sampled_from([None, 1.0, 2.0])), max_size=30
)


@given(contents, st.integers(1, 7))
def test_equal_rows_are_numbered_the_same_however_the_file_is_cut(
    rows: list[tuple[str, str, float | None]], chunk: int
) -> None:
    table = pl.DataFrame(
        {
            "user_id": [user for user, _, _ in rows],
            "item_id": [item for _, item, _ in rows],
            "type": ["view"] * len(rows),
            "at": [AT] * len(rows),
            "value": [value for _, _, value in rows],
            "query": [None] * len(rows),
            "followed_id": [None] * len(rows),
            "recommendation_id": [None] * len(rows),
        },
        schema={
            "user_id": pl.String,
            "item_id": pl.String,
            "type": pl.String,
            "at": pl.Int64,
            "value": pl.Float64,
            "query": pl.String,
            "followed_id": pl.String,
            "recommendation_id": pl.String,
        },
    )
    expected, seen = [], {}  # type: ignore[var-annotated]
    for content in rows:
        expected.append(seen.get(content, 0))
        seen[content] = expected[-1] + 1
    occurrences = Occurrences()
    numbered = [occurrences.number(part)["occurrence"].to_list() for part in table.iter_slices(chunk)]
    assert [number for part in numbered for number in part] == expected


def test_a_mapping_needs_a_type_and_an_object() -> None:
    check_mapping({"item_id": "i"}, "view", ["i"], SETTINGS)
    check_mapping({"query": "q", "type": "t"}, None, ["q", "t"], SETTINGS)
    for columns, constant in (({"item_id": "i"}, None), ({"item_id": "i"}, "buy"), ({"type": "t"}, None)):
        with pytest.raises(InvalidInputError):
            check_mapping(columns, constant, ["i", "t"], SETTINGS)
