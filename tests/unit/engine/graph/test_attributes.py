from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidInputError
from engine.graph.attributes import (
    MAX_INTEGER,
    RESERVED_NAMES,
    check_attributes,
    check_id,
    check_weight,
    interest_id,
    is_attribute,
)


@pytest.mark.parametrize(
    "value",
    ["text", "", "two\nlines\tand a tab", "ünïcode 🥛", True, 0, -MAX_INTEGER, 1.5, [], ["a", ""], [1, 2], [True]],
)
def test_plain_values_are_kept(value: Any) -> None:
    assert check_attributes({"name_1": value}) == {"name_1": value}


def test_whole_and_broken_numbers_in_a_list_become_broken_ones() -> None:
    [values] = check_attributes({"a": [1, 2.5]}).values()
    assert values == [1.0, 2.5]
    assert isinstance(values, list)
    assert all(type(value) is float for value in values)


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (float("nan"), "attributes.a"),
        (float("-inf"), "attributes.a"),
        (MAX_INTEGER + 1, "attributes.a"),
        (-MAX_INTEGER - 2, "attributes.a"),
        ("x" * 20_001, "attributes.a"),
        ("\x00", "attributes.a"),
        ("\ud800", "attributes.a"),
        (b"bytes", "attributes.a"),
        ({"b": 1}, "attributes.a"),
        (None, "attributes.a"),
        ([1, "b"], "attributes.a"),
        ([True, 1], "attributes.a"),
        ([None], "attributes.a[0]"),
        ([1.0, float("inf")], "attributes.a[1]"),
        ([["b"]], "attributes.a[0]"),
        (["a"] * 1_001, "attributes.a"),
    ],
)
def test_what_the_graph_cannot_hold_is_named(value: Any, field: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        check_attributes({"a": value})
    assert caught.value.field == field


@pytest.mark.parametrize("name", ["", "1a", "_a", "a-b", "a b", "a.b", "a`b", "ä", "a" * 65, 5, None])
def test_names_are_plain(name: Any) -> None:
    with pytest.raises(InvalidInputError):
        check_attributes({name: 1})


@pytest.mark.parametrize("name", [*sorted(RESERVED_NAMES), "embedding_v1", "embedded_at_x", "attention_"])
def test_names_of_the_engine_are_refused(name: str) -> None:
    assert not is_attribute(name)
    with pytest.raises(InvalidInputError, match="engine itself"):
        check_attributes({name: 1})


def test_null_removes_only_where_that_is_wanted() -> None:
    assert check_attributes({"a": None}, nulls=True) == {"a": None}
    with pytest.raises(InvalidInputError):
        check_attributes({"a": None})


def test_there_is_a_limit_to_attributes() -> None:
    with pytest.raises(InvalidInputError, match="101"):
        check_attributes({f"a{n}": n for n in range(101)})


@given(st.dictionaries(st.text(max_size=5), st.none() | st.booleans() | st.floats() | st.text(max_size=3), max_size=4))
def test_what_is_accepted_is_given_back_unchanged(raw: dict[str, Any]) -> None:
    try:
        checked = check_attributes(raw)
    except InvalidInputError as error:
        assert error.field is not None
        return
    assert checked == {
        name: value if not isinstance(value, str) or value.strip() else "" for name, value in raw.items()
    }
    assert all(is_attribute(name) for name in checked)


@pytest.mark.parametrize("value", ["a", "user 1", "category:fluid milk", "x" * 512, "ü"])
def test_good_ids(value: str) -> None:
    assert check_id(value, field="id") == value


@pytest.mark.parametrize("value", ["", " ", "x" * 513, "a\nb", "a\tb", "a\x00", "\udfff", 5, None, ["a"]])
def test_bad_ids(value: Any) -> None:
    with pytest.raises(InvalidInputError) as caught:
        check_id(value, field="item_id")
    assert caught.value.field == "item_id"


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), True, "1", None, 1e13])
def test_bad_weights(value: Any) -> None:
    with pytest.raises(InvalidInputError):
        check_weight(value, field="weight")


def test_interests_have_one_id_however_they_are_written() -> None:
    assert interest_id("category", "Fluid  Milk ") == interest_id("Category", "fluid milk") == "category:fluid milk"
