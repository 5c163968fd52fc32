from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.errors import MalformedBodyError
from api.strict_json import MAX_DEPTH, loads


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"  \n",
        b"{",
        b'{"a":}',
        b"[1,]",
        b"{'a': 1}",
        b"NaN",
        b'{"weight": NaN}',
        b'{"weight": Infinity}',
        b'{"weight": -Infinity}',
        b'{"weight": 1e400}',
        b'{"weight": -1e999}',
        b"1" * 5000,
        b'{"a": 1, "a": 2}',
        b'[{"b": {"a": 1, "c": 2, "a": 1}}]',
        b'{"a": "\\ud800"}',
        b'{"\\udc00": 1}',
        b"\xff\xfe{}",
        b'"\xed\xa0\x80"',
        '{"a": 1}'.encode("utf-16"),
        b"\xef\xbb\xbf{}",
        b"{} {}",
        b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000,
        b"\x00",
    ],
    ids=lambda body: repr(body[:24]),
)
def test_refused(body: bytes) -> None:
    with pytest.raises(MalformedBodyError) as caught:
        loads(body)
    assert caught.value.field == "body"
    assert caught.value.message.endswith(".")
    assert caught.value.remedy
    json.dumps(caught.value.to_dict(), allow_nan=False).encode("utf-8")


def test_message_says_where() -> None:
    with pytest.raises(MalformedBodyError, match=r"line 2, column 8"):
        loads(b'{\n  "a": x}')


def test_deepest_that_is_read() -> None:
    assert loads(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)


def test_astral_characters_are_whole() -> None:
    assert loads(rb'"\ud83d\ude00"') == "\N{GRINNING FACE}"


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(plain)
def test_everything_else_comes_through(value: object) -> None:
    assert loads(json.dumps(value).encode()) == value
