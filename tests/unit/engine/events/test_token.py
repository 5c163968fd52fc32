from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidInputError
from engine.events.token import FreshnessToken, decode_token, encode_token


def text_of(plain: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode()


@given(st.lists(st.text("abc:/+=0123 é", min_size=1), max_size=4), st.integers(0, 10**15))
def test_a_token_comes_back(bookmarks: list[str], at: int) -> None:
    token = FreshnessToken(tuple(bookmarks), at)
    text = encode_token(token)
    assert decode_token(text) == token
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "é",
        "not a token",
        "AAAA",
        "A" * 5000,
        text_of([]),
        text_of({"b": []}),
        text_of({"b": [1], "t": 0}),
        text_of({"b": [""], "t": 0}),
        text_of({"b": "mark", "t": 0}),
        text_of({"b": [], "t": -1}),
        text_of({"b": [], "t": True}),
        text_of({"b": [], "t": 1.5}),
        text_of({"b": ["x"] * 17, "t": 0}),
        text_of({"b": [], "t": 0, "more": 1}),
    ],
)
def test_a_malformed_token_is_named(text: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        decode_token(text)
    assert caught.value.field == "freshness"
    assert caught.value.remedy
