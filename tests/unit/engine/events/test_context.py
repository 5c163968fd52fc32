from __future__ import annotations

from engine.events.context import parse_context


def test_a_context_is_kept_as_json_with_sorted_keys() -> None:
    raw = {"page": "Küche", "depth": 3, "ratio": 0.5, "signed_in": True, "nothing": None}
    assert parse_context(raw, field="c") == '{"depth":3,"page":"Küche","ratio":0.5,"signed_in":true}'


def test_an_empty_context_is_none() -> None:
    assert parse_context({}, field="c") is None
    assert parse_context({"a": None}, field="c") is None
