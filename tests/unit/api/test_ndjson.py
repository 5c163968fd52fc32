from __future__ import annotations

import io
import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.ndjson import Line, read_lines
from engine.errors import InvalidInputError, PayloadTooLargeError

LIMIT = 64


def pieces(data: bytes, size: int) -> Callable[[int], bytes]:
    source = io.BytesIO(data)
    return lambda most: source.read(min(most, size))


def lines(data: bytes, *, size: int = 10**9) -> list[Line]:
    return list(read_lines(pieces(data, size), limit_bytes=LIMIT))


@given(
    found=st.lists(
        st.one_of(st.none(), st.dictionaries(st.text(max_size=3), st.integers(0, 9), max_size=3)), max_size=9
    ),
    size=st.integers(1, 40),
    end=st.sampled_from([b"\n", b"\r\n"]),
    closed=st.booleans(),
)
def test_however_it_is_cut(found: list[dict[str, int] | None], size: int, end: bytes, closed: bool) -> None:
    texts = [b"" if each is None else json.dumps(each, ensure_ascii=False).encode() for each in found]
    data = end.join(texts) + (end if closed else b"")
    got = lines(data, size=size)
    assert [(line.number, line.value) for line in got] == [
        (number, each) for number, each in enumerate(found, start=1) if each is not None
    ]
    assert all(line.error is None for line in got)


@pytest.mark.parametrize("size", [1, 7, 64, 100_000])
def test_long_line_is_passed_over_and_counted(size: int) -> None:
    long = b'{"a": "' + b"x" * 1000 + b'"}'
    first, second, third = lines(b'{"a": 1}\n' + long + b'\n{"a": 3}', size=size)
    assert (first.value, third.value) == ({"a": 1}, {"a": 3})
    assert isinstance(second.error, PayloadTooLargeError)
    assert (second.number, second.error.field, second.error.value) == (2, "line", 2)
    assert f"{len(long)} bytes" in second.error.message


def test_line_of_just_the_limit_is_read_and_one_more_is_not() -> None:
    exact = b'{"a": "' + b"x" * (LIMIT - 9) + b'"}'
    assert len(exact) == LIMIT
    assert lines(exact)[0].error is None
    assert isinstance(lines(exact + b" ")[0].error, PayloadTooLargeError)


def test_endless_line_is_not_held() -> None:
    left = 2_000

    def read(most: int) -> bytes:
        nonlocal left
        left -= 1
        return b"x" * most if left >= 0 else b""

    (line,) = read_lines(read, limit_bytes=LIMIT)
    assert isinstance(line.error, PayloadTooLargeError)


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (b'{"a": "\xff"}', "UTF-8"),
        (b'{"a": 1', "not JSON"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b"[1]", "no JSON object"),
        (b"7", "no JSON object"),
        (b'{"a": "\\ud800"}', "surrogate"),
    ],
)
def test_bad_line_is_named_and_the_rest_goes_on(bad: bytes, says: str) -> None:
    first, second, third = lines(b'{"a": 1}\n' + bad + b'\n{"a": 3}\n')
    assert (first.value, third.value) == ({"a": 1}, {"a": 3})
    assert second.value is None and isinstance(second.error, InvalidInputError)
    assert second.number == 2 and says in second.error.message and second.error.field in ("line", "body")


def test_mark_at_the_beginning_is_no_fault() -> None:
    assert lines(b'\xef\xbb\xbf{"a": 1}\n')[0].value == {"a": 1}
