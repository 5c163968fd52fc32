from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.cursors import decode, encode
from engine.errors import InvalidInputError


@given(st.integers(-(2**63) + 1, 2**63 - 1), st.text(st.characters(exclude_categories=["Cs"])))
def test_comes_back(at: int, name: str) -> None:
    cursor = encode([at, name])
    assert decode(cursor, int, str) == [at, name]
    assert set(cursor) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_first_page() -> None:
    assert decode(None, str) is None


def _coded(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "!!!",
        _coded(b"{}"),
        _coded(b"[1]"),
        _coded(b'["a", "b"]'),
        _coded(b'[1, "a", 2]'),
        _coded(b'[true, "a"]'),
        _coded(b'[9223372036854775808, "a"]'),
        _coded(rb'[1, "\ud800"]'),
        _coded(b"[" * 2000),
        _coded(b"\xff"),
    ],
)
def test_made_up_one_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        decode(cursor, int, str)
    assert caught.value.field == "cursor"
    assert caught.value.remedy
